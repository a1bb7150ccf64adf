"""What `spare_work` leaves out of Data-Juicer's work changes no record; each way in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
RUN = """
import json, sys
from run_data_juicer import leave_out_ray, refuse_installation
leave_out_ray()
refuse_installation()
import spare_work
way, seed = sys.argv[1:]
if way == "short":
    spare_work.install()
from data_juicer.core.data import NestedDataset, add_same_content_to_new_column
from data_juicer.format.load import load_formatter
from data_juicer.ops import base_op
from data_juicer.utils import model_utils
from datasets import Dataset

loaded = load_formatter(seed, text_keys=["text"]).load_dataset(1)
print(json.dumps([type(loaded).__name__, Dataset.to_list(loaded)]))
for value in ({}, {"known": 1}):
    some = loaded.select([1, 2])
    arguments = {"new_column_name": "__dj__stats__", "initial_value": value}
    new = some.map(add_same_content_to_new_column, fn_kwargs=arguments, num_proc=0)
    filled = new.map(lambda row: {"__dj__stats__": row["__dj__stats__"] | {"fit": 0.5}}, num_proc=0)
    kinds = [str(data.data.schema.field("__dj__stats__").type) for data in (new, filled)]
    print(json.dumps([kinds, Dataset.to_list(new), Dataset.to_list(filled)]))
base_op.free_models()
print(json.dumps("torch" in sys.modules))
model_utils.MODEL_ZOO["a"] = "a model"
base_op.free_models()
print(json.dumps(len(model_utils.MODEL_ZOO)))
"""
RECORDS = [{"id": name, "text": f"text {name}", "images": [f"/{name}.jpg"]} for name in "abc"]


@pytest.fixture(scope="module")
def told(tmp_path_factory) -> dict[str, list]:
    """What RUN prints with Data-Juicer as it is ("long") and as we run it ("short")."""
    folder = tmp_path_factory.mktemp("seed")
    seed = folder / "seed.jsonl"
    seed.write_text("".join(json.dumps(record) + "\n" for record in RECORDS))
    found = {}
    for way in ("long", "short"):
        done = subprocess.run(
            [sys.executable, "-c", RUN, way, str(seed)],
            env={"PYTHONPATH": str(ROOT / "py"), "HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / way)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        lines = [line for line in done.stdout.splitlines() if line.startswith(("[", "0", "false", "true"))]
        found[way] = [json.loads(line) for line in lines]
    return found


def test_the_seed_is_loaded_as_data_juicer_loads_it(told):
    assert told["short"][0] == told["long"][0] == ["NestedDataset", RECORDS]


def test_a_new_column_is_data_juicers_to_the_type_and_can_be_filled(told):
    for place, value in ((1, {}), (2, {"known": 1})):
        assert told["short"][place] == told["long"][place]
        _, new, filled = told["short"][place]
        assert [row["id"] for row in new] == ["b", "c"], "a selection stays one"
        assert [row["__dj__stats__"] for row in filled] == [{**value, "fit": 0.5}] * 2


def test_torch_is_imported_only_where_there_is_a_model_to_free(told):
    assert [told[way][3] for way in ("long", "short")] == [True, False]
    assert [told[way][4] for way in ("long", "short")] == [0, 0]
