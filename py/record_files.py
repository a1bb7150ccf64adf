"""Seed and synth files in either format of the challenge kit.

Formats: ``mgm_pretrain_stage_1.jsonl`` (Data-Juicer) and ``stage_1.json`` (LLaVA). A seed set may have
either; whatever reads it here gets the same records.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from errors import Problems
from json_files import HALF, read_list, read_objects
from records import IMAGE_TOKEN, LLAVA_IMAGE_TOKEN, Fault, Record, caption_fault, text_of


def pair_of(entry: Any) -> tuple[str, str] | None:
    """(human, gpt) of a LLaVA sample's first round; None if it does not begin with one."""
    turns = entry.get("conversations") if isinstance(entry, dict) else None
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        return None
    values = [turn.get("value") for turn in turns[:2] if isinstance(turn.get("value"), str)]
    sound = [turn.get("from") for turn in turns[:2]] == ["human", "gpt"] and len(values) == 2
    return (values[0], values[1]) if sound else None


def question_fault(human: str) -> str | None:
    """What keeps a human turn from asking about one image, and the remedy; None if nothing."""
    if HALF.search(human):
        return "half a character (a lone surrogate) in the question; correct it"
    slots = human.count(LLAVA_IMAGE_TOKEN)
    return None if slots == 1 else f"the question needs one {LLAVA_IMAGE_TOKEN}, not {slots}; correct it"


def _from_llava(entry: Any) -> tuple[dict, str | None, str | None]:
    """A LLaVA sample as a seed record: (record, its question, what is wrong with it as a sample)."""
    if not isinstance(entry, dict):
        return {}, None, f"a JSON object is needed, not {type(entry).__name__}; mend or remove it"
    record = {"id": entry.get("id")}
    pair, image = pair_of(entry), entry.get("image")
    if pair is None:
        return record, None, "conversations must be one human and one gpt turn, with values; correct it"
    if len(entry["conversations"]) > 2:
        return record, None, f"{len(entry['conversations'])} turns, not one human and one gpt; split it"
    if image is None:
        return record, None, "no image: a seed is of images and captions; remove the text-only sample"
    if not isinstance(image, str):
        return record, None, "image must be one path; split or remove the record"
    return record | {"text": text_of(pair[1].strip()), "images": [image]}, pair[0], question_fault(pair[0])


def _rows(path: str | Path) -> Iterator[tuple[int, int, dict, str | None, str | None]]:
    """Yield (row, line, record, question, fault) of a seed or synth file in either format."""
    if Path(path).suffix == ".json":
        for row, (line, entry) in enumerate(read_list(path), start=1):
            record, human, fault = _from_llava(entry)
            yield row, line, record, human, fault
    else:
        for number, record in read_objects(path):
            broken = isinstance(record, str)
            yield number, number, {} if broken else record, None, record if broken else None


def read_records(
    path: str | Path, unique: bool = True, faults: list[Fault] | None = None
) -> Iterator[Record]:
    """Yield each record of a seed or synth file, with ``<image>`` read as ``<__dj__image>``.

    A seed may be Data-Juicer's (.jsonl) or LLaVA's (.json). Streams: of earlier lines only the ids are held.
    Faulty records are skipped, and `BadInput` with all of them is raised after the last; nothing made from
    the records may be kept before the iteration has ended. ``unique``: a seed, where an id may stand once
    only (a synth file may repeat one). ``faults``: a list that gets each `Fault`, instead of the error.
    """
    problems, first_line, empty = Problems(), {}, True
    for row, line, record, human, fault in _rows(path):
        empty = False
        identity = record.get("id")
        fault = fault or caption_fault(record, strict=unique)
        if fault is None and unique and first_line.setdefault(identity, (row, line))[0] != row:
            fault = f"stands on line {first_line[identity][1]} already; remove one of the two"
        if fault is not None:
            found = Fault(path, line, identity, fault, row)
            problems.add(found.message) if faults is None else faults.append(found)
            continue
        text = record["text"].replace(LLAVA_IMAGE_TOKEN, IMAGE_TOKEN)
        image = record["images"][0]
        yield Record(line, identity, text, image, human, None if human is None else row)
    if empty:
        problems.add(f"{path}: no record in it; restore the file or make it again")
    problems.raise_if_any()
