"""Questions as the page tells them: what was asked, who won, by which answers, in which category."""

import json
from pathlib import Path

import pytest

import sweeps
from errors import BadInput
from json_files import write_json, write_jsonl
from leaderboard.runs import read_run
from sweep_report import categories, contested, evaluation
from sweep_report.sources import Board, read_board

SEEDS = (1, 2, 3)


def right(test: str, *questions: str) -> dict[str, float]:
    """Scores in which only ``questions`` are answered rightly."""
    return {str(number): float(str(number) in questions) for number in range(sweeps.QUESTIONS[test])}


@pytest.fixture
def made(tmp_path: Path) -> tuple[Board, evaluation.Evaluation]:
    """The baseline knows MMBench's 1, 2 and 4 always; the other 2, 3 and 4, and with seed 1 not 4 but 1."""
    base = {"mmbench": right("mmbench", "1", "2", "4")}
    options = sweeps.write_board(
        tmp_path,
        {"seed": 0.5, "other": 0.5},
        SEEDS,
        by_recipe={"seed": base},
        mmbench=right("mmbench", "2", "3", "4"),
    )
    runs = options["leaderboard"].parent
    protocol = json.loads((runs / "other-s1" / "results.json").read_text())["protocol"]
    sweeps.write_run(runs, "other", 1, mmbench=right("mmbench", "1", "2", "3"), protocol=protocol)
    board = json.loads(options["leaderboard"].read_text())
    entry = next(entry for entry in board if entry["recipe"] == "other")
    for test in sweeps.QUESTIONS:
        values = read_run("other", 1, runs / "other-s1").scores[test].values()
        entry[test]["runs"][0] = 100 * sum(values) / len(values)
    write_json(options["leaderboard"], board)
    found = read_board(options["leaderboard"])
    return found, evaluation.read_evaluation(options["eval_data"], found)


def test_won_lost_and_same_are_counted_over_the_shared_seeds_and_the_clearest_come_first(made):
    board, asked = made
    found = next(each for each in contested.contests(board, asked) if each.test == "MMBench")
    assert (found.random_seeds, found.won, found.lost) == ([1, 2, 3], 1, 2)
    assert found.same == sweeps.QUESTIONS["mmbench"] - 3
    assert [(case.name, case.agree) for case in found.shown["won"]] == [("3", 3)]
    assert [(case.name, case.agree, case.random_seed) for case in found.shown["lost"]] == [
        ("1", 2, 2),
        ("4", 1, 1),
    ]


def test_a_case_shows_the_question_the_right_answer_both_answers_and_the_image(made):
    board, asked = made
    found = next(each for each in contested.contests(board, asked) if each.test == "MMBench")
    case = found.shown["won"][0]
    assert case.question == "where 3?\nA. w\nB. x\nC. y\nD. z" and case.right == "B. x"
    assert (case.mine, case.theirs) == ("1", "0")
    assert case.picture.source.startswith("data:image/jpeg;base64,")


def test_without_a_shared_seed_nothing_is_won_or_lost(made):
    board, asked = made
    alone = board._replace(
        runs=board.runs | {"seed": [run._replace(random_seed=9) for run in board.runs["seed"]]}
    )
    assert contested.contests(alone, asked) == []


def test_of_circular_variants_the_one_with_different_answers_is_shown():
    question = sweeps_question(1_000_005, "second", ("b", "a"), "B")
    asked = evaluation.Asked(
        "first", "A. a", "", "", {5: sweeps_question(5, "first", ("a", "b"), "A"), 1_000_005: question}
    )
    same = ({"question_id": 5, "text": "A"}, {"question_id": 5, "text": "A"})
    other = ({"question_id": 1_000_005, "text": "B"}, {"question_id": 1_000_005, "text": "A"})
    assert contested.telling([same, other], asked) == (*other, ("second", "B. a"))
    assert contested.telling([same], asked) == (*same, ("first", "A. a"))


def sweeps_question(index: int, prompt: str, options: tuple[str, ...], answer: str) -> evaluation.Question:
    return evaluation.Question(index, prompt, "", options, answer, "")


def test_an_image_that_is_gone_leaves_a_note(made, tmp_path):
    board, asked = made
    for path in (tmp_path / "eval" / "textvqa" / "train_images").iterdir():
        path.unlink()
    found = next(each for each in contested.contests(board, asked) if each.test == "TextVQA")
    pictures = [case.picture for case in (*found.shown["won"], *found.shown["lost"])]
    assert pictures and all(
        "is missing; restore it" in picture.about and not picture.source for picture in pictures
    )


def test_a_category_has_its_questions_their_score_and_an_interval_unless_it_is_one_question(made, tmp_path):
    board, asked = made
    lone = asked["mmbench"]["3"]._replace(category="lone")
    found = categories.categories(board, asked | {"mmbench": asked["mmbench"] | {"3": lone}})
    by_name = {category.name: category for category in found}
    assert {name: category.n for name, category in by_name.items()} == {
        "colour": 26,
        "lone": 1,
        "place": 26,
        "shape": 27,
    }
    assert by_name["lone"].scores["other"] == (100.0, None) and by_name["lone"].scores["seed"] == (0.0, None)
    value, interval = by_name["shape"].scores["seed"]  # questions 1 and 4 of 27
    assert value == pytest.approx(200 / 27) and interval[0] < value < interval[1]


def test_the_table_of_categories_has_a_column_for_whichever_are_fewer(made):
    board, asked = made
    found = categories.categories(board, asked)
    table = categories.table(found)
    assert table.columns == [entry["recipe"] for entry in board.entries]
    assert [name for name, _ in table.rows] == ["colour (27)", "place (26)", "shape (27)"]
    turned = categories.table(found[:1])
    assert turned.columns == ["colour (27)"]
    assert turned.rows == [(recipe, [found[0].scores[recipe]]) for recipe in table.columns]


def test_several_questions_of_one_textvqa_image_are_told_apart_as_the_score_does(tmp_path):
    path = tmp_path / "llava_textvqa_val_v051_ocr.jsonl"
    write_jsonl(path, [{"question_id": "i", "image": "i.jpg", "text": text} for text in ("what?", "who?")])
    answers = (["a"] * 10, ["b"] * 7 + ["c"] * 3)
    lines = [
        {"question_id": number, "image_id": "i", "question": question, "answers": some}
        for number, question, some in zip((7, 8), ("what?", "who?"), answers, strict=True)
    ]
    write_json(tmp_path / "TextVQA_0.5.1_val.json", {"data": lines})
    found = evaluation.read_textvqa_asked(path)
    assert [(found[name].text, found[name].right) for name in ("i/7", "i/8", "i")] == [
        ("what?", "a"),
        ("who?", "b (7 of 10), c (3 of 10)"),
        ("what?", "a"),
    ]
    assert found["i/8"].image == tmp_path / "train_images" / "i.jpg"


def test_an_evaluation_set_with_other_questions_is_refused(made, tmp_path):
    board, _ = made
    table = tmp_path / "eval" / "mmbench" / "mmbench_dev_20230712.tsv"
    table.write_text("\n".join(table.read_text().splitlines()[:-1]) + "\n")
    with pytest.raises(BadInput, match=r"not the question file of .*seed-s1|other-s1"):
        evaluation.read_evaluation(tmp_path / "eval", board)
