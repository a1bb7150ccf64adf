"""The page of make_report.py: complete, self-contained, the same each time, safe to open, in every case."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import make_report
import sweeps
from errors import BadInput
from json_files import read_json, write_json
from pages import Tags, require_inert, section

ROOT = Path(__file__).resolve().parents[2]
SECTIONS = ["answer", "differences", "categories", "losses", "data", "questions", "cost", "official", "runs"]
EVIL = "<script>alert(1)<"  # a folder's name holds no slash
SHARES = {"seed": 0.3, "recaption": 0.8, EVIL: 0.32}
SEEDS = (1, 2, 3)


def page_of(options: dict[str, Path]) -> str:
    return make_report.report(options["leaderboard"], options["eval_data"])


def start(options: dict[str, Path], **environment: str) -> subprocess.CompletedProcess:
    words = [word for name, path in options.items() for word in (f"--{name}", str(path))]
    script = str(ROOT / "py" / "make_report.py")
    return subprocess.run(
        [sys.executable, script, *words], capture_output=True, text=True, env=dict(environment)
    )


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A sweep of three recipes, one of them with markup in its name, one run of each left out."""
    root = tmp_path_factory.mktemp("sweep")
    return sweeps.write_board(root, SHARES, SEEDS, asked=(*SEEDS, 9), categories={"5": "a lone one"})


@pytest.fixture(scope="module")
def page(options: dict[str, Path]) -> str:
    return page_of(options)


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., dict[str, Path]]:
    """A function that writes another sweep."""
    return lambda shares, seeds, **changes: sweeps.write_board(tmp_path, shares, seeds, **changes)


def test_the_same_input_gives_the_same_bytes_in_every_process(options, page):
    for seed in ("0", "7"):  # sets have other orders
        done = start(options, PYTHONHASHSEED=seed)
        assert (done.returncode, done.stderr) == (0, "")
        assert options["output"].read_text(encoding="utf-8") == page


def test_every_section_is_there_reached_by_an_anchor_and_says_something(page):
    assert re.findall(r'<h2 id="([\w-]+)">', page) == SECTIONS
    assert re.findall(r'<a href="#([\w-]+)">', page) == SECTIONS
    assert [name for name in SECTIONS if 'class="none"' in section(page, name)] == []


def test_the_page_is_well_formed_and_names_what_its_pictures_and_scrolling_tables_show(page):
    found = Tags(page)
    assert found.open == [] and page.startswith("<!DOCTYPE html>")
    assert sum(tag == "h1" for tag, _ in found.tags) == 1
    assert all(at["alt"] for tag, at in found.tags if tag == "img")
    assert all(at["aria-label"] for tag, at in found.tags if tag == "svg")
    scrolling = [at for _, at in found.tags if at.get("class") == "scroll"]
    assert scrolling and all(at["tabindex"] == "0" and at["aria-label"] for at in scrolling)
    assert "DejaVu" not in page, "a plot's text has not the page's font"
    identities = [at["id"] for _, at in found.tags if "id" in at]
    assert len(identities) == len(set(identities)), (
        "two elements of one id: an anchor or plot shows the wrong one"
    )


def test_the_page_loads_nothing_and_runs_nothing(page):
    assert "default-src 'none'" in page
    require_inert(page)


def test_markup_in_names_captions_questions_answers_and_reasons_stays_text(make):
    evil = "<script>alert('x')</script>"
    options = make(
        {"seed": 0.3, EVIL: 0.8}, (1, 2), by_recipe={EVIL: {"versions": {"torch": "2", "python": "3.11"}}}
    )
    runs = options["leaderboard"].parent
    for path in runs.glob("*/ledger.jsonl"):
        path.write_text(path.read_text().replace("new words", json.dumps(evil)[1:-1]))
    for path in runs.glob("*/eval/*/*.jsonl"):
        path.write_text(path.read_text().replace('"text": "1"', f'"text": {json.dumps(evil)}'))
    board = read_json(options["leaderboard"])
    board[0]["left_out"] = [{"random_seed": 3, "reason": evil}]
    write_json(options["leaderboard"], board)
    page = page_of(options)
    assert "<script" not in page
    for place in ("data", "questions", "runs"):
        assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;" in section(page, place)
    assert "<code>&lt;script&gt;alert(1)&lt;</code>" in section(page, "answer")


