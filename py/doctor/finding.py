"""What a check found: one line for a person, one object for a machine."""

from typing import NamedTuple


class Finding(NamedTuple):
    """``level`` is ok, warning or error; ``remedy`` is what to do, empty where it is ok."""

    level: str
    what: str
    found: str
    remedy: str = ""

    def line(self) -> str:
        """The finding as it is printed."""
        return f"{self.level:8} {self.what:16} {self.found}" + (f" → {self.remedy}" if self.remedy else "")


def ok(what: str, found: str) -> Finding:
    return Finding("ok", what, found)


def warning(what: str, found: str, remedy: str) -> Finding:
    return Finding("warning", what, found, remedy)


def error(what: str, found: str, remedy: str) -> Finding:
    return Finding("error", what, found, remedy)
