"""What differs between two experiments, and how sure that is: all is told, nothing is claimed beyond it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import compare_runs
from errors import BadInput
from json_files import read_json, write_json, write_jsonl
from leaderboard.answers_compared import compare_answers
from leaderboard.board import leaderboard
from leaderboard.comparison import compare
from leaderboard.data_compared import compare_records
from leaderboard.sides import read_side, read_sides
from leaderboard.sweep import read_sweep
from leaderboard.terminal import p_shown, what_decides
from records import text_of
from sweeps import write_run

ROOT = Path(__file__).resolve().parents[1]
SEEDS = (1, 2, 3)


def write_recipe(runs, name, share, seeds=SEEDS, **changes):
    return [write_run(runs, name, seed, share, **changes) for seed in seeds]


@pytest.fixture
def runs(tmp_path):
    """Two recipes of three runs each, one far better."""
    write_recipe(tmp_path, "good", 0.9)
    write_recipe(tmp_path, "poor", 0.2)
    return tmp_path


def write_synth(folder, captions):
    """synth.jsonl of (id, caption) pairs."""
    lines = [{"id": key, "text": text_of(text), "images": [f"{key}.jpg"]} for key, text in captions]
    write_jsonl(folder / "synth.jsonl", lines)


def change(path, **fields):
    write_json(path, read_json(path) | fields)


def change_mark(folder, stage, **parts):
    path = folder / ".make" / f"{stage}.made"
    mark = read_json(path)
    write_json(
        path,
        {part: {**value, **parts.get(part, {})} if part in parts else value for part, value in mark.items()},
    )


def found(runs, a="good", b="poor"):
    return compare(*read_sides(runs, a, b))


def printed(monkeypatch, capsys, runs, a="good", b="poor", *more):
    """What the script prints, one space between words."""
    monkeypatch.setattr(
        sys, "argv", ["compare_runs.py", "--runs", str(runs), "--a", a, "--b", b, *map(str, more)]
    )
    compare_runs.main()
    text = capsys.readouterr().out
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 100
    return " ".join(text.split())


def test_all_that_differs_is_printed_and_written(runs, tmp_path, monkeypatch, capsys):
    for folder in runs.iterdir():
        better = "good" in folder.name
        pairs = [
            ("1", "a cat"),
            ("2", "a red cube" if better else "photo 12"),
            ("3" if better else "4", "a dog"),
        ]
        write_synth(folder, pairs)
        change_mark(
            folder, "synth", knobs={"RECIPE": folder.name[:4]} | ({"CAPTIONER": "blip2"} if better else {})
        )
    text = printed(monkeypatch, capsys, runs, "good", "poor", "--json", tmp_path / "out.json")
    for part in (
        "A good: recipe good, random seeds 1, 2, 3",
        "│ CAPTIONER │ blip2 │ (not read) │",
        "│ RECIPE │ good │ poor │",
        "Inputs that differ, A → B: recipe recipe g → recipe p, synth synth go → synth po",
        "Inputs that are the same: finetune_data",
        "│ recaptioned │ 40 │ 40 │",
        "Seed records in both 2, only in A 1, only in B 1; of those in both, 1 have another caption",
        "id 2 A: a red cube B: photo 12",
        "│ B poor-s3 │ 0.",
        "A − B, within random seeds 1, 2, 3",
        "│ better │",
        "p is corrected (Holm) for 3 comparisons",
        "look surer here than they are",
    ):
        assert part in text
    written = read_json(tmp_path / "out.json")
    assert written == json.loads(json.dumps(found(runs)))
    assert written["verdicts"].keys() == {"textvqa", "mmbench", "mean"}
    for absent in ("Not a comparison of data alone", "More than the data differs", "no verdict", "left out"):
        assert absent not in text


def test_the_difference_is_the_leaderboards_corrected_for_three(tmp_path):
    for name, share in (("mine", 0.6), ("seed", 0.5)):
        write_recipe(tmp_path, name, share)
    entries = leaderboard(read_sweep(tmp_path, ["seed", "mine"], list(SEEDS)), {})
    told = next(entry for entry in entries if entry["recipe"] == "mine")
    here = found(tmp_path, "mine", "seed")["verdicts"]
    for test in ("textvqa", "mmbench"):
        for key in ("difference", "ci95", "p_better", "scatter"):
            assert here[test][key] == told[test]["vs_baseline"][key]
    assert here["mean"]["difference"] == pytest.approx(
        sum(here[t]["difference"] for t in ("textvqa", "mmbench")) / 2
    )
    raw = sorted(2 * min(each["p_better"], 1 - each["p_better"]) for each in here.values())
    least = min(each["p_corrected"] for each in here.values())
    assert least == pytest.approx(min(1, 3 * raw[0])), "Holm: the smallest of three counts three times"
    turned = found(tmp_path, "seed", "mine")["verdicts"]
    assert turned["mean"]["difference"] == pytest.approx(-here["mean"]["difference"])


def test_with_one_run_there_is_no_verdict(runs, monkeypatch, capsys):
    text = printed(monkeypatch, capsys, runs, "good-s1", "poor-s1")
    assert "no verdict" in text
    assert "Another random seed may turn the difference round" in text
    assert "better" not in text
    one = found(runs, "good-s1", "poor")  # one run of one side is as bad
    assert all(
        told["verdict"] is None and told["scatter"] == "questions" for told in one["verdicts"].values()
    )
    assert one["random_seeds"] == []
    assert [told["verdict"] for told in found(runs)["verdicts"].values()] == ["better"] * 3
    assert [told["verdict"] for told in found(runs, "poor", "good")["verdicts"].values()] == ["worse"] * 3


def test_a_recipe_under_two_names_is_undecided(runs, monkeypatch, capsys):
    for seed in SEEDS:
        scores = {
            test: read_json(runs / f"good-s{seed}" / "eval" / test / "score.json")["per_question"]
            for test in ("textvqa", "mmbench")
        }
        write_run(runs, "twin", seed, **scores)
    same = found(runs, "good", "twin")
    assert {(told["verdict"], told["difference"]) for told in same["verdicts"].values()} == {
        ("undecided", 0.0)
    }
    assert {(test["won"], test["lost"]) for test in same["answers"].values()} == {(0, 0)}
    assert "mean of the tests: at this scatter no number of random seeds would do" in printed(
        monkeypatch, capsys, runs, "good", "twin"
    )


@pytest.mark.parametrize(
    "told, words",
    [
        ({"more_seeds": 1, "more_minutes": None}, "1 more random seed of each, would find"),
        (
            {"more_seeds": 4, "more_minutes": 90.0},
            "4 more random seeds of each, which take 1 h 30 min, would find",
        ),
        ({"more_seeds": None, "more_minutes": None}, "more questions would be needed"),
        (
            {"more_seeds": None, "more_minutes": None, "scatter": "questions"},
            "at least 2 random seeds of each",
        ),
    ],
)
def test_what_would_decide_is_told(told, words):
    assert words in what_decides({"scatter": "runs and questions"} | told)


def test_a_p_far_out_is_not_told_in_digits():
    assert [p_shown(p) for p in (0.0234, 1e-4, 2e-27)] == ["0.023", "0.0001", "< 0.0001"]


@pytest.mark.parametrize(
    "a, b, counts",
    [
        ({"1": "a", "2": "b"}, {"1": "a", "2": "b"}, (2, 0, 0, 0)),
        ({"1": "a", "2": "b"}, {"3": "c"}, (0, 2, 1, 0)),
        ({"1": "a", "2": "b", "3": "c"}, {"2": "B", "1": "A", "4": "d"}, (2, 1, 1, 2)),
        ({}, {"1": "a"}, (0, 0, 1, 0)),
    ],
)
def test_records_and_captions_are_counted(a, b, counts):
    told = compare_records(a, b)
    assert (told["both"], told["only_a"], told["only_b"], told["captions_differ"]) == counts
    assert [one["id"] for one in told["examples"]] == [key for key in a if key in b and a[key] != b[key]]


def test_a_repeated_record_counts_once_and_examples_are_three(runs):
    write_synth(runs / "good-s1", [(str(n), f"new {n}") for n in (9, 8, 7, 6, 5)] * 2)
    write_synth(runs / "poor-s1", [(str(n), f"old {n}") for n in range(9)])
    records = found(runs)["data"]["records"]
    assert (records["both"], records["only_a"], records["captions_differ"]) == (4, 1, 4)
    assert records["examples"][0] == {"id": "8", "a": "new 8", "b": "old 8"}
    assert len(records["examples"]) == 3


def test_data_that_runs_share_are_read_where_they_lie(runs):
    shared = runs / "good-synth"
    write_synth(shared, [("1", "a cat")])
    write_json(shared / ".make" / "synth.made", read_json(runs / "good-s1" / ".make" / "synth.made"))
    change_mark(runs / "good-s1", "convert", inputs={f"{shared}/.make/synth": "d"})
    write_synth(runs / "poor-s1", [("1", "a cat"), ("2", "a dog")])
    assert found(runs)["data"]["records"]["only_b"] == 1


def test_data_that_are_gone_or_never_were_are_told(runs, monkeypatch, capsys):
    write_synth(runs / "poor-s1", [("1", "a cat")])
    assert f"Captions not compared: {runs}/good-s1/synth.jsonl missing" in printed(
        monkeypatch, capsys, runs
    ).replace("/ ", "/")
    for seed in SEEDS:
        change(runs / f"good-s{seed}" / "results.json", data=None)
    text = printed(monkeypatch, capsys, runs)
    assert "A was pretrained on nothing" in text
    assert "not compared" not in text
    assert "│ kept │ – │ 20 │" in text


def test_the_last_loss_is_the_mean_of_the_last_tenth(runs):
    log = [{"step": step, "loss": float(step)} for step in range(1, 31)]
    write_json(
        runs / "good-s1" / "pretrain" / "trainer_state.json", {"log_history": [*log, {"train_loss": 9.0}]}
    )
    (runs / "good-s2" / "finetune" / "trainer_state.json").unlink()
    good, poor = found(runs)["losses"]
    assert good["good-s1"]["pretrain"] == 29.0
    assert good["good-s2"]["finetune"] is None
    assert list(poor) == ["poor-s1", "poor-s2", "poor-s3"]


def scores(**right):
    """All questions wrong but those named, in both tests: ``q3=0.5``."""
    given = {name.removeprefix("q"): value for name, value in right.items()}
    return {test: {str(n): given.get(str(n), 0.0) for n in range(8)} for test in ("textvqa", "mmbench")}


def test_questions_are_won_and_lost_by_mean_score(tmp_path):
    for seed, mine, theirs in (
        (1, scores(q1=1, q2=0.3, q7=1), scores(q3=1)),
        (2, scores(q4=1, q2=1, q7=1), scores(q4=1, q5=1, q2=0.3)),
    ):
        write_run(tmp_path, "a", seed, **mine)
        write_run(tmp_path, "b", seed, **theirs)
    a, b = (read_side(tmp_path, name).runs for name in "ab")
    for test in ("textvqa", "mmbench"):
        told = compare_answers(a, b, test)
        assert (told["won"], told["lost"], told["same"]) == (3, 2, 3)
        assert [(one["question"], one["a"], one["b"]) for one in told["examples_won"]] == [
            ("7", "1", "0"),  # the largest gain first
            ("1", "1", "0"),
            ("2", "1", "0.3"),
        ]
        assert [one["experiments"] for one in told["examples_lost"]] == [["a-s1", "b-s1"], ["a-s2", "b-s2"]]
    apart = compare_answers(a, b[1:], "textvqa")  # two runs and one, which are held each against each
    assert (apart["won"], apart["lost"], apart["same"]) == (3, 2, 3)
    assert [one["question"] for one in apart["examples_lost"]] == ["5", "4"], "the largest loss first"


@pytest.mark.parametrize(
    "a, b, words",
    [
        (
            "goods",
            "poor",
            r"goods: no such experiment, and no runs goods-sSEED of a recipe; there are good, poor",
        ),
        ("poor", "good-s7", r"good-s7: no such experiment.*there are good, poor"),
        ("good", "good", r"both are the same; give another for B, of poor"),
        ("good", "good-s2", r"good-s2 is in both"),
        ("good", "", r"A=good B=: name an experiment or a recipe each, of poor$"),
        ("", "", r"A= B=: name an experiment or a recipe each"),
        ("good", "nowhere/good", r"nowhere/good: no such experiment"),
        ("half", "good", r"half/results.json: missing, the run is half made; .*'make results EXP=half'"),
        ("good", "late", r"late-s1/results.json: missing, the run is half made; 'make sweep'"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_its_remedy(runs, a, b, words):
    (runs / "half" / ".make").mkdir(parents=True)
    (runs / "late-s1").mkdir()
    with pytest.raises(BadInput, match=words):
        read_sides(runs, a, b)


def test_experiments_of_one_name_in_two_folders_are_two(tmp_path):
    for number, name in enumerate(("here", "there")):
        write_run(tmp_path / name, "x", 1, **scores(**{f"q{number}": 1}))
    told = found(tmp_path / "here", f"{tmp_path}/here/x-s1", f"{tmp_path}/there/x-s1")
    won = told["answers"]["textvqa"]["examples_won"]
    assert [(one["question"], one["a"], one["b"]) for one in won] == [("0", "1", "0")]


def test_an_empty_folder_says_what_makes_experiments(tmp_path):
    with pytest.raises(BadInput, match=r"none in .*'make results' or 'make sweep' makes some"):
        read_sides(tmp_path / "nothing", "a", "b")


def test_a_run_without_its_scores_is_half_made(runs):
    (runs / "good-s2" / "eval" / "mmbench" / "score.json").unlink()
    with pytest.raises(BadInput, match=r"mmbench/score.json: missing, the run is half made"):
        read_sides(runs, "good-s2", "poor")
    side = read_side(runs, "good")
    assert [run.random_seed for run in side.runs] == [1, 3]
    assert "score.json: missing" in side.left_out[0]["reason"]


def fewer_questions(runs):
    for seed in SEEDS:
        write_run(runs, "poor", seed, textvqa={"0": 1.0, "1": 0.0})


def another_test(runs):
    for seed in SEEDS:
        path = runs / f"poor-s{seed}" / "results.json"
        result = read_json(path)
        for part in ("scores", "protocol"):
            result[part]["textvqa_pure"] = result[part].pop("textvqa")
        write_json(path, result)


def another_profile(runs):
    for seed in SEEDS:
        change(runs / f"poor-s{seed}" / "results.json", profile="10k")


@pytest.mark.parametrize(
    "spoil, words",
    [
        (fewer_questions, "other questions in textvqa"),
        (another_test, "textvqa's test 'textvqa' → None"),
        (another_profile, "profile demo → 10k"),
    ],
)
def test_scores_of_other_tests_are_refused_and_the_rest_is_told(
    runs, tmp_path, monkeypatch, capsys, spoil, words
):
    spoil(runs)
    with pytest.raises(BadInput, match="their scores cannot be compared") as refused:
        printed(monkeypatch, capsys, runs, "good", "poor", "--json", tmp_path / "out.json")
    assert words in str(refused.value)
    text = capsys.readouterr().out
    assert "Inputs that differ" in text
    assert "Loss at the end" in text
    assert "A − B" not in text
    assert not (tmp_path / "out.json").exists()


@pytest.mark.parametrize(
    "stage, parts, words",
    [
        ("finetune", {"knobs": {"FINETUNE_LEARNING_RATE": "2e-5"}}, "FINETUNE_LEARNING_RATE (unset) → 2e-5"),
        ("finetune", {"reads": {"py/finetune.py": [1, 1, 1, "bb", "bb"]}}, "py/finetune.py aa → bb"),
        ("pretrain", {"packages": {"versions": {"torch": "3"}}}, "package torch 2 → 3"),
        ("pretrain", {"knobs": {"SEED": "mine.jsonl"}}, None),  # of the data
    ],
)
def test_what_is_not_of_the_data_is_a_warning(runs, monkeypatch, capsys, stage, parts, words):
    for seed in SEEDS:
        change_mark(runs / f"poor-s{seed}", stage, **parts)
    text = printed(monkeypatch, capsys, runs)
    assert (
        ("Not a comparison of data alone" in text)
        == ("More than the data differs" in text)
        == (words is not None)
    )
    assert words is None or words in text
    assert "A − B" in text, "the scores are compared nevertheless"


def test_what_two_stages_read_is_told_once(runs):
    for stage in ("pretrain", "finetune"):
        change_mark(runs / "poor-s1", stage, packages={"versions": {"torch": "3"}})
    change_mark(runs / "poor-s1", "textvqa", knobs={"EVAL_BATCH_SIZE": "7"})
    told = found(runs, "good-s1", "poor-s1")
    assert told["beside_data"] == [
        "package torch 2 → 3 (finetune, pretrain)",
        "EVAL_BATCH_SIZE 50 → 7 (textvqa)",
    ]
    assert told["knobs"] == {"EVAL_BATCH_SIZE": ["50", "50, 7"]}, "mmbench was made with the old value"


def test_a_run_unlike_the_others_of_its_recipe_is_left_out_by_name(runs, monkeypatch, capsys):
    change_mark(runs / "good-s2", "finetune", knobs={"FINETUNE_LEARNING_RATE": "2e-5"})
    (runs / "good-s9").mkdir()
    text = printed(monkeypatch, capsys, runs)
    assert "A good: recipe good, random seeds 1, 3" in text
    assert "left out: good-s2: not comparable with good-s1" in text
    assert "left out: good-s9:" in text
    assert "within random seeds 1, 3" in text


def test_a_recipe_is_meant_before_an_experiment_of_its_name(runs, monkeypatch, capsys):
    write_run(runs, "plain", 1024, 0.5).rename(runs / "good")
    side = read_side(runs, "good")
    assert [run.random_seed for run in side.runs] == list(SEEDS)
    assert f"named by its path, {runs}/good" in side.note
    assert read_side(runs, f"{runs}/good").runs[0].random_seed == 1024
    assert read_side(runs, "poor").note == ""


def test_an_experiment_may_have_any_random_seed(runs):
    write_run(runs, "plain", 1024, 0.5).rename(runs / "again-s2")
    assert read_side(runs, f"{runs}/again-s2").runs[0].random_seed == 1024
    with pytest.raises(BadInput, match="is of random seed 1024, not 2"):
        read_side(runs, "again")


def test_a_name_with_markup_is_printed_as_it_is(runs, monkeypatch, capsys):
    write_recipe(runs, "[red]<b>x", 0.5)
    text = printed(monkeypatch, capsys, runs, "[red]<b>x", "poor")
    assert "A [red]<b>x: recipe [red]<b>x" in text
    assert "│ A [red]<b>x-s1 │" in text


def test_a_users_error_is_one_line_and_a_status(runs):
    command = [sys.executable, ROOT / "py" / "compare_runs.py", "--runs", runs, "--a", "god", "--b", "poor"]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 1
    assert ended.stdout == ""
    words = "no such experiment, and no runs god-sSEED of a recipe; there are good, poor"
    assert ended.stderr == f"compare_runs.py: {runs}/god: {words}\n"
