"""The evaluation sets as the page shows them: each question's text, right answer, category and image."""

from base64 import b64decode
from collections import Counter
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from digest import sha256
from errors import BadInput
from json_files import read_json
from leaderboard.runs import Run
from mmbench_table import CIRCULAR_STEP, OPTION_LETTERS
from pictures import read_picture
from questions import Question, read_mmbench, read_textvqa
from screen import name_of
from sweep_report.sources import Board

MMBENCH, TABLE = "mmbench", "mmbench_dev_20230712.tsv"
TEXTVQA, QUESTIONS, ANNOTATIONS = "textvqa", "llava_textvqa_val_v051_ocr.jsonl", "TextVQA_0.5.1_val.json"
IMAGES = "train_images"
MOST_ANSWERS = 3
REMEDY = "give the --eval_data that the runs were evaluated with"


class Asked(NamedTuple):
    """A question; ``variants``: of MMBench, each with its options, by index."""

    text: str
    right: str
    category: str
    image: Path | str  # a file, or base64
    variants: dict[int, Question]

    def picture(self) -> Image.Image:
        """Its image; raises `BadInput`."""
        if isinstance(self.image, Path):
            return read_picture(self.image, str(self.image), "restore it")
        return read_picture(BytesIO(b64decode(self.image)), "the table's image", "restore the table")


Evaluation = dict[str, dict[str, Asked]]
"""{test: {question, as in score.json: what was asked}}"""


def read_evaluation(folder: Path, board: Board) -> Evaluation:
    """The questions of all tests of ``board``; raises `BadInput` unless the runs answered these."""
    found = {}
    for test in board.tests:
        path = folder / MMBENCH / TABLE if test == MMBENCH else folder / TEXTVQA / QUESTIONS
        if not path.is_file():
            raise BadInput(f"{path}: no such file (--eval_data); {REMEDY}")
        digest = sha256(path)
        for run in board.all_runs:
            require_same(run, test, path, digest)
        found[test] = read_groups(path) if test == MMBENCH else read_textvqa_asked(path)
        absent = [question for question in board.all_runs[0].scores[test] if question not in found[test]]
        if absent:
            raise BadInput(f"{path}: lacks {name_of(test)}'s question {absent[0]}; {REMEDY}")
    return found


def require_same(run: Run, test: str, path: Path, digest: str) -> None:
    """Raise `BadInput` where ``run`` answered another question file."""
    used = run.result["protocol"].get(test, {}).get("question_file_sha256")
    if used != digest:
        raise BadInput(f"{path}: not the question file of {run.folder} (its SHA-256 is {used}); {REMEDY}")


def read_groups(path: Path) -> dict[str, Asked]:
    """MMBench's questions, circular variants together under the first one's number."""
    groups: dict[str, dict[int, Question]] = {}
    for question in read_mmbench(path):
        groups.setdefault(str(question.question_id % CIRCULAR_STEP), {})[question.question_id] = question
    found = {}
    for name, variants in groups.items():
        first = variants[min(variants)]
        found[name] = Asked(first.prompt, right_option(first), first.category, first.image, variants)
    return found


def right_option(question: Question) -> str:
    """The right letter with its text."""
    letters = OPTION_LETTERS[: len(question.options)]
    options = dict(zip(letters, question.options, strict=True))
    return f"{question.answer}. {options.get(question.answer, '')}"


def read_textvqa_asked(path: Path) -> dict[str, Asked]:
    """TextVQA's questions, by image; where an image has several, by ``image/question_id`` of the annotation.

    So score.json has them. The right answer is the commonest of the ten, or the few commonest.
    """
    images = {str(question.question_id): question.image for question in read_textvqa(path)}
    document = read_json(path.with_name(ANNOTATIONS))
    lines = document.get("data") if isinstance(document, dict) else None
    wanted = ("question_id", "image_id", "question", "answers")
    if not lines or not all(isinstance(line, dict) and all(key in line for key in wanted) for line in lines):
        raise BadInput(f"{path.with_name(ANNOTATIONS)}: holds no TextVQA annotations; restore the file")
    found = {}
    for line in lines:
        keys = str(line["image_id"]), str(line["question_id"])
        image = images.get(keys[0], images.get(keys[1], f"{keys[0]}.jpg"))
        asked = Asked(line["question"], commonest(line["answers"]), "", path.parent / IMAGES / image, {})
        found |= {name: asked for name in (keys[0], keys[1], f"{keys[0]}/{keys[1]}") if name not in found}
    return found


def commonest(answers: list) -> str:
    """``nokia (9 of 10), phone``: how people answered."""
    counts = Counter(map(str, answers)).most_common(MOST_ANSWERS)
    return ", ".join(
        f"{text} ({count} of {len(answers)})" if len(counts) > 1 else text for text, count in counts
    )
