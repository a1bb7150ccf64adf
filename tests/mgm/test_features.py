"""The towers' outputs, computed once: the same bytes from the towers and from files, and nothing else."""

import errno
import itertools
import multiprocessing
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from costs.shapes import VISION_TOWER, VISION_TOWER_AUX, mgm_config, on_meta
from errors import BadInput
from mgm.checkpoint import LoadedMGM, load_base, load_processor, load_tokenizer, read_config
from mgm.collator import Collator
from mgm.config import IMAGE_TOKEN_INDEX
from mgm.data import GHOST, ConversationDataset
from mgm.decoder import MGMGemmaModel
from mgm.feature_files import FeatureFiles
from mgm.features import not_worth_it, open_features
from mgm.generate import encode_question
from mgm.images import ImageProcessor, image_file, open_image
from mgm.packed_towers import PackedTowers
from mgm.prefill import embed_pictures
from mgm.vision_tower import VisionTower, vision_config
from pictures import PictureFile

LENGTH, SIZE = 5, 24  # floats and bytes a vector


def vector(n: int) -> torch.Tensor:
    return torch.arange(LENGTH, dtype=torch.float32) + n


@pytest.fixture
def files(tmp_path):
    """(files of vectors of 5 in a fresh folder that may take ``limit``, what they said)."""

    def make(limit: float = 1e6) -> tuple[FeatureFiles, list[str]]:
        said: list[str] = []
        return FeatureFiles(tmp_path / "features", "towers", LENGTH, limit, said.append), said

    return make


@pytest.fixture
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def loaded(tiny_models, standin):
    """The tiny language model on the demo's towers (the tiny CLIP's features depend on the batch)."""
    names = {"mm_vision_tower": VISION_TOWER, "mm_vision_tower_aux": VISION_TOWER_AUX}
    towers = {field: standin(name) for field, name in names.items()}
    config = read_config(tiny_models.llm, image_size_aux=96, image_aspect_ratio="pad", **towers)
    model = load_base(config, tiny_models.llm, None, torch.float32, seed=5)
    return LoadedMGM(model.eval(), load_tokenizer(tiny_models.llm, 512), load_processor(config))


@pytest.fixture
def opened(loaded, tmp_path, one_thread):
    """A function that opens the towers' cache, by default in one folder with one processor."""

    def make(processor=loaded.image_processor, model=loaded.model.model, gb=1.0, say=pytest.fail):
        return open_features(tmp_path / "features", gb, model, processor, 22, 4, say)

    if PackedTowers(loaded.model.model, loaded.image_processor).trial(4) is None:
        pytest.skip("with this CPU's kernels a picture's features depend on its batch")
    return make


@pytest.fixture
def images(tiny_data) -> list[PictureFile | None]:
    """Five pictures, one twice, and a blank."""
    paths = [tiny_data / f"images/{i}.png" for i in (0, 1, 2, 1, 5, 6)]
    return [*(image_file(path) for path in paths), None]


def from_towers(loaded, images) -> tuple[torch.Tensor, torch.Tensor]:
    processor = loaded.image_processor
    pixels = [processor.blank() if image is None else processor(image.picture()) for image in images]
    return loaded.model.tower_features(*(torch.stack(tensors) for tensors in zip(*pixels, strict=True)))


def same_bytes(a: tuple[torch.Tensor, ...], b: tuple[torch.Tensor, ...]) -> bool:
    return all(
        x.shape == y.shape and x.numpy().tobytes() == y.numpy().tobytes() for x, y in zip(a, b, strict=True)
    )


def test_vectors_come_back_as_they_were_in_another_process_too(files):
    values = torch.tensor([0.0, -0.0, float("nan"), float("inf"), 1e-45])
    files()[0].add({"a": values, "b": vector(3)})
    again, said = files()
    assert again.read("a").numpy().tobytes() == values.numpy().tobytes() and not said
    assert torch.equal(again.read("b"), vector(3)) and again.read("c") is None
    assert again.held() == 2 * SIZE


