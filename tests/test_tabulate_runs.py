"""The table over runs: rows in the given order, mean and spread, chance from the question files."""

import json

import pytest

from questions import MMBENCH_COLUMNS
from records import BadInput, write_json
from tabulate_runs import chance_mmbench, chance_textvqa, read_runs, table


def run(folder, name, recipe, seed, textvqa, mmbench):
    scores = {"textvqa": {"accuracy": textvqa}, "mmbench": {"accuracy": mmbench}}
    write_json(folder / name, {"recipe": recipe, "random_seed": seed, "scores": scores})
    return str(folder / name)


def test_rows_are_conditions_in_given_order_with_mean_and_spread(tmp_path):
    arguments = [
        "text only=" + run(tmp_path, "t.json", "recaption", 1, 17.0, 25.0),
        run(tmp_path, "b.json", "recaption", 1, 80.0, 70.0),
        run(tmp_path, "a.json", "filter", 1, 60.0, 40.0),
        run(tmp_path, "c.json", "recaption", 2, 84.0, 80.0),
    ]
    lines = table(read_runs(arguments), {"textvqa": 28.4}).splitlines()
    assert lines[2:] == [
        "| chance | 28.4 | – |  |",
        "| text only | 17.0 | 25.0 | 1 |",
        "| recaption | 82.0 (80.0–84.0) | 75.0 (70.0–80.0) | 2 |",
        "| filter | 60.0 | 40.0 | 1 |",
    ]


def test_one_seed_of_one_condition_counts_once(tmp_path):
    path = run(tmp_path, "a.json", "recaption", 1, 80.0, 70.0)
    with pytest.raises(BadInput, match="random seed 1 of 'recaption' is there"):
        read_runs([path, path])


def test_chance_on_textvqa_is_one_of_the_ocr_tokens(tmp_path):
    texts = [
        "Q?\nReference OCR token: A, B\nAnswer.",
        "Q?\nReference OCR token: A, B, C, D\nAnswer.",
        "Q?\nAnswer.",
    ]
    lines = [{"question_id": i, "image": "x", "text": text} for i, text in enumerate(texts)]
    (tmp_path / "q.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert chance_textvqa(tmp_path / "q.jsonl") == pytest.approx(25.0)


def test_chance_on_mmbench_is_the_circular_product(tmp_path):
    rows = [
        {"index": 1, "question": "?", "A": "a", "B": "b"},
        {"index": 1_000_001, "question": "?", "A": "b", "B": "a"},
        {"index": 2, "question": "?", "A": "a", "B": "b", "C": "c", "D": "d"},
    ]
    table_rows = [[str(row.get(column, "")) for column in MMBENCH_COLUMNS] for row in rows]
    (tmp_path / "q.tsv").write_text(
        "\n".join("\t".join(row) for row in [MMBENCH_COLUMNS, *table_rows]) + "\n"
    )
    assert chance_mmbench(tmp_path / "q.tsv") == pytest.approx(25.0)
