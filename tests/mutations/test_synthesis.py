"""What Data-Juicer left, changed: a ledger whose sums are right, or a refusal; no record is lost."""

import json

import pyarrow as pa
import pyarrow.feather as feather
import pytest

from errors import BadInput
from mutations.harness import Refusal, main_of

pytestmark = pytest.mark.attack("mutations")

NAMES = "abcdef"


def text_of(caption):
    return f"<__dj__image>\n{caption} <|__dj__eoc|>"


def lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A run over six records: the first two are recaptioned, one is dropped by a filter, one raised."""
    folder = tmp_path_factory.mktemp("work")

    def trace(number, names, new, stats=True):
        columns = {"id": list(names), "text": [text_of(f"{'new' if n in new else 'old'} {n}") for n in names]}
        columns["__dj__stats__"] = [json.dumps({"fit": 0.5} if stats else {}) for _ in names]
        columns["__dj__meta__"] = [json.dumps({"caption_check": "ok"}) for _ in names]
        feather.write_feather(pa.table(columns), folder / f"trace.{number}")
        return (folder / f"trace.{number}").read_bytes()

    image = {name: f"/seed/images/{name}.jpg" for name in NAMES}
    process = [{"ledger_pipeline": {}}, {"x_mapper": {}}, {"ledger_pipeline": {}}]
    process += [{"y_filter": {"stats_export_path": "stats.2.jsonl"}}, {"ledger_pipeline": {}}]
    return {
        "seed.jsonl": lines(
            [
                {"id": n, "text": text_of(f"old {n}"), "images": [image[n]], "seed_row": k}
                for k, n in enumerate(NAMES, 1)
            ]
        ),
        "left_out.jsonl": lines([{"line": 7, "id": "g", "error": "seed.jsonl:7: no image"}]),
        "trace.0": trace(0, NAMES, "", stats=False),
        "trace.1": trace(1, "bacde", "ab", stats=False),
        "trace.2": trace(2, "bace", "ab"),
        "stats.2.jsonl": lines(
            [{"id": n, "__dj__stats__": {"fit": 0.5 if n != "d" else 0.1}} for n in "abcde"]
        ),
        "bad.12": lines([{"id": "f", "op": "x_mapper", "error": "id f: ValueError: no"}]),
        "export.jsonl": lines(
            [
                {"id": n, "text": text_of(f"{'new' if n in 'ab' else 'old'} {n}"), "images": [image[n]]}
                for n in "bace"
            ]
        ),
        "recipe.yaml": json.dumps({"process": process, "skip_op_error": True}).encode(),
    }


def test_a_ledger(work, attack, monkeypatch):
    def act(folder):
        monkeypatch.chdir(folder)
        where = ["--output", "out/synth.jsonl", "--ledger", "out/ledger.jsonl", "--max_bad_records", 0.9]
        try:
            main_of("make_ledger", "--work", folder, *where)
        except BadInput as error:  # many name the operator, and its log
            raise BadInput(f"{folder}: {error}") from error
        ledger = [json.loads(line) for line in (folder / "out/ledger.jsonl").read_bytes().splitlines()]
        synth = [json.loads(line) for line in (folder / "out/synth.jsonl").read_bytes().splitlines()]
        return ledger, synth, json.loads((folder / "out/synth.summary.json").read_bytes())

    def check(case, value, expected):
        if isinstance(value, Refusal):
            return
        ledger, synth, summary = value
        told = [json.dumps(line["id"]) for line in ledger]  # what was left out may have any id
        assert (
            len(told)
            == summary["seed"]
            == summary["kept"] + summary["recaptioned"] + sum(summary["dropped"].values())
        )
        assert {json.dumps(row["id"]) for row in synth} <= set(told) and len(synth) == summary["selected"]
        if case.name != "seed.jsonl" and case.name != "left_out.jsonl":
            assert sorted(told) == sorted(json.dumps(line["id"]) for line in expected[0])

    attack(work, act, check)


LEDGER = lines(
    [
        {
            "id": n,
            "outcome": "recaptioned" if n < "c" else "kept" if n < "e" else "dropped",
            "op": None if n < "e" else "y_filter",
        }
        | {"stats": {"fit": 0.5}, "selected": n < "e", "repeated": int(n < "e"), "seed_caption": f"old {n}"}
        | ({"caption": f"new {n}"} if n < "c" else {})
        for n in NAMES
    ]
)
SUMMARY = {
    "seed": 6,
    "kept": 2,
    "recaptioned": 2,
    "dropped": {"y_filter": 2},
    "bad": 0,
    "selected": 4,
    "unique": 4,
}
SUMMARY |= {"synthesised": 2, "notes": {}, "steps": [{"op": "y_filter", "in": 6, "out": 4, "changed": 0}]}
SUMMARY |= {"thresholds": [{"op": "y_filter", "statistic": "fit", "given": {"min_value": 0.2}}]}


def test_the_page_of_a_synthesis(attack):
    seed = lines([{"id": n, "text": text_of(f"old {n}"), "images": [f"{n}.jpg"]} for n in NAMES])
    files = {"synth.summary.json": json.dumps(SUMMARY).encode(), "ledger.jsonl": LEDGER, "seed.jsonl": seed}
    files["r.yaml"] = b"# A recipe.\nprocess:\n- y_filter: {min_value: 0.2}\n"

    def act(folder):
        words = ["--ledger", folder / "ledger.jsonl", "--summary", folder / "synth.summary.json"]
        words += [
            "--recipe",
            folder / "r.yaml",
            "--seed",
            folder / "seed.jsonl",
            "--output",
            folder / "page.html",
        ]
        main_of("synth_report", *words)
        return (folder / "page.html").is_file()

    attack(files, act)
