"""A run as the statistics need it: its answers question by question, and what it was made by."""

from pathlib import Path
from typing import Any, NamedTuple

from errors import BadInput
from graph import marks
from json_files import read_json, read_jsonl
from questions import CIRCULAR_STEP
from shapes import RESULT, misfit, read_shaped

TRAININGS = ("pretrain", "finetune")
STAGES = ("synth", "convert", "pretrain", "finetune", "textvqa", "mmbench")
KEYS = ("profile", "experiment", "recipe", "random_seed", "data")
OBJECTS = ("scores", "protocol", "inputs", "versions", "training")  # so are these, each a JSON object


class Run(NamedTuple):
    """One experiment; ``scores``: {test: {question: 0 to 1}}, ``made``: {stage: its mark}."""

    recipe: str
    random_seed: int
    folder: Path
    result: dict[str, Any]
    scores: dict[str, dict[str, float]]
    made: dict[str, dict]

    @property
    def losses(self) -> dict[str, list[float]]:
        """{stage: loss of each step} of the trainings."""
        return {
            stage: losses_of(self.folder / stage) for stage in TRAININGS if self.result["training"].get(stage)
        }

    @property
    def synthesis(self) -> Path:
        """The folder of the run's synth.jsonl, ledger.jsonl and synth.summary.json, which runs may share."""
        return shared_synthesis(self.made) or self.folder

    @property
    def shares_synthesis(self) -> bool:
        """Whether the data were synthesised once for several runs."""
        return shared_synthesis(self.made) is not None


def read_run(recipe: str, random_seed: int, folder: Path) -> Run:
    """The run in ``folder``, shown as ``recipe``; raises `BadInput` where it is another's or not whole."""
    path = folder / "results.json"
    if not path.is_file():
        raise BadInput(f"{folder}: not made yet; 'make sweep' makes it")
    result = read_json(path)
    if lacking := lacks(result):
        raise BadInput(f"{path}: lacks {', '.join(lacking)}; make it again with 'make sweep'")
    if fault := misfit(result, RESULT):
        raise BadInput(f"{path}: {fault}; make it again with 'make sweep'")
    if result["random_seed"] != random_seed:
        raise BadInput(f"{path}: is of random seed {result['random_seed']}, not {random_seed}; make it again")
    scores = {}
    for test, told in result["scores"].items():
        scores[test] = read_scores(folder / "eval" / folder_of(test) / "score.json")
        shown, mean = told["accuracy"], 100 * sum(scores[test].values()) / len(scores[test])
        if not abs(shown - mean) <= 0.01:
            raise BadInput(f"{path}: says {shown} for {test}, its questions {mean:.2f}; make it again")
    run = Run(recipe, random_seed, folder, result, scores, made_by(folder))
    require_whole(run)
    require_its_data(run)
    return run


def lacks(result: Any) -> list[str]:
    """What a results.json should have and has not."""
    if not isinstance(result, dict):
        return [*KEYS, *OBJECTS]
    lacking = [key for key in KEYS if key not in result]
    lacking += [key for key in OBJECTS if not isinstance(result.get(key), dict)]
    if "scores" not in lacking and not (result["scores"] and all(map(has_score, result["scores"].values()))):
        lacking += ["a test's accuracy"]
    return lacking


def has_score(told: Any) -> bool:
    return isinstance(told, dict) and isinstance(told.get("accuracy"), int | float)


def require_whole(run: Run) -> None:
    """Raise `BadInput` where a stage is being made again: what the run measured is of an earlier one."""
    after_data = [
        stage for stage in STAGES[2:] if run.result["training"].get(stage) or stage not in TRAININGS
    ]
    begun = [stage for stage in after_data if run.made and stage not in run.made]
    if begun:
        raise BadInput(
            f"{run.folder}: {begun[0]} was begun again and is not made; 'make sweep' goes on with it"
        )


def require_its_data(run: Run) -> None:
    """Raise `BadInput` where the folder of synthesis, which runs share, holds other data by now."""
    read = run.made.get("convert", {}).get("inputs", {})
    digest = next((read[label] for label in read if label.split("/")[-1] == "synth"), None)
    made = run.made.get("synth", {}).get("outputs", {}).get("digest")
    if digest and made and digest != made:
        raise BadInput(
            f"{run.folder}: trained on other data than {run.synthesis} holds by now; run 'make sweep'"
        )


def read_scores(path: Path) -> dict[str, float]:
    """{question: score} of a score.json; MMBench's question is a circular group."""
    if not path.is_file():
        raise BadInput(f"{path}: missing, the run is half made; 'make sweep' makes it")
    score = read_json(path)
    found = score.get("per_question") if isinstance(score, dict) else None
    if not isinstance(found, dict) or not found:
        raise BadInput(f"{path}: holds no scores per question; score the answers again")
    bad = [
        question
        for question, value in found.items()
        if not isinstance(value, int | float) or not 0 <= value <= 1
    ]
    if bad:
        raise BadInput(
            f"{path}: question {bad[0]} scores {found[bad[0]]!r}, not 0 to 1; score the answers again"
        )
    return {question: float(value) for question, value in found.items()}


def made_by(folder: Path) -> dict[str, dict]:
    """{stage: mark} of the stages that the graph made; synthesis may lie in a folder that runs share."""
    made = {stage: mark for stage in STAGES if (mark := marks.read(str(folder / ".make" / stage)))}
    shared = shared_synthesis(made)
    if shared and (mark := marks.read(str(shared / ".make" / "synth"))):
        made["synth"] = mark
    return made


def shared_synthesis(made: dict[str, dict]) -> Path | None:
    """The folder of another experiment whose data a run was trained on, by the marks of its stages."""
    inputs = made.get("convert", {}).get("inputs", {})
    return next((Path(label).parents[1] for label in inputs if label.endswith("/.make/synth")), None)


def losses_of(folder: Path) -> list[float]:
    """The loss of each step that a training logged; empty without a trainer_state.json."""
    path = folder / "trainer_state.json"
    if not path.is_file():
        return []
    state = read_shaped(path, {"log_history?": [{"loss?": float}]}, "train again")
    return [entry["loss"] for entry in state.get("log_history", []) if "loss" in entry]


def read_answers(run: Run, test: str) -> dict[str, dict]:
    """{question: its answer's line} of a run; of circular variants the first one's."""
    folder = run.folder / "eval" / folder_of(test)
    path = folder / ("answers.jsonl" if test == "mmbench" else "bm1.jsonl")
    shape = {"question_id": int if test == "mmbench" else (str, int), "prompt?": str, "text": str}
    lines = []
    for number, line in read_jsonl(path):
        if fault := misfit(line, shape):
            raise BadInput(f"{path}:{number}: {fault}; answer the test again")
        lines.append(line)
    if test != "mmbench":  # where scores stand in the answers' order
        if len(lines) != len(run.scores[test]):
            raise BadInput(
                f"{folder}: {len(lines)} answers, {len(run.scores[test])} scores; answer the test again"
            )
        return dict(zip(run.scores[test], lines, strict=True))
    answers: dict[str, dict] = {}
    for line in lines:
        answers.setdefault(str(line["question_id"] % CIRCULAR_STEP), line)
    return answers


def folder_of(test: str) -> str:
    """The folder of a test in eval/: that of textvqa_pure is TextVQA's."""
    return "mmbench" if test == "mmbench" else "textvqa"