def test_each_section_tells_what_the_leaderboard_and_the_runs_hold(page):
    assert "Better than <code>seed</code>: <code>recaption</code>" in section(page, "answer")
    assert "▲</span> better" in section(page, "answer")
    assert "9 runs, 3 random seeds a recipe" in section(page, "answer")
    assert "all 6 comparisons" in section(page, "answer")
    assert section(page, "differences").count("<svg") == 3
    assert "one question: worth nothing" in section(page, "categories")
    assert section(page, "losses").count("<svg") == 2
    assert "<del>old</del> words" in section(page, "data") and "<ins>new</ins>" in section(page, "data")
    assert "where 0?" in section(page, "questions") or "so with 3 of 3" in section(page, "questions")
    assert "captions 100" in section(page, "cost")
    assert "no evidence" in section(page, "official") or "takes three" in section(page, "official")
    assert "not made yet" in section(page, "runs")
    assert section(page, "runs").count("<code>synth recapt</code>") == 3


def test_runs_without_pretraining_ledger_or_losses_leave_a_line_in_their_place(make):
    options = make({"seed": 0.3, "other": 0.5}, (1, 2), by_recipe={"other": {"data": None}})
    runs = options["leaderboard"].parent
    (runs / "seed-s1" / "ledger.jsonl").unlink()
    for path in runs.glob("*/*/trainer_state.json"):
        path.unlink()
    page = page_of(options)
    assert "other: no pretraining" in section(page, "data")
    assert "seed-s1/ledger.jsonl is missing: no records to show." in section(page, "data")
    assert "No run has a log of its losses" in section(page, "losses")


def test_one_run_of_each_recipe_gives_no_verdict_and_says_why(make):
    page = page_of(make({"seed": 0.2, "other": 0.9}, (1,)))
    assert "No verdict against <code>seed</code>: <code>other</code>. With one run" in section(page, "answer")
    assert "over the questions alone" in section(page, "answer") and "Holm" not in section(page, "answer")
    assert "▲" not in section(page, "answer") and "better</" not in section(page, "answer")


def test_a_baseline_of_0_leaves_the_challenge_s_score_undefined_and_the_tests_told(make):
    nothing = {str(n): 0.0 for n in range(sweeps.QUESTIONS["textvqa"])}
    page = page_of(make({"seed": 0.5, "other": 0.6}, (1, 2), by_recipe={"seed": {"textvqa": nothing}}))
    assert "the baseline scores 0 in a test" in section(page, "answer")
    assert section(page, "answer").count("<svg") == section(page, "differences").count("<svg") == 2
    assert 'class="none"' in section(page, "cost")


def test_without_a_baseline_scores_are_told_and_nothing_is_compared(make):
    options = make({"seed": 0.3, "some": 0.5, "other": 0.6}, (1, 2))
    board = [entry for entry in read_json(options["leaderboard"]) if entry["recipe"] != "seed"]
    for entry in board:
        entry |= {"ratio": None, "vs_baseline": None}
        for test in sweeps.QUESTIONS:
            entry[test]["vs_baseline"] = None
    write_json(options["leaderboard"], board)
    page = page_of(options)
    assert "There is no run of the baseline" in section(page, "answer")
    assert section(page, "answer").count("<svg") == 2
    for place in ("differences", "questions", "cost"):
        assert 'class="none"' in section(page, place)


def test_a_recipe_without_a_run_is_told_with_the_reasons_and_one_without_any_recipe_is_refused(make):
    options = make({"seed": 0.3, "other": 0.5}, (1, 2), by_recipe={"other": {"profile": "10k"}})
    page = page_of(options)
    assert "Without a run that counts: <code>other</code>" in section(page, "answer")
    assert section(page, "runs").count("profile demo → 10k") == 2
    board = [entry for entry in read_json(options["leaderboard"]) if entry["recipe"] == "other"]
    write_json(options["leaderboard"], board)
    with pytest.raises(BadInput, match="none of its recipes has a run"):
        page_of(options)


def test_all_answers_right_and_a_baseline_alone_still_make_a_page(make):
    everything = {test: {str(n): 1.0 for n in range(count)} for test, count in sweeps.QUESTIONS.items()}
    page = page_of(make({"seed": 1.0}, (1, 2), **everything))
    assert "has runs: there is nothing to compare it with" in section(page, "answer")


