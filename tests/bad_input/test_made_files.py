"""What a stage made, spoilt before the next one reads it: JSON of another shape, numbers that are none."""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attacks import require_refusal, spoilt, untouched
from digest import sha256
from forks import Forks
from json_files import write_json
from leaderboard.board import leaderboard
from leaderboard.sweep import read_sweep
from sweeps import write_evaluation
from sweeps import write_run as write_swept

pytestmark = pytest.mark.attack("bad input")
RUN = "runs/demo/default"
GONE, NAN, LONG = object(), float("nan"), 10**400
COLLECT = ["collect_results.py", "--profile", "demo", "--experiment", "again", "--recipe", "seed"]
COLLECT += ["--random_seed", "1", "--synth_summary", f"{RUN}/synth.summary.json", "--output", "out/made"]
COLLECT += [f"--{stage}_summary={RUN}/{stage}/train_summary.json" for stage in ("pretrain", "finetune")]
COLLECT += [f"--{test}={RUN}/eval/{test}/score.json" for test in ("textvqa", "mmbench")]
COLLECT += ["--baseline", "base/results.json", "--input", f"finetune_data={RUN}/results.json"]
REPORT = ["synth_report.py", "--ledger", f"{RUN}/ledger.jsonl", "--summary", f"{RUN}/synth.summary.json"]
REPORT += ["--seed", "data/demo/seed/mgm_pretrain_demo.jsonl", "--recipe", "configs/recipes/seed.yaml"]
READERS = {
    "collect": COLLECT,
    "show": ["show_results.py", f"{RUN}/results.json"],
    "synth_report": [*REPORT, "--output", "out/made"],
    "compare": ["compare_runs.py", "--runs", "sweep", "--a", "seed", "--b", "mine", "--json", "out/made"],
    "terminal": ["show_leaderboard.py", "sweep/leaderboard.json"],
    "page": [
        "make_report.py",
        "--leaderboard",
        "sweep/leaderboard.json",
        "--eval_data",
        "eval",
        "--output",
        "out/made",
    ],
}
SCORE, PROTOCOL = f"{RUN}/eval/mmbench/score.json", f"{RUN}/eval/textvqa/protocol.json"
RESULTS, BASE, SUMMARY = f"{RUN}/results.json", "base/results.json", f"{RUN}/synth.summary.json"
TRAINED, BOARD = f"{RUN}/finetune/train_summary.json", "sweep/leaderboard.json"
AGAIN = "run its stage again"
# name, who reads, file, place in it, value there, words
ROWS = [
    ("a score that is a list", "collect", SCORE, "", [], f"must be an object, not a list of 0; {AGAIN}"),
    ("an accuracy in words", "collect", SCORE, "accuracy", "66.4", "accuracy must be a number, not '66.4'"),
    ("an accuracy that is NaN", "collect", SCORE, "accuracy", NAN, "accuracy must be a number, not nan"),
    ("an accuracy of 400 digits", "collect", SCORE, "accuracy", LONG, "accuracy must be a number"),
    ("a count of questions below one", "collect", SCORE, "n", 0, "n must be a whole number from 1"),
    ("a count of questions that is true", "collect", SCORE, "n", True, "n must be a whole number from 1"),
    ("a rule that is a number", "collect", SCORE, "parse", 3, "parse must be text, not 3"),
    ("a protocol without its image", "collect", PROTOCOL, "image", GONE, f"lacks image; {AGAIN}"),
    ("a protocol whose test is null", "collect", PROTOCOL, "test", None, "test must be text, not None"),
    ("a protocol that is text", "collect", PROTOCOL, "", "greedy", "must be an object, not 'greedy'"),
    ("a summary that lost its counts", "collect", SUMMARY, "unique", GONE, f"lacks unique; {AGAIN}"),
    ("a summary that counts in words", "collect", SUMMARY, "selected", "all", "selected must be a whole"),
    ("dropped records without numbers", "collect", SUMMARY, "dropped",
     {"x": None}, "dropped.x must be a whole"),
    ("a training that lost its loss", "collect", TRAINED, "loss", GONE, f"lacks loss; {AGAIN}"),
    ("a training whose loss is NaN", "collect", TRAINED, "loss", NAN, "loss must be a number, not nan"),
    ("a training of -inf seconds", "collect", TRAINED, "seconds", float("-inf"), "seconds must be a number"),
    ("a baseline that is null", "collect", BASE, "", None, "make the baseline again"),
    ("a baseline's test that is text", "collect", BASE, "protocol.textvqa", "x",
     "protocol.textvqa must be an o"),
    ("a baseline's protocol in a list", "collect", BASE, "protocol", [], "protocol must be an object"),
    ("a baseline's inputs that are text", "collect", BASE, "inputs", "x",
     "inputs must be an object, not 'x'"),
    ("a baseline without a test", "collect", BASE, "scores.mmbench", GONE, "scores lacks mmbench"),
    ("a baseline's score that is NaN", "collect", BASE, "scores.textvqa.accuracy",
     NAN, "must be a number, not nan"),
    ("a baseline's score in a list", "collect", BASE, "scores.textvqa",
     [9], "scores.textvqa must be an object"),
    ("results without a version", "show", RESULTS, "versions", GONE, "lacks versions; not a results.json"),
    ("results that are a number", "show", RESULTS, "", 7, "must be an object, not 7"),
    ("an interval of one end", "show", RESULTS, "scores.mmbench.ci95", [1.0], "ci95 must be a list of 2"),
    ("an interval of words", "show", RESULTS, "scores.mmbench.ci95", ["a", "b"], "ci95.0 must be a number"),
    ("a random seed in words", "show", RESULTS, "random_seed", "one", "random_seed must be a whole number"),
    ("a baseline that is a name", "show", RESULTS, "baseline", "seed", "baseline must be an object"),
    ("a ratio in words", "show", RESULTS, "ratio.textvqa", "twice", "ratio.textvqa must be a number"),
    ("a ratio in a list", "show", RESULTS, "ratio", [2.0], "ratio must be an object"),
    ("a protocol that is null", "show", RESULTS, "protocol.mmbench",
     None, "protocol.mmbench must be an object"),
    ("a hash that is a number", "show", RESULTS, "protocol.mmbench.question_file_sha256",
     7, "results.json: "),
    ("a decoding that is a list", "show", RESULTS, "protocol.mmbench.decoding",
     ["x"], "mmbench.decoding must be"),
    ("a training that is text", "show", RESULTS, "training.pretrain", "x",
     "training.pretrain must be an object"),
    ("no word on training", "show", RESULTS, "training", {}, "results.json: "),
    ("seconds in words", "show", RESULTS, "training.finetune.seconds", "long",
     "training.finetune.seconds must"),
    ("a version that is a list", "show", RESULTS, "versions.python", [3, 11], "versions.python must be text"),
    ("data that are a count", "show", RESULTS, "data", 6000, "data must be an object, not 6000"),
    ("a summary of other names", "synth_report", SUMMARY, "", {"a": 1}, "not a summary of 'make synth'"),
    ("steps that are counts", "synth_report", SUMMARY, "steps", [3], "steps.0 must be an object, not 3"),
    ("notes in a list", "synth_report", SUMMARY, "notes", ["x"], "notes must be an object"),
    ("thresholds without a statistic", "synth_report", SUMMARY, "thresholds",
     [{"op": "x"}], "lacks statistic"),
    ("more seed records than lines", "synth_report", SUMMARY, "seed",
     7, "speaks of 7 seed records; make both"),
    ("a swept score of words", "page", "sweep/mine-s1/eval/mmbench/score.json", "per_question.0", "x",
     "not 0 to 1"),
    ("swept losses that are null", "compare", "sweep/mine-s1/pretrain/trainer_state.json", "log_history",
     None,
     "log_history must be a list, not None; train again"),
    ("a swept loss in words", "compare", "sweep/mine-s1/pretrain/trainer_state.json",
     "log_history.0.loss", "x",
     "log_history.0.loss must be a number"),
    ("a training's state in a list", "compare", "sweep/mine-s1/pretrain/trainer_state.json", "",
     [], "an object"),
    ("a board that is an object", "terminal", BOARD, "", {}, "not a leaderboard"),
    ("a board's interval of words", "terminal", BOARD, "0.textvqa.ci95", ["a", "b"], "not a leaderboard"),
    ("a board's ratio of words", "terminal", BOARD, "0.ratio.mean", "x", "not a leaderboard"),
    ("a board whose recipe is null", "page", BOARD, "0.recipe", None, "recipe must be text, not None"),
    ("a board's seeds in words", "page", BOARD, "0.random_seeds", ["one",
     "two"], "random_seeds.0 must be a whole"),
    ("a board's verdict of text", "page", BOARD, "0.vs_baseline", "better", "vs_baseline must be an object"),
    ("a board's score that is NaN", "page", BOARD, "0.textvqa.accuracy",
     NAN, "textvqa.accuracy must be a number"),
    ("a board's operations in a list", "page", BOARD, "1.cost.synthesis_flop",
     [[]], "cost.synthesis_flop must"),
    ("a board's cost in a list", "page", BOARD, "0.cost", [1], "cost must be an object"),
    ("a board's data that lost counts", "page", BOARD, "0.data", {"seed": 3}, "data lacks kept"),
    ("a board's left out run of text", "page", BOARD, "0.left_out", ["x"], "left_out.0 must be an object"),
]  # fmt: skip


