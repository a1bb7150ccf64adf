"""The questions of the pretraining samples: of stage_1.json, of a LLaVA seed, or official ones by id."""

import zlib
from pathlib import Path
from typing import NamedTuple

from errors import Problems
from json_files import read_list
from record_files import pair_of, question_fault, read_records
from records import LLAVA_IMAGE_TOKEN, Fault, caption_of

# The questions that the official stage_1.json asks.
ASKED = (
    "What is this?",
    "What is in the photo?",
    "Describe the image concisely.",
    "Give a brief description of the image.",
    "Give a short and clear explanation of the subsequent image.",
    "Present a compact description of the photo's key features.",
    "Provide a brief description of the given image.",
    "Render a clear and concise summary of the photo.",
    "Share a concise interpretation of the image provided.",
    "Summarize the visual content of the image.",
    "Write a terse but informative summary of the picture.",
)


class Question(NamedTuple):
    """One entry of stage_1.json: the human turn, the seed's caption, the image relative to the file."""

    human: str
    caption: str
    image: str


NONE = Path("none")  # as the place of stage_1.json: official questions


def read_stage1(path: str | Path, faults: list[Fault] | None = None) -> dict[str, Question]:
    """Read the kit's stage_1.json into {id: question}; raises `BadInput` naming every unusable entry.

    ``faults``: a list that gets each `Fault`, instead of the error.
    """
    problems, questions = Problems(), {}
    for number, (line, entry) in enumerate(read_list(path), start=1):
        identity = entry.get("id") if isinstance(entry, dict) else None
        pair, fault = pair_of(entry), None
        if not isinstance(identity, str) or pair is None or not isinstance(entry.get("image"), str):
            fault = "needs id, image, human, gpt; mend it"
        elif identity in questions:
            fault = "stands twice; remove one of the two"
        elif fault := question_fault(pair[0]):
            pass
        else:
            questions[identity] = Question(*pair, entry["image"])
            continue
        found = Fault(path, line, identity, fault, number)
        problems.add(found.message) if faults is None else faults.append(found)
    problems.raise_if_any()
    return questions


def no_question(stage1: Path) -> str:
    """What is wrong with a record whose id has no question, and the remedy."""
    return (
        f"not in {stage1.name}; every id must come from the seed: add it there, remove the record, or give "
        "all the official questions (make: STAGE1=none)"
    )


def question_for(identity: str) -> str:
    """The question for a record without one: of the official ones, chosen by the id alone."""
    return f"{LLAVA_IMAGE_TOKEN}\n{ASKED[zlib.crc32(identity.encode()) % len(ASKED)]}"


def questions_of(seed: Path | None, stage1: Path, faults: list[Fault] | None = None) -> dict[str, Question]:
    """The questions for the records of ``seed``: those of the file ``stage1``, or official ones for none."""
    if stage1 in (NONE, seed):
        return read_questions(seed, official=stage1 == NONE)
    return read_stage1(stage1, faults)


def read_questions(seed: str | Path, official: bool) -> dict[str, Question]:
    """What `read_stage1` gives, from the sound records of the seed itself.

    A LLaVA seed has its own questions; without such, or with ``official``, each record gets an official one.
    """
    rows = read_records(seed, faults=[])
    return {
        row.id: Question(
            question_for(row.id) if official or row.human is None else row.human,
            caption_of(row.text),
            row.image,
        )
        for row in rows
    }