def test_many_recipes_and_random_seeds_fit_into_five_megabytes(make):
    shares = {"seed": 0.2} | {f"recipe {n} of a $long_name$ {{it}}": 0.3 + n / 40 for n in range(19)}
    page = page_of(make(shares, range(1, 11)))
    assert len(page) < 5e6 and "recipe 7 of a $long_name$ {it}" in page
    assert page.count("<img") <= 260 and section(page, "runs").count("<code>recipe recip") == 190


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (lambda o: o["leaderboard"].unlink(), "no such file (--leaderboard); 'make leaderboard' writes it"),
        (lambda o: o["leaderboard"].write_text("{}"), "not a leaderboard"),
        (lambda o: repeat(o["leaderboard"]), ": stands twice; make it again"),
        (lambda o: change(o["leaderboard"], "data", {"seed": 3}), "data lacks kept, recaptioned"),
        (lambda o: change(o["leaderboard"], "textvqa", {"accuracy": 3}), "textvqa lacks ci95, runs"),
        (lambda o: change(o["leaderboard"], "random_seeds", [1]), "not as many experiments as random seeds"),
        (
            lambda o: change(o["leaderboard"], "ratio", {"mean": 1, "ci95": [1]}),
            "ratio.ci95 must be a list of 2",
        ),
        (
            lambda o: empty(o["leaderboard"].parent / "seed-s1/eval/textvqa/bm1.jsonl"),
            "bm1.jsonl:1: lacks question_id, text; answer the test again",
        ),
        (lambda o: empty(o["leaderboard"].parent / "seed-s1/eval/mmbench/answers.jsonl"), "no question_id"),
        (lambda o: o["leaderboard"].write_text('[{"recipe": "x"}]'), "recipe x: lacks random_seeds"),
        (
            lambda o: (o["leaderboard"].parent / "seed-s2" / "results.json").unlink(),
            "seed-s2: not made yet",
        ),
        (
            lambda o: (o["leaderboard"].parent / "seed-s1" / "eval" / "mmbench" / "score.json").unlink(),
            "score.json: missing",
        ),
        (lambda o: sweeps.write_run(o["leaderboard"].parent, "seed", 2, 0.9), "seed-s2: has another"),
        (
            lambda o: spoil(o["eval_data"] / "mmbench" / "mmbench_dev_20230712.tsv"),
            "not the question file of",
        ),
        (
            lambda o: (o["eval_data"] / "textvqa" / "llava_textvqa_val_v051_ocr.jsonl").unlink(),
            "no such file (--eval_data)",
        ),
        (
            lambda o: (o["eval_data"] / "textvqa" / "TextVQA_0.5.1_val.json").write_text("{}"),
            "no TextVQA annot",
        ),
    ],
)
def test_a_broken_input_is_one_line_that_names_it_and_leaves_the_old_page(make, broken, told):
    options = make({"seed": 0.3, "other": 0.5}, (1, 2))
    options["output"].write_text("the old page")
    broken(options)
    with pytest.raises(BadInput, match=re.escape(told)) as error, pytest.MonkeyPatch.context() as patch:
        words = [word for name, path in options.items() for word in (f"--{name}", str(path))]
        patch.setattr(sys, "argv", ["make_report.py", *words])
        make_report.main()
    assert "\n" not in str(error.value)
    assert options["output"].read_text() == "the old page"


def repeat(leaderboard: Path) -> None:
    write_json(leaderboard, read_json(leaderboard) * 2)


def empty(path: Path) -> None:
    path.write_text("{}\n")


def change(path: Path, field: str, value: object) -> None:
    """Another value in the first entry of a leaderboard."""
    board = read_json(path)
    board[0][field] = value
    write_json(path, board)


def spoil(path: Path) -> None:
    path.write_text(path.read_text().replace("where 0?", "who 0?"))


def test_an_error_is_told_on_standard_error_with_a_status(options):
    done = start(options | {"leaderboard": options["eval_data"] / "none.json"})
    assert done.returncode == 1
    assert done.stderr.startswith("make_report.py: ") and done.stderr.count("\n") == 1
