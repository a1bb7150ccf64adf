"""A JSON list read entry by entry: 400,000 samples need not fit into memory at once."""

import json
import re
from collections.abc import Iterator
from typing import IO, Any

PIECE = 1 << 20  # letters read at a time
WHITE = re.compile(r"[ \t\r\n]*")
DECODER = json.JSONDecoder()


class NotAList(ValueError):
    """Where a file stops being a JSON list, and why."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


def reason(error: Exception) -> str:
    """Why Python does not parse a JSON text: broken, nested too deep, or a number of thousands of digits."""
    return getattr(error, "msg", str(error)).split(";")[0]


class Text:
    """The piece of a file that is being read; ``at`` is the place in it, ``line`` that of the last entry."""

    def __init__(self, file: IO[str]) -> None:
        self.file, self.text, self.at, self.line, self.counted = file, "", 0, 1, 0

    def count_lines(self) -> None:
        """Bring ``line`` up to the place."""
        self.line += self.text.count("\n", self.counted, self.at)
        self.counted = self.at

    def more(self) -> bool:
        """Read on, twice as much where the piece held no whole entry; False at the end of the file."""
        piece = self.file.read(max(PIECE, len(self.text) - self.at))
        self.count_lines()
        self.text, self.at, self.counted = self.text[self.at :] + piece, 0, 0
        return bool(piece)

    def letter(self) -> str:
        """The next letter that is no white space, which it stops in front of; empty at the end."""
        while True:
            self.at = WHITE.match(self.text, self.at).end()
            if self.at < len(self.text) or not self.more():
                return self.text[self.at : self.at + 1]

    def take(self, letters: str) -> str:
        """The next letter, which must be one of ``letters``, and step over it."""
        found = self.letter()
        if not found or found not in letters:
            self.count_lines()
            wanted = " or ".join(f"'{letter}'" for letter in letters)
            raise NotAList(self.line, f"{wanted} is missing {f'before {found!r}' if found else 'at the end'}")
        self.at += 1
        return found

    def value(self) -> Any:
        """The value at the place, and step over it."""
        while True:
            try:
                value, end = DECODER.raw_decode(self.text, self.at)
            except json.JSONDecodeError as error:
                if self.more():
                    continue
                self.count_lines()
                raise NotAList(self.line + self.text.count("\n", self.at, error.pos), error.msg) from error
            except (ValueError, RecursionError) as error:
                self.count_lines()
                raise NotAList(self.line, reason(error)) from error
            length = end - self.at
            if len(self.text) - end < len("e+1.") and self.more():  # a number may go on
                continue
            self.at += length
            return value


def entries(file: IO[str]) -> Iterator[tuple[int, Any]]:
    """Yield (line number, entry) for each entry of the list in ``file``; raises `NotAList` where it is none.

    >>> import io
    >>> list(entries(io.StringIO('[{"id": 1},\\n {"id": 2}]')))
    [(1, {'id': 1}), (2, {'id': 2})]
    """
    text = Text(file)
    text.take("[")
    if text.letter() == "]":
        text.take("]")
    else:
        mark = ","
        while mark == ",":
            text.letter()
            text.count_lines()
            yield text.line, text.value()
            mark = text.take(",]")
    if text.letter():
        text.count_lines()
        raise NotAList(text.line, "there is more behind the list")
