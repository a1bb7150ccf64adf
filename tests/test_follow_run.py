import json
from collections import Counter

import pyarrow as pa
import pyarrow.feather as feather
import pytest

from errors import BadInput
from fates import Fate, check_sum, ledger_lines, summary_of, synth_lines
from follow_run import add_export, follow, read_left_out
from json_files import write_jsonl

A, B, C = (f"<__dj__image>\n{name} <|__dj__eoc|>" for name in ("old a", "old b", "old c"))
NEW = "<__dj__image>\nnew a <|__dj__eoc|>"


def fates():
    return {name: Fate(text, f"/seed/images/{name}.jpg") for name, text in (("a", A), ("b", B), ("c", C))}


def step(name, work=None, number=0):
    return {name: {"stats_export_path": str(work / f"stats.{number}.jsonl")} if work else {}}


def trace(work, number, *rows, meta=None):
    """What a ledger_pipeline behind step ``number`` writes: (id, text, statistics) of each record."""
    columns = {"id": [row[0] for row in rows], "text": [row[1] for row in rows]}
    columns["__dj__stats__"] = [json.dumps(row[2]) for row in rows]
    if meta:
        columns["__dj__meta__"] = [json.dumps(meta.get(row[0], {})) for row in rows]
    feather.write_feather(pa.table(columns), work / f"trace.{number}")


def export(work, *rows):
    lines = [
        json.dumps({"id": identity, "text": text, "images": [f"/seed/images/{identity}.jpg"]})
        for identity, text in rows
    ]
    (work / "export.jsonl").write_text("".join(line + "\n" for line in lines))
    return work


def a_run(work):
    """a is recaptioned and repeated, b dropped by a filter, c by a selector; in any order."""
    seed = [("c", C, {}), ("a", A, {}), ("b", B, {})]
    trace(work, 0, *seed)
    trace(work, 1, ("c", C, {}), ("b", B, {}), ("a", NEW, {}))
    stats = [
        {"id": name, "__dj__stats__": {"fit": fit}} for name, fit in (("a", 0.9), ("b", 0.1), ("c", 0.5))
    ]
    (work / "stats.2.jsonl").write_text("".join(json.dumps(row) + "\n" for row in stats))
    trace(work, 2, ("c", C, {"fit": 0.5}), ("a", NEW, {"fit": 0.9}))
    trace(work, 3, ("a", NEW, {"fit": 0.9}), ("a", NEW, {"fit": 0.9}))
    return [step("x_mapper"), step("y_filter", work, 2), step("topk_selector")]


def test_the_ledger_says_what_became_of_every_record(tmp_path):
    process, what = a_run(tmp_path), fates()
    seen, funnel = follow(what, tmp_path, process)
    add_export(what, export(tmp_path, ("a", NEW), ("a", NEW)), seen)
    lines = {identity: fate.line(identity) for identity, fate in what.items()}
    assert lines["a"] == {
        "id": "a",
        "outcome": "recaptioned",
        "op": None,
        "stats": {"fit": 0.9},
        "selected": True,
        "repeated": 2,
        "seed_caption": "old a",
        "caption": "new a",
    }
    assert [lines["b"][key] for key in ("outcome", "op", "stats")] == ["dropped", "y_filter", {"fit": 0.1}]
    assert [lines["c"][key] for key in ("outcome", "op", "stats")] == [
        "dropped",
        "topk_selector",
        {"fit": 0.5},
    ]
    assert funnel == [
        {"op": "x_mapper", "in": 3, "out": 3, "changed": 1},
        {"op": "y_filter", "in": 3, "out": 2, "changed": 0},
        {"op": "topk_selector", "in": 2, "out": 2, "changed": 0},
    ]
    summary = summary_of(what)
    check_sum(summary, 0.0)
    assert summary == {
        "seed": 3,
        "kept": 0,
        "recaptioned": 1,
        "dropped": {"topk_selector": 1, "y_filter": 1},
        "bad": 0,
        "selected": 2,
        "unique": 1,
        "synthesised": 2,
        "notes": {},
    }


