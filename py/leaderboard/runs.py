"""A run as the statistics need it: its answers question by question, and what it was made by."""

from pathlib import Path
from typing import Any, NamedTuple

from errors import BadInput
from json_files import read_json, read_jsonl
from leaderboard.run_files import folder_of, losses_of, made_by, read_scores, shared_synthesis
from mmbench_table import CIRCULAR_STEP
from shapes import RESULT, STAGES, misfit

TRAININGS = ("pretrain", "finetune")
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
    """Whether results.json tells an accuracy of a test."""
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