@pytest.mark.parametrize(
    "damage",
    [
        lambda b: b"",
        lambda b: b[:-1],
        lambda b: b + b"x",
        lambda b: bytes([b[0] ^ 1]) + b[1:],
        lambda b: b * 2,
    ],
    ids=["empty", "cut short", "longer", "one bit", "twice"],
)
def test_a_damaged_vector_is_none_and_can_be_written_anew(damage, files):
    kept, _ = files()
    kept.add({"a": vector(1), "b": vector(2)})
    path = kept.folder / "a"
    path.write_bytes(damage(path.read_bytes()))
    assert kept.read("a") is None and torch.equal(kept.read("b"), vector(2))
    kept.add({"a": vector(1)})
    assert torch.equal(kept.read("a"), vector(1))


def test_a_vector_under_another_ones_name_is_none(files):
    kept, _ = files()
    kept.add({"a": vector(1)})
    (kept.folder / "a").rename(kept.folder / "b")
    assert kept.read("b") is None


@pytest.mark.parametrize("processes", [1, 2, 4])
def test_processes_side_by_side_stay_within_the_limit_fill_it_and_say_so_once(processes, files):
    several = [files(100 * SIZE) for _ in range(processes)]
    for n in range(200):
        several[n % processes][0].add({str(n): vector(n)})
    assert 90 * SIZE <= several[0][0].held() <= 100 * SIZE
    for kept, said in several:
        assert len(said) == 1 and "is full" in said[0] and "remove it, or allow more" in said[0]
        assert torch.equal(kept.read("0"), vector(0)) and kept.read("199") is None


def test_a_full_disk_is_said_once_and_leaves_nothing_aside(files, monkeypatch):
    kept, said = files()
    kept.add({"a": vector(1)})

    def full(path: Path, content: bytes) -> None:
        with path.open("wb") as file:
            file.write(content[:7])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    for n in range(3):
        kept.add({f"b{n}": vector(n)})
    assert said == [f"features: no more are kept ({kept.folder}: No space left on device)"]
    assert [path.name for path in kept.folder.iterdir()] == ["a"] and torch.equal(kept.read("a"), vector(1))


def test_a_folder_that_cannot_be_or_is_removed_meanwhile_is_said_and_no_error(files, tmp_path):
    kept, said = files()
    kept.add({"a": vector(1)})
    (kept.folder / "a").unlink()
    kept.folder.rmdir()
    kept.add({"b": vector(2)})
    assert kept.read("a") is None and len(said) == 1 and "No such file" in said[0]
    (tmp_path / "features").rmdir()
    (tmp_path / "features").write_text("a file")
    blocked, said = files()
    blocked.add({"a": vector(1)})
    assert blocked.read("a") is None and blocked.held() == 0 and len(said) == 1


def test_what_a_killed_process_left_aside_goes_and_nothing_else(files):
    kept, _ = files()
    for name in (".ab12.77+", ".cd34.78+", "notes+", ".my draft.1+"):
        (kept.folder / name).write_text("x")
        os.utime(kept.folder / name, (0, 0))
    os.utime(kept.folder / ".cd34.78+")  # now: its process may live
    kept.add({"a": vector(1)})
    assert sorted(path.name for path in kept.folder.iterdir()) == [".cd34.78+", ".my draft.1+", "a", "notes+"]


def write_for_ever(kept: FeatureFiles) -> None:
    for n in itertools.count():
        kept.add({f"k{n % 50}": vector(n % 50)})


def test_a_process_killed_while_it_writes_leaves_each_vector_whole_or_absent(files):
    kept, _ = files()
    for _ in range(8):
        child = multiprocessing.get_context("fork").Process(target=write_for_ever, args=(kept,))
        child.start()
        until = time.monotonic() + 30
        while kept.read("k1") is None:
            assert time.monotonic() < until
        child.kill()
        child.join()
        for n in range(50):
            assert not (kept.folder / f"k{n}").exists() or torch.equal(kept.read(f"k{n}"), vector(n))
        (kept.folder / "k1").unlink(missing_ok=True)


