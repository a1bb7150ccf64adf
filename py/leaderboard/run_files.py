"""What a run's folder holds beside results.json: marks of its stages, scores by question, losses by step."""

from pathlib import Path

from errors import BadInput
from graph import marks
from json_files import read_json
from shapes import STAGES, read_shaped


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


def folder_of(test: str) -> str:
    """The folder of a test in eval/: that of textvqa_pure is TextVQA's."""
    return "mmbench" if test == "mmbench" else "textvqa"


def losses_of(folder: Path) -> list[float]:
    """The loss of each step that a training logged; empty without a trainer_state.json."""
    path = folder / "trainer_state.json"
    if not path.is_file():
        return []
    state = read_shaped(path, {"log_history?": [{"loss?": float}]}, "train again")
    return [entry["loss"] for entry in state.get("log_history", []) if "loss" in entry]
