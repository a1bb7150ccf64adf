"""Text files that the stages meet in: JSON, lines of it, lists too long to hold; written whole or not."""

import codecs
import errno
import io
import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import json_list
from errors import BadInput

NO_UTF8 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
HALF = re.compile("[\ud800-\udfff]")
ESCAPED = re.compile(rb"\\u[dD][89a-fA-F]")  # half a character or, with another behind it, a whole one
encode = json.JSONEncoder(ensure_ascii=False).encode  # made once: json.dumps would make one for each record
NO_LIST = "a list of LLaVA samples is needed; mend it, what follows is not read"


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
    with _opened(path) as file:
        content = file.read()
    try:
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
