"""How scores are put for a person at the terminal: tests by their names, numbers with their intervals."""

from rich.console import Console

NAMES = {"textvqa": "TextVQA", "textvqa_pure": "TextVQA, no OCR tokens", "mmbench": "MMBench"}
WIDTH = 100  # where the output is not a terminal


def console() -> Console:
    """A console that writes plain text of `WIDTH` columns where the output is not a terminal."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=WIDTH, color_system=None)


def name_of(test: str) -> str:
    """What people call ``test``."""
    return NAMES.get(test, test)


def number(value: float | None, form: str) -> str:
    """``value`` in the format ``form``, or a dash."""
    return "–" if value is None else f"{value:{form}}"


def with_interval(value: float, interval: list[float] | None, form: str = ".1f") -> str:
    """``61.2 [57.0, 65.3]``; the value alone without an interval.

    >>> with_interval(1.25, [-0.5, 3], "+.1f")
    '+1.2 [-0.5, +3.0]'
    """
    ends = f" [{interval[0]:{form}}, {interval[1]:{form}}]" if interval else ""
    return f"{value:{form}}{ends}"
