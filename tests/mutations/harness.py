"""One attack on a parser: a changed file, and what may come of it.

Allowed are the right result, and a refusal that a person gets as one line with the file in it. Not allowed:
any other exception, more than 10 seconds, a write outside the folder, a process, a connection.
"""

import contextlib
import importlib
import io
import os
import shutil
import signal
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from errors import BadInput
from mutations.mutators import LAYOUTS, Change, changes_of, mutated

MOST_SECONDS = 10  # of the processor
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
CHANGES = (
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.link",
    "os.symlink",
    "os.truncate",
    "os.chmod",
)
FORBIDDEN = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "socket.connect", "os.fork")


class Watch:
    """What the process does to the world; the hook of an interpreter stays for good, so there is one."""

    folder: str | None = None
    seen: list[str] = []  # noqa: RUF012 (of the one watch that there is)


def _hook(event: str, args: tuple) -> None:
    if Watch.folder is None:
        return
    if event in FORBIDDEN:
        Watch.seen.append(f"{event} {args!r}"[:300])
    elif event == "open" or event in CHANGES:
        writes = event != "open" or (args[1] and set(args[1]) & set("wax+")) or (args[2] or 0) & WRITES
        for path in args[:2] if event in ("os.rename", "os.link", "os.symlink") else args[:1]:
            if writes and isinstance(path, str | bytes):
                place = os.path.realpath(os.fsdecode(path))
                if not (f"{place}/".startswith(Watch.folder) or ".pyc" in place or place == os.devnull):
                    Watch.seen.append(f"{event} {place}")


sys.addaudithook(_hook)


@contextlib.contextmanager
def watched(folder: Path) -> Iterator[None]:
    """Assert that nothing but ``folder`` is changed, and that it does not take long."""

    def hang(*_: object) -> None:
        raise AssertionError(f"still at it after {MOST_SECONDS} seconds")

    before = signal.signal(signal.SIGVTALRM, hang)
    Watch.folder, Watch.seen = f"{folder.resolve()}/", []
    signal.setitimer(signal.ITIMER_VIRTUAL, MOST_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
        Watch.folder = None
    assert not Watch.seen, Watch.seen


class Refusal(str):
    """What a person would read."""


class Case(NamedTuple):
    """One changed file: its name in the folder, what was changed, what it holds now and held before."""

    name: str
    changes: list[Change]
    content: bytes
    sound: bytes

    @property
    def keeps(self) -> bool:
        """Whether only the layout was changed."""
        return all(name in LAYOUTS for name, *_ in self.changes)


class Attack(NamedTuple):
    """``files``: the sound ones; ``act``: what is done with their folder; ``check``: a judge of what came of
    it, who gets the case, the value or the `Refusal`, and the value of the sound files.
    """

    folder: Path
    files: dict[str, bytes]
    act: Callable[[Path], Any]
    check: Callable[[Case, Any, Any], None] | None
    targets: list[str]
    layout: bool  # whether every layout of JSON must be read; other people's readers refuse some

    def restore(self) -> None:
        """The folder as it was at first."""
        shutil.rmtree(self.folder, ignore_errors=True)
        for name, content in self.files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def outcome(self) -> Any:
        """What the product makes of the folder as it is."""
        said = io.StringIO()
        try:
            with watched(self.folder), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                return self.act(self.folder)
        except BadInput as error:
            return Refusal(error)
        except OSError as error:  # what cli.run prints as one line
            assert error.filename is not None or error.errno is not None, repr(error)
            where = f"{self.folder}: {error.filename}" if error.filename else "output"  # it names its file
            return Refusal(f"{where}: {error.strerror or error}")

    def strike(self, name: str, changes: list[Change]) -> None:
        """One case."""
        sound = self.files[name]
        case = Case(name, changes, mutated(sound, Path(name).suffix, changes), sound)
        self.restore()
        expected = self.expected()
        self.restore()
        (self.folder / name).write_bytes(case.content)
        value = self.outcome()
        if isinstance(value, Refusal):
            names = [str(self.folder), *(Path(one).name for one in self.files)]
            assert any(one in value for one in names), f"names no file: {value}"
        if isinstance(value, Refusal) and case.keeps and not self.layout:
            return
        if case.keeps or case.content == sound:
            assert value == expected, f"{value!r} is not {expected!r}, though nothing but the layout changed"
        elif self.check:
            self.check(case, value, expected)

    def expected(self) -> Any:
        """What the sound files give, worked out once."""
        if self.folder not in _expected:
            value = self.act(self.folder)  # unwatched: first imports write where they like
            assert not isinstance(value, Refusal)
            self.restore()
            _expected[self.folder] = self.outcome()
            assert _expected[self.folder] == value, "the sound files give another result the second time"
        return _expected[self.folder]


_expected: dict[Path, Any] = {}


def one_case(name: str) -> st.SearchStrategy[tuple[str, list[Change]]]:
    """A file's name, and what is changed in it."""
    return st.tuples(st.just(name), changes_of(Path(name).suffix))


def tried(attack: Attack, name: str, tries: int, number: int) -> None:
    """Exactly ``tries`` cases, the same each time; another ``number`` gives others."""
    count = 0

    @seed(zlib.crc32(name.encode()) + number)
    @settings(
        max_examples=tries,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    @given(st.sampled_from(attack.targets).flatmap(one_case))
    def one(case: tuple[str, list[Change]]) -> None:
        nonlocal count
        attack.strike(*case)
        count += 1

    one()
    assert count == tries, f"{count} cases, not {tries}"


def main_of(script: str, *words: object) -> None:
    """The ``main`` of a script in py/, with these words on its command line."""
    before = sys.argv
    sys.argv = [f"{script}.py", *map(str, words)]
    try:
        importlib.import_module(script).main()
    except SystemExit as error:
        if isinstance(error.code, str):
            raise BadInput(error.code) from error
        assert not error.code, f"{script}: exit status {error.code} without a word"
    finally:
        sys.argv = before
