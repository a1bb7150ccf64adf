"""File formats that the stages meet in: seed and synth records, LLaVA conversations, atomic files.

Formats: the challenge kit's ``mgm_pretrain_stage_1.jsonl`` (Data-Juicer) and ``stage_1.json`` (LLaVA).
"""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

IMAGE_TOKEN = "<__dj__image>"
EOC_TOKEN = "<|__dj__eoc|>"
LLAVA_IMAGE_TOKEN = "<image>"


class BadInput(ValueError):
    """Data or usage that a person must mend; the message says what, where (file, line or id) and how."""


class Problems:
    """Faults of one file, gathered so that a person sees them together: the first 20 and a count."""

    SHOWN = 20

    def __init__(self) -> None:
        self.count = 0
        self.messages: list[str] = []

    def add(self, message: str) -> None:
        self.count += 1
        if self.count <= self.SHOWN:
            self.messages.append(message)

    def raise_if_any(self) -> None:
        """Raise `BadInput` with every message kept, one a line, if there was any."""
        if self.count:
            more = [f"… and {self.count - self.SHOWN} more problems"] if self.count > self.SHOWN else []
            raise BadInput("\n".join(self.messages + more))


class Record(NamedTuple):
    """One checked line of a seed or synth file; ``image`` is the path as written, relative to the file."""

    line: int
    id: str
    text: str
    image: str


class Question(NamedTuple):
    """One entry of stage_1.json: the human turn, the seed's caption, the image relative to the file."""

    human: str
    caption: str
    image: str


@contextmanager
def atomic_write(path: str | Path, mode: str = "w") -> Iterator[IO[Any]]:
    """Open ``path`` for writing aside; on success flush to disk and rename, on error leave no trace.

    >>> with atomic_write("out.json") as f: f.write("{}")  # doctest: +SKIP
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}+")
    try:
        with aside.open(mode, encoding=None if "b" in mode else "utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def write_json(path: str | Path, value: Any) -> None:
    """Write ``value`` as indented JSON, atomically."""
    with atomic_write(path) as file:
        json.dump(value, file, ensure_ascii=False, indent=1)
        file.write("\n")


def write_jsonl(path: str | Path, records: Iterable[dict]) -> None:
    """Write one JSON object a line, atomically."""
    with atomic_write(path) as file:
        for record in records:
            file.write(json.dumps(record, ensure_ascii=False) + "\n")


def read_json(path: str | Path, **options: Any) -> Any:
    """Parse a JSON file (``options`` go to `json.loads`); raises `BadInput` with the line of an error."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"), **options)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: not valid JSON ({error}); restore the file or make it again") from error


def _object_of(path: str | Path, number: int, line: bytes) -> dict:
    try:
        record = json.loads(line.decode("utf-8"))
    except json.JSONDecodeError as error:
        raise BadInput(f"{path}:{number}: not valid JSON ({error.msg}); mend or remove the line") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}:{number}: not UTF-8 ({error.reason}); mend or remove the line") from error
    if not isinstance(record, dict):
        raise BadInput(f"{path}:{number}: a JSON object is needed, not {type(record).__name__}")
    return record


def read_jsonl(path: str | Path) -> Iterator[tuple[int, dict]]:
    """Yield (line number, object) for each line; raises `BadInput` for a line that is not a JSON object."""
    with Path(path).open("rb") as file:
        for number, line in enumerate(file, start=1):
            yield number, _object_of(path, number, line)


def caption_of(text: str) -> str:
    """The caption in a record's text, without the image placeholder (either spelling) and the end token.

    >>> caption_of("<__dj__image>\\na red cube <|__dj__eoc|>")
    'a red cube'
    """
    for token in (IMAGE_TOKEN, LLAVA_IMAGE_TOKEN, EOC_TOKEN):
        text = text.replace(token, " ")
    return text.strip()


def text_of(caption: str) -> str:
    """A record's text around ``caption``, as the seed files have it; the inverse of `caption_of`."""
    return f"{IMAGE_TOKEN}\n{caption} {EOC_TOKEN}"