def put(value: Any, at: str, new: Any) -> Any:
    """``value`` with ``new`` at the place ``at``, whose names are joined by dots."""
    if not at:
        return new
    value = copy.deepcopy(value)
    *way, last = [int(name) if name.isdigit() else name for name in at.split(".")]
    place = value
    for name in way:
        place = place[name if isinstance(place, list) else str(name)]
    last = last if isinstance(place, list) else str(last)
    if new is GONE:
        del place[last]
    else:
        place[last] = new
    return value


@pytest.fixture(scope="module")
def folder(pristine, tmp_path_factory) -> Path:
    """A built experiment, the baseline that it names, and a sweep of two recipes beside it."""
    folder = pristine.copy(tmp_path_factory.mktemp("made") / "project").folder
    result = json.loads((folder / RESULTS).read_text())
    result["inputs"]["finetune_data"] = sha256(folder / RESULTS)
    (folder / "base").mkdir()
    (folder / BASE).write_text(json.dumps(result | {"experiment": "base"}))
    result["baseline"] = {key: result[key] for key in ("experiment", "recipe", "random_seed", "scores")}
    result["ratio"] = {"textvqa": 1.0, "mmbench": 1.0, "mean": 1.0}
    (folder / RESULTS).write_text(json.dumps(result))
    (folder / BASE).write_text(
        (folder / BASE).read_text().replace(result["inputs"]["finetune_data"], sha256(folder / RESULTS))
    )
    protocol = write_evaluation(folder / "eval")
    for recipe in ("seed", "mine"):
        for seed in (1, 2):
            found = write_swept(folder / "sweep", recipe, seed, 0.6, protocol=protocol)
            data = json.loads((found / "results.json").read_text())["data"] | {"thresholds": []}
            (found / "synth.summary.json").write_text(json.dumps(data))
    write_json(folder / BOARD, leaderboard(read_sweep(folder / "sweep", ["seed", "mine"], [1, 2]), {}))
    (folder / "out").mkdir()
    (folder / "out/made").write_text("earlier")
    return folder


