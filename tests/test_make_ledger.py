"""The ledger from a folder that a run left, and what is said where something in it does not fit."""

import json
import sys

import pyarrow as pa
import pyarrow.feather as feather
import pytest

import make_ledger
from errors import BadInput

A, B = (f"<__dj__image>\n{name} <|__dj__eoc|>" for name in ("old a", "old b"))
META = json.dumps({"caption_candidates": "[]"})


def write_lines(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_trace(path, meta=META, **columns):
    table = {"id": ["a"], "text": [A], "__dj__meta__": [meta]}
    feather.write_feather(pa.table({**table, **columns}), path)


@pytest.fixture
def work(tmp_path):
    """A run over a and b that kept the one, and dropped the other as a copy of it."""
    rows = [{"id": name, "text": text, "images": [f"/{name}.jpg"]} for name, text in (("a", A), ("b", B))]
    write_lines(tmp_path / "seed.jsonl", *({**row, "seed_row": k} for k, row in enumerate(rows, 1)))
    write_lines(tmp_path / "left_out.jsonl", {"line": 3, "id": "c", "error": "seed.jsonl:3: no image"})
    report, stats = str(tmp_path / "report.1.json"), str(tmp_path / "stats.1.jsonl")
    step = {"x_deduplicator": {"report": report, "stats_export_path": stats}}
    (tmp_path / "recipe.yaml").write_text(json.dumps({"process": [{"ledger_pipeline": {}}, step]}))
    write_trace(tmp_path / "trace.0", id=["a", "b"], text=[A, B], __dj__meta__=[META, META])
    write_trace(tmp_path / "trace.1")
    write_lines(tmp_path / "stats.1.jsonl", *({"id": name, "__dj__stats__": {"fit": 0.5}} for name in "ab"))
    write_lines(tmp_path / "bad.7")
    (tmp_path / "report.1.json").write_text(json.dumps({"near_duplicates": {"b": ["a", 0.99]}}))
    write_lines(tmp_path / "export.jsonl", rows[0])
    return tmp_path


@pytest.fixture
def make(work, monkeypatch):
    """A function that makes the ledger of ``work``, and returns its lines."""

    def run():
        words = ["--output", work / "synth.jsonl", "--ledger", work / "ledger.jsonl", "--max_bad_records", 1]
        monkeypatch.setattr(sys, "argv", ["make_ledger.py", "--work", str(work), *map(str, words)])
        monkeypatch.setattr(make_ledger.gc, "disable", lambda: None)
        make_ledger.main()
        return [json.loads(line) for line in (work / "ledger.jsonl").read_text().splitlines()]

    return run


def test_a_sound_run_gives_its_ledger(make):
    assert [(line["id"], line["outcome"], line["op"]) for line in make()] == [
        ("a", "kept", None),
        ("b", "dropped", "x_deduplicator"),
        ("c", "dropped", "check_seed"),
    ]


SEED = {"id": "a", "text": A, "images": ["/a.jpg"], "seed_row": 1}
MISFITS = [
    ("seed.jsonl", {**SEED, "seed_row": None}, ":1: seed_row must be a whole number, not None"),
    ("seed.jsonl", {**SEED, "images": []}, ":1: images must be a list of one, not of none"),
    ("seed.jsonl", {**SEED, "text": 5}, ":1: text must be text, not 5"),
    ("left_out.jsonl", {"id": None, "error": "x", "line": "x"}, ":1: line must be a whole number, not 'x'"),
    ("left_out.jsonl", {"error": "x", "line": 3}, ":1: lacks id"),
    ("bad.7", {"op": "x_mapper", "error": "x"}, ":1: lacks id"),
    ("stats.1.jsonl", {"id": "a", "__dj__stats__": 5}, ":1: __dj__stats__ must be an object, not 5"),
    ("stats.1.jsonl", {"id": "z"}, ":1: id z is not in the seed"),
    ("report.1.json", [], ": its value must be an object, not a list of 0"),
    ("report.1.json", {"near_duplicates": {"b": 5}}, ": near_duplicates.b must be a list, not 5"),
    ("report.1.json", {"near_duplicates": {"z": ["a", 0.9]}}, ": id z is not in the seed"),
    ("export.jsonl", {"id": "z", "text": A, "images": ["/z.jpg"]}, ":1: id z is not in the seed"),
    ("export.jsonl", {"id": "a", "text": A, "images": [5]}, ":1: images.0 must be text, not 5"),
    ("recipe.yaml", {"process": [{"x_mapper": {"report": 5}}]}, ": x_mapper: report must be text, not 5"),
]


@pytest.mark.parametrize(("name", "content", "words"), MISFITS)
def test_what_does_not_fit_is_named_with_its_place_and_the_remedy(work, make, name, content, words):
    write_lines(work / name, content)
    with pytest.raises(BadInput) as error:
        make()
    assert str(error.value) == f"{work / name}{words}; synthesise again"


def test_a_note_that_cannot_be_read_names_its_record(work, make):
    write_trace(work / "trace.1", json.dumps({"caption_candidates": "5"}))
    with pytest.raises(
        BadInput, match=r"trace\.1: id a: caption_candidates must be a list in JSON; synthesise"
    ):
        make()


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"__dj__meta__": ["{"]}, "Expecting property name"),
        ({"__dj__meta__": ["1"]}, "not one object for each record"),
        ({"__dj__meta__": ["{}, {}"]}, "not one object for each record"),
    ],
)
def test_a_trace_that_cannot_be_read_is_named(work, make, columns, words):
    write_trace(work / "trace.1", **columns)
    with pytest.raises(BadInput, match=rf"trace\.1: not readable \(.*{words}.*\); run 'make synth' again"):
        make()


def test_a_trace_without_texts_is_named(work, make):
    feather.write_feather(pa.table({"id": ["a"]}), work / "trace.1")
    with pytest.raises(
        BadInput, match=r"trace\.1: not readable \(lacks id or text\); run 'make synth' again"
    ):
        make()


@pytest.mark.parametrize("mistake", [KeyError("x"), TypeError("x"), AttributeError("x"), ValueError("x")])
def test_a_mistake_of_our_own_is_no_fault_of_the_run(make, monkeypatch, mistake):
    def broken(*_):
        raise mistake

    monkeypatch.setattr(make_ledger, "add_export", broken)
    with pytest.raises(type(mistake)) as error:
        make()
    assert error.value is mistake
