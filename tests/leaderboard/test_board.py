"""The leaderboard's entries: order, verdicts over all comparisons, what is told of data, cost and gaps."""

import json

import pytest
from statsmodels.stats.multitest import multipletests

from json_files import read_json
from leaderboard.board import leaderboard
from leaderboard.sweep import read_sweep
from leaderboard.verdicts import LEVEL
from sweeps import change, without_pretraining, write_run

SEEDS = (1, 2, 3)
PER_CALL = {"captions": 1000}
TESTS = ("textvqa", "mmbench")
PLACES = (*TESTS, "overall")


def write(runs, recipe, share=0.5, seeds=SEEDS, **changes):
    return [write_run(runs, recipe, seed, share, **changes) for seed in seeds]


def board(runs, *recipes, seeds=SEEDS):
    """{recipe: its entry}, in the board's order."""
    entries = leaderboard(read_sweep(runs, list(recipes), list(seeds)), PER_CALL)
    assert json.loads(json.dumps(entries)) == entries, "plain JSON"
    return {entry["recipe"]: entry for entry in entries}


def verdicts_of(entry):
    return {place: (entry[place] if place in TESTS else entry)["vs_baseline"] for place in PLACES}


def words_of(entry):
    return [told and told["verdict"] for told in verdicts_of(entry).values()]


def answers_of(folder):
    """The scores of a run, for another that answers alike."""
    return {test: read_json(folder / "eval" / test / "score.json")["per_question"] for test in TESTS}


def test_recipes_stand_best_first_each_with_its_verdicts(tmp_path):
    for recipe, share in {"poor": 0.15, "good": 0.9, "seed": 0.5, "same": 0.52}.items():
        write(tmp_path, recipe, share, seeds=range(1, 6))
    found = board(tmp_path, "poor", "good", "seed", "same", seeds=range(1, 6))
    assert (next(iter(found)), list(found)[-1]) == ("good", "poor")
    assert words_of(found["good"]) == ["better"] * 3
    assert words_of(found["poor"]) == ["worse"] * 3
    assert words_of(found["same"]) == ["undecided"] * 3
    assert words_of(found["seed"]) == [None] * 3
    assert found["seed"]["ratio"] == {"mean": 1.0, "ci95": None}
    means = [entry["ratio"]["mean"] for entry in found.values()]
    assert means == sorted(means, reverse=True)


def test_an_entry_tells_scores_of_each_run_data_inputs_and_cost(tmp_path):
    folders = write(tmp_path, "seed") + write(tmp_path, "mine", 0.8)
    found = board(tmp_path, "seed", "mine")["mine"]
    results = [read_json(folder / "results.json") for folder in folders[3:]]
    assert found["random_seeds"] == [1, 2, 3]
    assert found["experiments"] == ["mine-s1", "mine-s2", "mine-s3"]
    for test in TESTS:
        scores = [result["scores"][test]["accuracy"] for result in results]
        assert found[test]["runs"] == pytest.approx(scores)
        assert found[test]["accuracy"] == pytest.approx(sum(scores) / 3)
        assert found[test]["ci95"][0] < found[test]["accuracy"] < found[test]["ci95"][1]
    assert [found[test]["n"] for test in TESTS] == [60, 80]
    assert (found["data"], found["inputs"]) == (results[0]["data"], results[0]["inputs"])
    assert found["cost"] == {
        "model_calls": {"captions": 100},
        "synthesis_flop": 100_000,
        "synthesis_minutes": 0.2,
        "training_flop": 2e12,
        "run_minutes": 1.2,
    }
    overall = found["vs_baseline"]
    assert overall["difference"] == pytest.approx(found["ratio"]["mean"] - 1)
    assert overall["ci95"][0] < overall["difference"] < overall["ci95"][1]
    assert overall["scatter"] == "runs and questions"


def test_verdicts_are_corrected_by_holm_over_all_recipes_tests_and_the_overall_score(tmp_path):
    for recipe, share in {"seed": 0.5, "a": 0.55, "b": 0.62, "c": 0.45, "d": 0.8}.items():
        write(tmp_path, recipe, share)
    found = board(tmp_path, "seed", "a", "b", "c", "d")
    told = [verdict for recipe in "abcd" for verdict in verdicts_of(found[recipe]).values()]
    assert len(told) == 12
    raw = [2 * min(each["p_better"], 1 - each["p_better"]) for each in told]
    assert [each["p_corrected"] for each in told] == pytest.approx(multipletests(raw, LEVEL, "holm")[1])
    assert [each["verdict"] == "undecided" for each in told] == [each["p_corrected"] > LEVEL for each in told]
    assert {each["verdict"] for each in told} >= {"better", "undecided"}
    alone = board(tmp_path, "seed", "b")["b"]
    for place, verdict in verdicts_of(alone).items():
        assert verdict["p_better"] == verdicts_of(found["b"])[place]["p_better"]
        assert verdict["p_corrected"] < verdicts_of(found["b"])[place]["p_corrected"]