def test_features_are_the_towers_own_bytes_computed_kept_or_half_of_each(opened, images, loaded):
    wanted = from_towers(loaded, images)
    cache = opened()
    assert same_bytes(cache.features_of(images[:3]), [x[:3] for x in wanted])
    assert (cache.asked, cache.computed) == (3, 3)
    assert same_bytes(cache.features_of(images), wanted)  # two more and the blank one
    assert (cache.asked, cache.computed) == (9, 5)
    again = opened()
    assert same_bytes(again.features_of(images[::-1]), [x.flip(0) for x in wanted])
    assert (again.asked, again.computed) == (6, 0)
    assert again.summary().startswith(f"features: 6 of 6 images from {again.files.root} (")
    assert again.summary().endswith("MB), 0 computed")


def test_a_damaged_file_is_computed_again(opened, images, loaded):
    cache = opened()
    wanted = cache.features_of(images)
    for path in cache.files.folder.iterdir():
        path.write_bytes(path.read_bytes()[:-40] + b"\0" * 40)
    assert same_bytes(cache.features_of(images), wanted)
    assert cache.computed == 10
    again = opened()
    assert same_bytes(again.features_of(images), wanted) and again.computed == 0


def test_a_picture_that_is_there_is_not_decoded_and_one_that_is_broken_is_named(opened, images, monkeypatch):
    cache = opened()
    cache.features_of(images)
    monkeypatch.setattr(PictureFile, "picture", lambda *_: pytest.fail("decoded"))
    cache.features_of(images)
    monkeypatch.undo()
    with pytest.raises(BadInput, match=r"row 7's image cannot be read \(.*\); fetch it again"):
        cache.features_of([*images, PictureFile(b"GIF89a", "row 7's image", "fetch it again")])
    with pytest.raises(BadInput, match=r"image .*gone.png is missing; fetch it again"):
        image_file("gone.png")


def test_other_weights_pixels_or_layers_have_a_folder_of_their_own(opened, loaded):
    processor, model = loaded.image_processor, loaded.model.model
    folders = {opened().files.folder, opened().files.folder}
    assert len(folders) == 1
    for change in ({"aspect_ratio": "square"}, {"mean": (0.5, 0.46, 0.41)}, {"size_aux": 192}):
        folders.add(opened(replace(processor, **change)).files.folder)
    assert len(folders) == 4
    other = MGMGemmaModel(model.config)
    other.load_state_dict(model.state_dict())
    assert opened(model=other).files.folder in folders
    other.vision_tower = VisionTower(vision_config(model.config.mm_vision_tower), -3)
    other.vision_tower.load_state_dict(model.vision_tower.state_dict())
    folders.add(opened(model=other).files.folder)
    # A weight past the selected layer changes nothing that is computed, yet this is another tower.
    other.vision_tower.vision_tower.vision_model.post_layernorm.bias.data += 1
    folders.add(opened(model=other).files.folder)
    assert len(folders) == 6


@pytest.mark.parametrize("gives", ["batch", "layout"])
def test_nothing_is_kept_where_a_bit_depends_on_the_batch_or_on_keeping(gives, opened, loaded, monkeypatch):
    aux, said = loaded.model.model.vision_tower_aux, []
    if gives == "batch":
        stages = aux.stages
        monkeypatch.setattr(aux, "stages", lambda x: [s * (1 + 1e-6 * (len(x) > 2)) for s in stages(x)])
    else:
        forward = aux.forward
        monkeypatch.setattr(aux, "forward", lambda x: forward(x) * (1 + 1e-6))
    assert opened(say=said.append) is None
    assert len(said) == 1 and "depend on its batch" in said[0] and "OMP_NUM_THREADS=1" in said[0]


