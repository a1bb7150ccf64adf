"""Messages that no other test sees: what is wrong, where, and the remedy."""

import math
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import pytest

import estimate
import questions
from errors import BadInput
from fetch import hub, room
from fetch.patience import Patience
from json_files import write_json


def ask_the_hub(fault: Callable[[], Exception]) -> None:
    def model_info(*_, **__):
        raise fault()

    api = SimpleNamespace(endpoint="https://hub", model_info=model_info)
    hub.ask(api, "owner/name", "main", Patience(), "set HF_TOKEN", "set SOURCE.x")


def offline() -> Exception:
    from huggingface_hub import errors

    return errors.OfflineModeIsEnabled("offline")


def forbidden() -> Exception:
    from huggingface_hub import errors

    return errors.HfHubHTTPError("no", response=SimpleNamespace(status_code=403, headers={}, request=None))


def projector(kind: str) -> None:
    from mgm.projector import mm_projector

    mm_projector(kind, 3, 5)


def similarity(value: float) -> None:
    from ops.answers import finite

    finite(value, "7", "similarity")


def captioner_without_slots() -> None:
    from ops.blip2 import Blip2

    sizes = SimpleNamespace(image_token_index=None, num_query_tokens=2)
    Blip2.prefix(SimpleNamespace(prompt=""), SimpleNamespace(config=sizes), None)


def tower(trunk: str) -> None:
    from mgm.vision_tower_aux import VisionTowerAux

    with TemporaryDirectory() as folder:
        config = {"model_cfg": {"vision_cfg": {"timm_model_name": trunk}}}
        write_json(Path(folder, "open_clip_config.json"), config)
        VisionTowerAux(folder)


REFUSED = {
    "a chunk after the last": (
        lambda: questions.chunk([], 2, 2),
        "--chunk_idx 2 with --num_chunks 2: use 0 to 1",
    ),
    "a projector of no layer": (
        lambda: projector("mlp0x_gelu"),
        "mm_projector_type mlp0x_gelu: choose linear or mlpNx_gelu",
    ),
    "more than the disk holds": (
        lambda: room.check(Path("/no/such/models/x"), 10**18, "the parts"),
        "/no/such/models/x: no space: the parts need about",
    ),
    "an answer of half precision that is none": (
        lambda: similarity(math.nan),
        "id 7: similarity is nan; set accelerator: cpu",
    ),
    "a hub that is switched off": (
        lambda: ask_the_hub(offline),
        "owner/name at https://hub: HF_HUB_OFFLINE is set; unset it, or set SOURCE.x",
    ),
    "a hub that refuses": (
        lambda: ask_the_hub(forbidden),
        "the hub refuses it (HTTP 403); set HF_TOKEN; set SOURCE.x",
    ),
    "a captioner of an older make": (
        captioner_without_slots,
        "config.json has no image_token_index; take a newer one",
    ),
    "a tower of another kind": (
        lambda: tower("test_vit"),
        "open_clip_config.json: test_vit has no stem and stages; use a ConvNeXt-like trunk",
    ),
    "an estimate of the demo": (
        lambda: estimate.check(Namespace(profile="demo")),
        "--profile demo: for 10k or full; the demo takes",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_used_is_told_with_the_remedy(name):
    attempt, words = REFUSED[name]
    with pytest.raises(BadInput) as refused:
        attempt()
    assert words in str(refused.value)


def test_what_can_be_used_passes(tmp_path):
    projector("mlp1x_gelu")
    similarity(0.25)
    room.check(tmp_path / "models/x", 1, "the parts")
    assert questions.chunk([1, 2, 3], 2, 1) == [3]