def test_an_operator_of_one_name_used_twice_is_told_apart(tmp_path):
    trace(tmp_path, 0, ("a", A, {}), ("b", B, {}), ("c", C, {}))
    trace(tmp_path, 1, ("a", A, {}), ("b", B, {}))
    trace(tmp_path, 2, ("a", A, {}))
    what = fates()
    follow(what, tmp_path, [step("topk_selector"), step("topk_selector")])
    assert [what[name].dropped_by for name in "abc"] == [None, "topk_selector#2", "topk_selector"]


def test_synth_is_in_the_seeds_order_with_repeats_in_further_rounds(tmp_path):
    what = fates()
    rows = [("c", C), ("a", A), ("b", B), ("c", C), ("c", C), ("b", B)]
    add_export(what, export(tmp_path, *rows), Counter({"a": 1, "b": 2, "c": 3}))
    lines = list(synth_lines(what, tmp_path))
    assert [line["id"] for line in lines] == list("abcbcc")
    assert not lines[0]["images"][0].startswith("/")


@pytest.mark.parametrize("name", ["x_mapper", "y_filter"])
def test_records_lost_without_a_reason_fail_the_stage(tmp_path, name):
    trace(tmp_path, 0, ("a", A, {}), ("b", B, {}), ("c", C, {}))
    trace(tmp_path, 1)
    (tmp_path / "stats.1.jsonl").write_text("")
    with pytest.raises(BadInput, match=f"{name}: 3 of 3 records went missing, first id a"):
        follow(fates(), tmp_path, [step(name, tmp_path, 1)])


def test_a_record_that_data_juicer_never_read_fails_the_stage(tmp_path):
    trace(tmp_path, 0, ("a", A, {}), ("b", B, {}))
    with pytest.raises(BadInput, match="read 2 of 3 seed records"):
        follow(fates(), tmp_path, [])


def test_an_id_that_nobody_put_in_fails_the_stage(tmp_path):
    trace(tmp_path, 0, ("a", A, {}), ("b", B, {}), ("c", C, {}))
    trace(tmp_path, 1, ("z", A, {}))
    with pytest.raises(BadInput, match="x_mapper: id z came out"):
        follow(fates(), tmp_path, [step("x_mapper")])


def test_an_export_that_differs_from_the_last_operator_fails_the_stage(tmp_path):
    with pytest.raises(BadInput, match="exported 1 records, but 2 came out"):
        add_export(fates(), export(tmp_path, ("a", A)), Counter({"a": 1, "b": 1}))
    with pytest.raises(BadInput, match="exported 0 records, but 1 came out"):
        add_export(fates(), tmp_path / "nothing", Counter({"a": 1}))


def test_nothing_left_is_no_result(tmp_path):
    what = fates()
    for fate in what.values():
        fate.dropped_by = "y_filter"
    with pytest.raises(BadInput, match=r"no record is left, dropped by \{'y_filter': 3\}"):
        add_export(what, export(tmp_path), Counter())


