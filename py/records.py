"""File formats that the stages meet in: seed and synth records, LLaVA conversations, atomic files.

Formats: the challenge kit's ``mgm_pretrain_stage_1.jsonl`` (Data-Juicer) and ``stage_1.json`` (LLaVA). A seed
set may have either; whatever reads it here gets the same records.
"""

import codecs
import errno
import io
import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

import json_list

IMAGE_TOKEN = "<__dj__image>"
EOC_TOKEN = "<|__dj__eoc|>"
LLAVA_IMAGE_TOKEN = "<image>"
NO_UTF8 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
HALF = re.compile("[\ud800-\udfff]")
ESCAPED = re.compile(rb"\\u[dD][89a-fA-F]")  # half a character or, with another behind it, a whole one
encode = json.JSONEncoder(ensure_ascii=False).encode  # made once: json.dumps would make one for each record
LONGEST_LINE = 1000  # letters of a message's line
NO_LIST = "a list of LLaVA samples is needed; mend it, what follows is not read"


def brief(message: str) -> str:
    """``message`` without the middle of a line that nobody could read: an id may have a million letters.

    >>> brief("seed.jsonl:1: id " + 5000 * "7" + ": no image; remove it")[-50:]
    '77777777777777777777777777777: no image; remove it'
    """
    lines = message.split("\n")
    for number, line in enumerate(lines):
        if len(line) > LONGEST_LINE:
            half = LONGEST_LINE // 2
            lines[number] = f"{line[:half]} … ({len(line) - 2 * half:,} more) … {line[-half:]}"
    return "\n".join(lines)


class BadInput(ValueError):
    """Data or usage that a person must mend; the message says what, where (file, line or id) and how."""

    def __init__(self, message: object) -> None:
        super().__init__(brief(str(message)))


class Fault(NamedTuple):
    """A record that cannot be used: where it stands, and what is wrong with it and the remedy."""

    path: str | Path
    line: int
    id: Any
    what: str
    place: int

    @property
    def message(self) -> str:
        """All of it on one line; without an id the entry counts, for a line of a list may hold many."""
        entry = f"entry {self.place}: " if self.place != self.line else ""
        return brief(f"{self.path}:{self.line}: {f'id {self.id}: ' if self.id else entry}{self.what}")


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
    """One checked record of a seed or synth file; ``image`` is the path as written, relative to the file.

    Of a LLaVA file also the question and the ``row``, counted from 1: a line of it may hold many.
    """

    line: int
    id: str
    text: str
    image: str
    human: str | None = None
    row: int | None = None

    @property
    def place(self) -> int:
        """The number that the records of one file are ordered by."""
        return self.row or self.line


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
    except OSError as error:
        unnamed = error.filename is None and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        if unnamed or error.filename == str(aside):  # one of writing names no file
            error.filename = str(path)
        raise
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
            file.write(encode(record) + "\n")


def read_json(path: str | Path, **options: Any) -> Any:
    """Parse a JSON file (``options`` go to `json.loads`); raises `BadInput` with the line of an error."""
    try:
        with _opened(path) as file:
            content = file.read()
        value = json.loads(content.decode("utf-8"), **options)
        if has_half(content, value):
            raise ValueError("half a character, a lone surrogate")
        return value
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path}: not valid JSON ({error}); restore the file or make it again") from error


def has_half(content: bytes, value: Any) -> bool:
    """Whether ``value``, parsed from ``content``, has half a character, which no file could hold again."""
    return bool(ESCAPED.search(content) and HALF.search(encode(value)))


def _opened(path: str | Path) -> IO[bytes]:
    """Open a text file behind the mark of UTF-8 that some editors put first; other Unicodes are refused."""
    file = Path(path).open("rb")  # noqa: SIM115 (whoever reads it closes it)
    start = file.read(4)
    if start.startswith(NO_UTF8):
        file.close()
        raise BadInput(f"{path}:1: UTF-16 or UTF-32, not UTF-8; convert it: iconv -f UTF-16 -t UTF-8")
    file.seek(len(codecs.BOM_UTF8) if start.startswith(codecs.BOM_UTF8) else 0)
    return file


def read_lines(path: str | Path) -> list[str]:
    """The lines of a text file; raises `BadInput` where it is not UTF-8, or has a zero byte."""
    with _opened(path) as file:
        try:
            text = file.read().decode("utf-8")
        except UnicodeDecodeError as error:
            raise BadInput(f"{path}: not UTF-8 ({error.reason}); restore the file") from error
    if "\0" in text:
        number = text[: text.index("\0")].count("\n") + 1
        raise BadInput(f"{path}:{number}: a zero byte; restore the file")
    return text.replace("\r\n", "\n").removesuffix("\n").split("\n") if text else []


def read_objects(path: str | Path, halves: bool = True) -> Iterator[tuple[int, dict | str]]:
    """Yield (line number, object, or what is wrong with the line and the remedy) for each line.

    ``halves``: let half a character through, to whoever names the record that has it.
    """
    with _opened(path) as file:
        for number, line in enumerate(file, start=1):
            try:
                record = json.loads(line.decode("utf-8"))
            except UnicodeDecodeError as error:
                yield number, f"not UTF-8 ({error.reason}); mend or remove the line"
            except (ValueError, RecursionError) as error:
                what = json_list.reason(error) if line.strip() else "an empty line"
                yield number, f"not valid JSON ({what}); mend or remove the line"
            else:
                kind = type(record).__name__
                if not isinstance(record, dict):
                    record = f"a JSON object is needed, not {kind}; mend the line"
                elif not halves and has_half(line, record):
                    record = "half a character (a lone surrogate) in it; mend the line"
                yield number, record


def read_jsonl(path: str | Path) -> Iterator[tuple[int, dict]]:
    """Yield (line number, object) for each line; raises `BadInput` for a line that is not a JSON object."""
    for number, record in read_objects(path, halves=False):
        if isinstance(record, str):
            raise BadInput(f"{path}:{number}: {record}")
        yield number, record


def read_list(path: str | Path) -> Iterator[tuple[int, Any]]:
    """Yield (line number, entry) for each entry of a JSON list, of which only a piece is held at a time.

    Raises `BadInput` with the line where it stops being a list; the entries before it have been yielded.
    """
    file = io.TextIOWrapper(_opened(path), encoding="utf-8", newline="\n")
    with file:
        try:
            yield from json_list.entries(file)
        except json_list.NotAList as error:
            raise BadInput(f"{path}:{error.line}: not valid JSON ({error}); {NO_LIST}") from error
        except UnicodeDecodeError as error:
            raise BadInput(f"{path}: not UTF-8 ({error.reason}); convert or mend it") from error


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


def caption_fault(record: dict, strict: bool = False) -> str | None:
    """What keeps ``record`` from being one id, one image and one caption, and the remedy; None if nothing.

    ``strict``: as a seed is written: the end token at the end, no absolute path.
    """
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
    if any(HALF.search(value) for value in (text, record["id"], images[0])):
        return "half a character (a lone surrogate) in the text; correct or remove the record"
    if not any(letter.isprintable() and letter != " " for letter in caption_of(text)):
        return "empty caption; write one or remove the record"
    return _strict_fault(text, images[0]) if strict else None


def _strict_fault(text: str, image: str) -> str | None:
    if text.count(EOC_TOKEN) != 1 or not text.rstrip().endswith(EOC_TOKEN):
        return f"the text must end in {EOC_TOKEN}, once; correct it"
    if "\0" in image:
        return f"image {image!r} holds a zero byte; correct the path"
    if image.startswith("/"):
        return f"image {image!r} is an absolute path; write it relative to the file"
    return None


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