def test_nothing_is_kept_that_is_not_worth_it_or_not_of_the_cpu(opened, loaded):
    said = []
    assert opened(gb=1e-3, say=said.append) is None and "the limit is 0.001 GB" in said[0]
    assert opened(gb=0, say=said.append) is None
    double = type(loaded.model)(loaded.model.config).double().model
    assert opened(model=double, say=said.append) is None and "only on the CPU and in float32" in said[2]


@pytest.mark.parametrize(
    ("size", "flop", "pictures", "limit", "reason"),
    [
        (87_040, 26e6, 3_000, 2e9, None),  # the demo
        (55_443_456, 1_143e9, 10_000, 2e9, "10,000 pictures take 5.5e+02 GB, the limit is 2 GB"),
        (87_040, 26e6, 30_000, 2e9, "30,000 pictures take 2.6 GB, the limit is 2 GB"),
        (87_040, 1e6, 3_000, 2e9, "reading takes longer (0.17 ms a picture) than computing (0.05 ms)"),
    ],
)
def test_it_is_worth_it_when_all_fits_and_reading_takes_less_than_computing(
    size, flop, pictures, limit, reason, one_thread
):
    assert not_worth_it(size, flop, pictures, limit) == reason


def test_size_and_operations_are_reckoned_from_the_shapes():
    """At the official shapes: 55 MB in float32, and within 5 % of the 1,190 GFLOP that PyTorch counts."""
    model = on_meta(mgm_config()).model
    towers = PackedTowers(model, ImageProcessor(336, 768, (0.5,) * 3, (0.5,) * 3))
    stages = model.vision_tower_aux.stages(torch.empty(1, 3, 768, 768, device="meta", dtype=torch.bfloat16))
    assert [tuple(s.shape[1:]) for s in stages] == model.vision_tower_aux.stage_shapes(768)
    assert 4 * towers.length == 4 * (576 * 1024 + sum(s.numel() for s in stages)) == 55_443_456
    assert 0.95 < towers.flop() / 1190e9 < 1.05


@pytest.mark.parametrize("rows", [(0, 4, 7), (4, 9), (4, GHOST), (GHOST,)], ids=str)
def test_a_batch_of_features_gives_the_loss_and_gradients_of_one_of_pictures(rows, opened, tiny_data, loaded):
    """Samples 4 and 9 are text alone; a ghost has no label."""
    dataset = ConversationDataset(
        tiny_data / "data.json", tiny_data, loaded.tokenizer, loaded.image_processor
    )
    plain = Collator(0)([dataset[i] for i in rows])
    dataset.decodes = False
    collator, results = Collator(0, opened()), []
    for batch in (plain, collator([dataset[i] for i in rows]), collator([dataset[i] for i in rows])):
        loaded.model.zero_grad()
        loss = loaded.model(**batch, num_items_in_batch=1).loss
        loss.backward()
        grads = [p.grad for p in loaded.model.parameters() if p.grad is not None]
        results.append((loss.detach(), *(grad.clone() for grad in grads)))
    loaded.model.zero_grad()
    assert len(results[0]) > 20
    assert same_bytes(results[0], results[1]) and same_bytes(results[0], results[2])


def test_a_file_decodes_as_its_path_does(tiny_data):
    path = tiny_data / "images/3.png"
    assert image_file(path).picture().tobytes() == open_image(path).tobytes()


def test_evaluation_embeds_the_same_with_features_kept(opened, loaded, images):
    prefix = [*encode_question(loaded, "What?", True)[:5], IMAGE_TOKEN_INDEX]
    pixels = [loaded.image_processor(file.picture()) for file in images[:4]]
    with torch.inference_mode():
        wanted = embed_pictures(loaded, prefix, pixels)
    for computed in (3, 0):  # one of the four is there twice
        cache = opened()
        with torch.inference_mode():
            found = embed_pictures(replace(loaded, features=cache), prefix, images[:4])
        assert same_bytes((found,), (wanted,))
        assert (cache.asked, cache.computed) == (4, computed)