def test_records_that_were_left_out_as_bad_stand_in_the_ledger_with_the_reason(tmp_path):
    trace(tmp_path, 0, ("a", A, {}), ("b", B, {}), ("c", C, {}))
    trace(tmp_path, 1, ("a", A, {}), ("c", C, {}))
    (tmp_path / "bad.7").write_text(
        json.dumps({"id": "b", "op": "x_mapper", "error": "id b: no luck"}) + "\n"
    )
    faults = [
        {"line": 2, "id": None, "error": "not valid JSON"},
        {"line": 9, "id": "a", "error": "stands twice"},
    ]
    (tmp_path / "left_out.jsonl").write_text("".join(json.dumps(fault) + "\n" for fault in faults))
    what, left_out = fates(), read_left_out(tmp_path / "left_out.jsonl")
    for row, fate in zip((1, 3, 4), what.values(), strict=True):
        fate.row = row
    seen, _ = follow(what, tmp_path, [step("x_mapper")])
    add_export(what, export(tmp_path, ("a", A), ("c", C)), seen)
    lines = list(ledger_lines(what, left_out))
    assert [(line["id"], line["outcome"], line["op"]) for line in lines] == [
        ("a", "kept", None),
        (None, "dropped", "check_seed"),
        ("b", "dropped", "x_mapper"),
        ("c", "kept", None),
        ("a", "dropped", "check_seed"),
    ]
    assert lines[2]["notes"] == {"error": "id b: no luck"}
    summary = summary_of(what, len(left_out))
    assert (summary["seed"], summary["bad"], summary["dropped"]) == (5, 3, {"check_seed": 2, "x_mapper": 1})
    check_sum(summary, 0.6)
    with pytest.raises(BadInput, match=r"3 of 5 records are bad, more than MAX_BAD_RECORDS=0\.5"):
        check_sum(summary, 0.5)


def test_notes_keep_what_a_person_can_use(tmp_path):
    meta = {
        "a": {"caption_check": "ok", "caption_before": "old a", "caption_candidates": '["new a", "another"]'},
        "b": {"caption_check": "repeats", "caption_rejected": "a a a", "caption_candidates": '["alone"]'},
        "c": {"ocr_words": '[{"text": "STOP"}]', "watermark": ""},
    }
    for number in (0, 1):
        trace(tmp_path, number, ("a", NEW, {}), ("b", B, {}), ("c", C, {}), meta=meta)
    what = fates()
    follow(what, tmp_path, [step("x_mapper")])
    assert what["a"].notes == {"caption_check": "ok", "candidates": ["new a", "another"]}
    assert what["b"].notes == {"caption_check": "repeats", "caption_rejected": "a a a"}
    assert what["c"].notes == {"ocr": [{"text": "STOP"}], "watermark": ""}
    assert summary_of(what)["notes"] == {"caption_check": {"ok": 1, "repeats": 1}, "watermark": {"": 1}}


def test_a_near_duplicate_names_the_record_that_it_resembles(tmp_path):
    trace(tmp_path, 0, ("a", A, {}), ("b", B, {}), ("c", C, {}))
    trace(tmp_path, 1, ("a", A, {}), ("c", C, {}))
    (tmp_path / "report.1.json").write_text(json.dumps({"near_duplicates": {"b": ["a", 0.99]}}))
    what = fates()
    follow(what, tmp_path, [{"x_deduplicator": {"report": str(tmp_path / "report.1.json")}}])
    line = what["b"].line("b")
    assert (line["op"], line["notes"]) == ("x_deduplicator", {"near_duplicate_of": "a"})
    assert line["stats"] == {"near_duplicate_similarity": 0.99}


def test_an_image_that_the_recipe_made_is_the_one_that_is_trained_on(tmp_path):
    trace(tmp_path, 0, ("a", A, {}), ("b", B, {}), ("c", C, {}))
    what = fates()
    rows = [
        {"id": name, "text": text, "images": [f"/made/{name}.png"]}
        for name, text in zip("abc", (A, B, C), strict=True)
    ]
    write_jsonl(tmp_path / "export.jsonl", rows)
    add_export(what, tmp_path, Counter("abc"))
    assert next(synth_lines(what, tmp_path / "made"))["images"][0].endswith("made/a.png")
    assert all("seed" not in line["images"][0] for line in synth_lines(what, tmp_path))


def test_a_filter_that_judged_nothing_may_drop_nothing(tmp_path):
    trace(tmp_path, 0, ("a", A, {}), ("b", B, {}), ("c", C, {}))
    trace(tmp_path, 1, ("a", A, {}))
    with pytest.raises(BadInput, match="y_filter: 2 of 3 records went missing, first id b"):
        follow(fates(), tmp_path, [step("y_filter")])
