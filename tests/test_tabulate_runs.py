"""The README's table: recipes and controls in the leaderboard's order, verdicts, chance, blanked images."""

import json
import shutil

import pytest

from json_files import read_json
from mmbench_table import MMBENCH_COLUMNS
from sweeps import write_board
from tabulate_runs import chance_mmbench, chance_textvqa, table

CHANCE = {"textvqa": 28.4, "mmbench": 25.0}


def test_rows_stand_in_the_leaderboards_order_with_intervals_and_verdicts(tmp_path):
    made = write_board(tmp_path, {"seed": 0.3, "recaption": 0.95, "shuffled": 0.3}, [1, 2, 3, 4, 5])
    lines = table(made["leaderboard"], CHANCE).splitlines()
    assert lines[2] == "| chance | 28.4 | 25.0 |  |  |  |  |"
    board = {entry["recipe"]: entry for entry in read_json(made["leaderboard"])}
    labels = [line.split(" | ")[0] for line in lines[3:]]
    assert labels[0] == "| recipe `recaption`" and "| clean captions, shuffled among the images" in labels
    best = board["recaption"]
    mean, (low, high) = best["textvqa"]["accuracy"], best["textvqa"]["ci95"]
    assert f"| {mean:.1f} ({low:.1f}–{high:.1f}) |" in lines[3]
    assert lines[3].endswith("| better | – | 5 |")
    assert next(line for line in lines if "`seed`" in line[:20]).endswith("| 1.00 |  | – | 5 |")


def test_blanked_runs_have_a_row_only_if_all_runs_of_a_recipe_were_asked_so(tmp_path):
    made = write_board(tmp_path, {"seed": 0.3, "recaption": 0.9}, [1, 2])
    runs = made["leaderboard"].parent
    for name in ("recaption-s1", "recaption-s2"):
        assert "blanked" not in table(made["leaderboard"], CHANCE)
        shutil.copytree(runs / "seed-s1" / "eval", runs / name / "blank" / "eval")
        shutil.copy(runs / "seed-s1" / "results.json", runs / name / "blank")
    [row] = [line for line in table(made["leaderboard"], CHANCE).splitlines() if "blanked" in line]
    mean = read_json(runs / "seed-s1" / "results.json")["scores"]["mmbench"]["accuracy"]
    assert row.startswith("| `recaption`, asked with the image blanked | ") and f" {mean:.1f} (" in row


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