def _fault(record: dict) -> str | None:
    """What keeps ``record`` from being one id, one image and one caption, and the remedy; None if nothing."""
    text, images = record.get("text"), record.get("images")
    if not isinstance(record.get("id"), str) or not record["id"]:
        return "no id, or one that is not a string; give the record its id from the seed"
    if not isinstance(text, str) or not isinstance(images, list) or any(type(i) is not str for i in images):
        return "needs 'text' (a string) and 'images' (a list of paths); correct or remove the record"
    if not images or not images[0]:
        return "no image; name one image or remove the record"
    placeholders = text.count(IMAGE_TOKEN) + text.count(LLAVA_IMAGE_TOKEN)
    if len(images) > 1 or placeholders != 1:
        return f"{len(images)} images and {placeholders} placeholders, not one each; split or remove it"
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        return "half a character (a lone surrogate) in the text; correct or remove the record"
    if not any(letter.isprintable() and letter != " " for letter in caption_of(text)):
        return "empty caption; write one or remove the record"
    return None


def read_records(
    path: str | Path, unique: bool = True, faults: list[tuple[int, str | None, str]] | None = None
) -> Iterator[Record]:
    """Yield each record of a seed or synth file, with ``<image>`` read as ``<__dj__image>``.

    Streams: of earlier lines only the ids are held. Faulty lines are skipped, and `BadInput` with all of them
    is raised after the last line; nothing made from the records may be kept before the iteration has ended.
    ``unique``: an id may stand once only (a synth file may repeat one). ``faults``: a list that gets (line,
    id, message) of each faulty line, instead of the error.
    """
    problems, first_line = Problems(), {}

    def note(number: int, identity: str | None, message: str) -> None:
        problems.add(message) if faults is None else faults.append((number, identity, message))

    with Path(path).open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                record = _object_of(path, number, line)
            except BadInput as error:
                note(number, None, str(error))
                continue
            fault = _fault(record)
            if fault is None and unique and first_line.setdefault(record["id"], number) != number:
                fault = f"stands on line {first_line[record['id']]} already; remove one of the two"
            if fault is not None:
                note(number, record.get("id"), f"{path}:{number}: id {record.get('id')}: {fault}")
                continue
            text = record["text"].replace(LLAVA_IMAGE_TOKEN, IMAGE_TOKEN)
            yield Record(number, record["id"], text, record["images"][0])
        if file.tell() == 0:
            problems.add(f"{path}: no record in it; restore the file or make it again")
    problems.raise_if_any()


def _stage1_entry(entry: dict) -> Any:
    """Shrink each JSON object as soon as it is parsed: 400,000 plain entries would fill a gigabyte."""
    if "conversations" not in entry:
        return entry.get("from"), entry.get("value")
    turns = entry["conversations"]
    sound = isinstance(turns, list) and all(isinstance(turn, tuple) for turn in turns)
    sound = sound and [turn[0] for turn in turns[:2]] == ["human", "gpt"]
    sound = sound and all(isinstance(turn[1], str) for turn in turns[:2])
    if not sound or not isinstance(entry.get("image"), str):
        return entry.get("id"), None
    return entry.get("id"), Question(turns[0][1], turns[1][1], entry["image"])


def read_stage1(path: str | Path) -> dict[str, Question]:
    """Read the kit's stage_1.json into {id: question}; raises `BadInput` naming every unusable entry."""
    entries = read_json(path, object_hook=_stage1_entry)
    if not isinstance(entries, list):
        raise BadInput(f"{path}: a list of LLaVA samples is needed; take the kit's stage_1.json")
    problems, questions = Problems(), {}
    for number, entry in enumerate(entries, start=1):
        identity, question = entry if isinstance(entry, tuple) else (None, None)
        if not isinstance(identity, str) or not isinstance(question, Question):
            problems.add(f"{path}: entry {number}: id {identity}: needs id, image, human, gpt; mend it")
        elif identity in questions:
            problems.add(f"{path}: entry {number}: id {identity} stands twice; remove one of the two")
        else:
            questions[identity] = question
    problems.raise_if_any()
    return questions