@pytest.fixture(scope="module")
def scripts(folder, tmp_path_factory) -> Iterator[Callable[[str], Any]]:
    """A function that runs one of `READERS`."""
    modules = ("rich.table", "scipy.stats", "statsmodels.stats.multitest", "jinja2", "matplotlib.pyplot")
    with Forks(*modules) as scripts:
        yield lambda reader: scripts.run(READERS[reader], folder)


def test_what_the_rows_spoil_is_sound(folder, scripts):
    for reader in READERS:
        done = scripts(reader)
        assert done.returncode == 0, done.stdout[-2000:]
    (folder / "out/made").write_text("earlier")


@pytest.mark.parametrize("reader, file, at, value, words", [r[1:] for r in ROWS], ids=[r[0] for r in ROWS])
def test_a_spoilt_file_is_named_with_the_place_and_the_remedy(
    folder, scripts, reader, file, at, value, words
):
    path = folder / file
    with (
        spoilt(path, json.dumps(put(json.loads(path.read_bytes()), at, value))),
        untouched(folder / "out", folder / RUN),
    ):
        require_refusal(scripts(reader), path.name, words)


BROKEN = {
    "cut short": b'{"accuracy": 3',
    "empty": b"",
    "binary": b"\x00\xff\xfe\x80",
    "nested": b"[" * 100_000,
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_file_that_is_no_json_is_named_by_each_reader(folder, scripts, record_property, content):
    read = {"collect": SCORE, "show": RESULTS, "synth_report": SUMMARY, "terminal": BOARD, "page": BOARD}
    record_property("cases", len(read))
    for reader, file in read.items():
        with spoilt(folder / file, content), untouched(folder / "out", folder / RUN):
            require_refusal(scripts(reader), Path(file).name)


LEDGER = f"{RUN}/ledger.jsonl"
LEDGERS = {
    "cut short": (lambda lines: [*lines[:-1], lines[-1][:30]], "ledger.jsonl:48: not valid JSON"),
    "without its last line": (lambda lines: lines[:-1], "47 lines"),
    "with a line twice": (lambda lines: [*lines, lines[0]], "49 lines"),
    "with a list": (lambda lines: ["[]", *lines[1:]], "ledger.jsonl:1: a JSON object is needed, not list"),
    "with another outcome": (
        lambda lines: [lines[0].replace("kept", "lost"), *lines[1:]],
        "outcome must be one of",
    ),
    "with statistics in words": (
        lambda lines: [lines[0].replace("{}", '"x"'), *lines[1:]],
        "stats must be an object",
    ),
    "without an id": (
        lambda lines: [lines[0].replace('"id"', '"di"'), *lines[1:]],
        "ledger.jsonl:1: not a ledger's line",
    ),
    "empty": (lambda lines: [], "0 lines"),
}


@pytest.mark.parametrize("name", LEDGERS)
def test_a_spoilt_ledger_is_named_by_its_line(folder, scripts, name):
    change, words = LEDGERS[name]
    path = folder / LEDGER
    with spoilt(path, "\n".join(change(path.read_text().splitlines()))), untouched(folder / "out"):
        require_refusal(scripts("synth_report"), "ledger.jsonl", words)


@pytest.mark.parametrize("seed", range(3))
def test_no_value_anywhere_in_results_gives_a_traceback(folder, scripts, record_property, seed):
    """A random place of a random file gets a random value, of any type: refused, or read as what it is."""
    draw = np.random.default_rng(seed)
    files = {
        "show": [RESULTS],
        "collect": [BASE, SCORE, PROTOCOL, SUMMARY],
        "page": [BOARD],
        "terminal": [BOARD],
    }
    values = [None, [], {}, "x", -1, 1.5, NAN, True, LONG, [[]], {"": ""}, "\ud800", GONE]
    record_property("cases", 20)
    for _ in range(20):
        reader = str(draw.choice(list(files)))
        path = folder / files[reader][draw.integers(len(files[reader]))]
        whole = json.loads(path.read_bytes())
        at = str(draw.choice(places(whole)))
        value = values[draw.integers(len(values))]
        with spoilt(path, json.dumps(put(whole, at, value))):
            done = scripts(reader)
        assert 0 <= done.returncode < 128 and "Traceback" not in done.stdout, (reader, at, value, done.stdout)
    (folder / "out/made").write_text("earlier")


def places(value: Any, at: str = "") -> list[str]:
    """Each place in ``value``; of a list or a large object the first few entries'."""
    if not isinstance(value, dict | list):
        return [at]
    entries = list(value.items() if isinstance(value, dict) else enumerate(value))[:20]
    below = [place for name, one in entries if "." not in str(name) for place in places(one, f"{at}.{name}")]
    return [place.removeprefix(".") for place in [*([at] if at else []), *below]]