def test_an_open_verdict_tells_more_seeds_and_the_minutes_of_both_recipes_runs(tmp_path):
    for recipe, share in {"seed": 0.5, "mine": 0.65}.items():
        write(tmp_path, recipe, share)
    told = [
        each for each in verdicts_of(board(tmp_path, "seed", "mine")["mine"]).values() if each["more_seeds"]
    ]
    assert told
    assert all(each["verdict"] == "undecided" for each in told)
    assert [each["more_minutes"] for each in told] == pytest.approx(
        [2.4 * each["more_seeds"] for each in told]
    )


def test_with_one_run_each_only_the_questions_scatter_is_known_and_nothing_decided(tmp_path):
    write(tmp_path, "seed", 0.2)
    write(tmp_path, "mine", 0.9)
    assert words_of(board(tmp_path, "seed", "mine")["mine"]) == ["better"] * 3
    found = board(tmp_path, "seed", "mine", seeds=[2])["mine"]
    assert words_of(found) == ["undecided"] * 3
    for told in verdicts_of(found).values():
        assert (told["scatter"], told["more_seeds"], told["more_minutes"]) == ("questions", None, None)
        assert told["p_corrected"] < 0.001


def test_other_random_seeds_than_the_baselines_are_compared_unpaired(tmp_path):
    write(tmp_path, "seed", 0.2, seeds=(1, 2))
    write(tmp_path, "mine", 0.9, seeds=(3, 4))
    found = board(tmp_path, "seed", "mine", seeds=(1, 2, 3, 4))
    assert words_of(found["mine"]) == ["better"] * 3
    assert [told["random_seed"] for told in found["mine"]["left_out"]] == [1, 2]
    assert found["mine"]["random_seeds"] == [3, 4]


def test_a_sweep_without_the_baseline_has_no_ratio_and_no_verdict_and_the_best_sum_first(tmp_path):
    write(tmp_path, "b", 0.3)
    write(tmp_path, "a", 0.8)
    found = board(tmp_path, "b", "a")
    assert list(found) == ["a", "b"]
    for entry in found.values():
        assert entry["ratio"] is None
        assert words_of(entry) == [None] * 3


def test_a_baseline_that_scores_nothing_in_a_test_leaves_the_other_verdicts(tmp_path):
    nothing = {str(question): 0.0 for question in range(60)}
    for seed in SEEDS:
        write_run(tmp_path, "seed", seed, 0.2, textvqa=nothing)
    write(tmp_path, "mine", 0.9)
    found = board(tmp_path, "seed", "mine")
    assert words_of(found["mine"]) == ["better", "better", None]
    assert found["mine"]["ratio"] == {"mean": None, "ci95": None}
    assert found["seed"]["textvqa"]["accuracy"] == 0


def test_all_questions_answered_rightly_by_all_is_undecided(tmp_path):
    right = {test: {str(q): 1.0 for q in range(20)} for test in TESTS}
    for recipe in ("seed", "mine"):
        for seed in SEEDS:
            write_run(tmp_path, recipe, seed, **right)
    found = board(tmp_path, "seed", "mine")["mine"]
    assert words_of(found) == ["undecided"] * 3
    assert found["mmbench"]["accuracy"] == 100
    assert found["mmbench"]["ci95"][0] < 95


def test_a_recipe_without_a_usable_run_stands_last_with_the_reasons(tmp_path):
    write(tmp_path, "seed", 0.9)
    write(tmp_path, "mine", 0.1)
    write(tmp_path, "old", 0.99, profile="full")
    found = board(tmp_path, "old", "seed", "mine")
    assert list(found) == ["seed", "mine", "old"]
    assert found["old"]["random_seeds"] == []
    assert [found["old"][key] for key in ("ratio", *TESTS, "vs_baseline", "data", "cost")] == [None] * 6
    assert [told["random_seed"] for told in found["old"]["left_out"]] == [1, 2, 3]
    assert all("profile demo → full" in told["reason"] for told in found["old"]["left_out"])
    assert found["old"].keys() == found["mine"].keys()


def inputs_of(synth):
    return {"finetune_data": "f", "recipe": "r", "synth": synth}


def test_two_copies_of_a_recipe_are_undecided_and_told_to_be_of_the_same_data(tmp_path):
    for folder in write(tmp_path, "seed", inputs=inputs_of("one")):
        seed = read_json(folder / "results.json")["random_seed"]
        write_run(tmp_path, "twin", seed, **answers_of(folder), inputs=inputs_of("one"))
    write(tmp_path, "other", inputs=inputs_of("another"))
    found = board(tmp_path, "seed", "twin", "other")
    assert words_of(found["twin"]) == ["undecided"] * 3
    assert [told["difference"] for told in verdicts_of(found["twin"]).values()] == [0, 0, 0]
    same = {recipe: entry["same_data_as"] for recipe, entry in found.items()}
    assert same == {"seed": ["twin"], "twin": ["seed"], "other": []}


