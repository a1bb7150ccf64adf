"""The one way a script of this project starts: errors of data and users become one line, not a traceback."""

import os
import re
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

import faults
from errors import BadInput

# What would move a terminal's cursor, set its title or clipboard, or turn the reading direction; the return
# that a progress bar begins with may stay.
CONTROL = re.compile(
    r"[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]|(?<!^)\r(?!\n)"
)
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def plain(text: str) -> str:
    r"""``text`` with its control characters spelled out: names, ids and captions may hold any.

    >>> plain("id 7\x1b]52;c;aGk=\x07")
    'id 7\\x1b]52;c;aGk=\\x07'
    """
    return CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def write_plainly(stream: TextIO) -> None:
    """Make ``stream`` write nothing but `plain` text, and to a terminal the colours of a table."""
    write, coloured = stream.write, stream.isatty()
    if isinstance(stream, TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")  # what the locale has no letter for

    def write_plain(text: str) -> int:
        pieces = COLOUR.split(text) if coloured else [text]
        colours = [*(COLOUR.findall(text) if coloured else []), ""]
        write("".join(plain(piece) + colour for piece, colour in zip(pieces, colours, strict=True)))
        return len(text)

    stream.write = write_plain


def open_closed_streams() -> None:
    """Put /dev/null where a standard stream is closed: else the next file opened takes its place."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free


def drop_output() -> None:
    """Where what was printed cannot be written, drop it: else the interpreter fails once more at its end."""
    try:
        if sys.stdout:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def parser(about: str) -> ArgumentParser:
    """A parser whose help shows ``about``, a script's docstring, with its lines as they are."""
    return ArgumentParser(description=about, formatter_class=RawDescriptionHelpFormatter)


def run(main: Callable[[], None], less: str = faults.LESS) -> None:
    """Run ``main``; a `BadInput`, an OS error about a file or what `faults` knows ends it with status 1.

    One line then says ``script: message``. ``less``: what makes the script need less memory.
    """
    script = Path(sys.argv[0]).name
    open_closed_streams()
    for stream in filter(None, (sys.stdout, sys.stderr)):  # None: closed by whoever started it
        write_plainly(stream)
    try:
        main()
        if sys.stdout:
            sys.stdout.flush()
    except BadInput as error:
        sys.exit(f"{script}: {faults.ran_out(error, less) or error}")
    except BrokenPipeError:  # whoever read the output has ended, as `head` does
        drop_output()
        sys.exit(141)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        words = message(error, less)
        drop_output()
        sys.exit(f"{script}: {words}")


def message(error: Exception, less: str) -> str:
    """What ``error`` says to a person; raises it anew where it is a fault of the program."""
    if words := faults.told(error, less):
        return words
    if not isinstance(error, OSError) or (error.filename is None and error.errno is None):
        raise error
    remedy = "; check the path or make it again" if isinstance(error, FileNotFoundError) else ""
    return f"{error.filename or 'output'}: {error.strerror or error}{remedy}"
