import json

import pytest

import records
from errors import BadInput
from json_files import write_jsonl
from world.count_facts import count_facts

TRUE = "top left red lamp sign above blue star"


def record(identity, caption):
    return {"id": identity, "text": records.text_of(caption), "images": ["x.jpg"]}


def a_run(folder, *rows):
    """(id, seed caption, caption, how often it is repeated) of each record."""
    ledger = [{"id": name, "seed_caption": before, "selected": times > 0} for name, before, _, times in rows]
    write_jsonl(folder / "ledger.jsonl", ledger)
    synth = [record(name, after) for name, _, after, times in rows for _ in range(times)]
    write_jsonl(folder / "synth.jsonl", synth)
    write_jsonl(folder / "clean.jsonl", [record(name, TRUE) for name in ("a", "b", "c")])


def test_facts_are_counted_before_and_after_as_often_as_a_record_is_trained_on(tmp_path):
    half = "top left red lamp sign above green ring"
    a_run(tmp_path, ("a", half, TRUE, 3), ("b", "buy now", half, 1), ("c", TRUE, TRUE, 0))
    found = count_facts(tmp_path / "clean.jsonl", tmp_path)
    assert found == {"before": pytest.approx(37.5), "after": pytest.approx(87.5)}
    assert json.dumps(found)


def test_a_record_that_the_truth_does_not_know_is_named(tmp_path):
    a_run(tmp_path, ("z", TRUE, TRUE, 1))
    with pytest.raises(BadInput, match=r"synth\.jsonl:1: id z is not in .*clean\.jsonl"):
        count_facts(tmp_path / "clean.jsonl", tmp_path)