@pytest.mark.parametrize(
    "mine, twin, same",
    [
        ({1: "x", 2: "x"}, {1: "x", 2: "x"}, True),
        ({1: "x", 2: "y"}, {1: "x", 2: "y"}, True),
        ({1: "x", 2: "x"}, {2: "x"}, True),
        ({1: "x"}, {2: "x", 3: "x"}, True),
        ({1: "x", 2: "y"}, {1: "x", 2: "z"}, False),
        ({1: "x"}, {1: "y"}, False),
        ({1: None}, {1: None}, False),
        ({1: None}, {1: "x"}, False),
    ],
)
def test_the_same_data_are_known_though_a_random_seed_is_missing(tmp_path, mine, twin, same):
    for recipe, by_seed in (("mine", mine), ("twin", twin)):
        for seed, synth in by_seed.items():
            folder = write_run(tmp_path, recipe, seed, inputs=inputs_of(synth))
            if synth is None:
                without_pretraining(folder)
    found = board(tmp_path, "mine", "twin")
    assert [entry["same_data_as"] for entry in found.values()] == (
        [["twin" if recipe == "mine" else "mine"] for recipe in found] if same else [[], []]
    )


def test_a_copied_run_is_left_out_and_told(tmp_path):
    folder = write(tmp_path, "seed")[0]
    write(tmp_path, "mine", 0.8, seeds=(1, 2))
    folder.with_name("seed-s3").rename(tmp_path / "gone")
    (tmp_path / "seed-s1").rename(tmp_path / "seed-s3")
    change(tmp_path / "seed-s3" / "results.json", random_seed=3)
    write_run(tmp_path, "seed", 1)
    found = board(tmp_path, "seed", "mine")["seed"]
    assert found["random_seeds"] == [1, 2]
    assert found["left_out"][0] | {"random_seed": 3} == found["left_out"][0]
    assert "a copy of seed-s1" in found["left_out"][0]["reason"]


def test_a_recipes_name_is_kept_as_it_is_whatever_is_in_it(tmp_path):
    name = "<b onclick=alert(1)>&amp;"
    write(tmp_path, "seed")
    write(tmp_path, name, 0.9)
    found = board(tmp_path, "seed", name)
    assert list(found) == [name, "seed"]
    assert found[name]["experiments"][0] == f"{name}-s1"


def test_a_control_without_pretraining_is_compared_and_has_no_data(tmp_path):
    write(tmp_path, "seed", 0.9)
    for folder in write(tmp_path, "no_pretraining", 0.2):
        without_pretraining(folder)
    found = board(tmp_path, "no_pretraining", "seed")["no_pretraining"]
    assert words_of(found) == ["worse"] * 3
    assert found["data"] is None
    assert found["same_data_as"] == []
    cost = found["cost"]
    assert (cost["model_calls"], cost["synthesis_minutes"], cost["training_flop"]) == ({}, None, 1e12)
    assert cost["run_minutes"] == pytest.approx(0.6)


def test_textvqa_without_ocr_tokens_keeps_its_own_name(tmp_path):
    for folder in write(tmp_path, "seed", 0.3) + write(tmp_path, "mine", 0.9):
        result = read_json(folder / "results.json")
        renamed = {
            key: {test.replace("vqa", "vqa_pure"): value for test, value in result[key].items()}
            for key in ("scores", "protocol")
        }
        change(folder / "results.json", **renamed)
    found = board(tmp_path, "seed", "mine")["mine"]
    assert "textvqa" not in found
    assert found["textvqa_pure"]["vs_baseline"]["verdict"] == "better"
    assert {"mean", "ci95", "textvqa_pure", "mmbench"} == found["ratio"].keys()


def test_the_overall_interval_is_the_ratios_with_its_divisors_scatter(tmp_path):
    for recipe, share in {"seed": 0.3, "good": 0.8}.items():
        write(tmp_path, recipe, share)
    good = board(tmp_path, "seed", "good")["good"]
    assert good["vs_baseline"]["difference"] == pytest.approx(good["ratio"]["mean"] - 1)
    assert good["vs_baseline"]["ci95"] == pytest.approx([end - 1 for end in good["ratio"]["ci95"]])


def test_a_baseline_that_scores_nothing_in_a_test_is_no_winner(tmp_path):
    nothing = {str(question): 0.0 for question in range(60)}
    write(tmp_path, "seed", 0.3, textvqa=nothing)
    write(tmp_path, "good", 0.8)
    found = board(tmp_path, "seed", "good")
    assert [*found] == ["good", "seed"] and found["seed"]["ratio"]["mean"] is None
