"""A hundred experiments: leaderboard, page, plan, sizes and doctor are right, and cost in proportion."""

import cProfile
import json
import pstats
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

import pytest

import make_leaderboard
import make_report
import show_leaderboard
from attacks import cases
from builds import Build
from pages import Tags, require_inert
from scale.size import sizes
from sweeps import write_board

pytestmark = pytest.mark.attack("scale")
RANDOM_SEEDS = [1, 2, 3, 4, 5]
LINEAR = 1.5
"""How much more each of the last experiments may take than each of those before."""


def growth(sizes: Sequence[int], counts: Sequence[int]) -> float:
    """Of what three sizes take, the last ones' each against the second ones' each: linear is 1."""
    first, last = ((counts[i + 1] - counts[i]) / (sizes[i + 1] - sizes[i]) for i in (0, 1))
    return last / max(first, 1)


def name_of(number: int) -> str:
    return "seed" if number == 0 else f"recipe_{number:02d}"


def share_of(number: int, recipes: int) -> float:
    """How many answers a recipe gets right: the later ones more, none of them all."""
    return 0.35 + 0.6 * number / (recipes - 1)


@pytest.fixture
def counted(monkeypatch, capsys):
    """A function that runs a script in this process: how many functions it called, and what it printed."""
    # Operations of a model's answer do not depend on how many runs there are, and take seconds to count.
    monkeypatch.setattr(make_leaderboard, "flop_per_call", lambda *folders: {"captions": 10**9})

    def run(script: ModuleType, *options: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", [script.__name__, *map(str, options)])
        profile = cProfile.Profile()
        profile.runcall(script.main)
        return sum(calls for _, calls, *_ in pstats.Stats(profile).stats.values()), capsys.readouterr().out

    return run


def compared(
    folder: Path, recipes: int, counted: Callable[..., tuple[int, str]], paged: bool
) -> dict[str, int]:
    """The runs of so many recipes made, compared, printed and, if ``paged``, put on a page: calls of each."""
    names = {name_of(number): share_of(number, recipes) for number in range(recipes)}
    board = write_board(folder, names, RANDOM_SEEDS)
    path = board["leaderboard"]
    given = ("--runs", path.parent, "--recipes", *names, "--random_seeds", *RANDOM_SEEDS, "--output", path)
    made, _ = counted(make_leaderboard, *given)
    require_board(json.loads(path.read_text()), names)
    shown, text = counted(show_leaderboard, path)
    assert set(re.findall(r"│ (seed|recipe_\d\d) ", text)) == names.keys(), text
    calls = {"leaderboard": made, "terminal": shown}
    if not paged:
        return calls
    given = [word for name, value in board.items() for word in (f"--{name}", value)]
    made, _ = counted(make_report, *given)
    require_page(board["output"], names)
    return calls | {"page": made}


def require_board(entries: list[dict], names: dict[str, float]) -> None:
    """Every recipe with all its runs, best first, and no verdict against what is known of them."""
    assert {entry["recipe"]: entry["random_seeds"] for entry in entries} == dict.fromkeys(names, RANDOM_SEEDS)
    ratios = [entry["ratio"]["mean"] for entry in entries]
    assert ratios == sorted(ratios, reverse=True)
    verdicts = {entry["recipe"]: entry["vs_baseline"]["verdict"] for entry in entries if entry["vs_baseline"]}
    assert "worse" not in verdicts.values() and len(verdicts) == len(names) - 1
    assert all(verdicts[name] == "better" for name, share in names.items() if share > 0.7)


def require_page(path: Path, names: dict[str, float]) -> None:
    """It opens, says every recipe, shows every run, and is small enough to send."""
    page = path.read_text(encoding="utf-8")
    assert not Tags(page).open
    require_inert(page)
    assert all(page.count(name) > len(RANDOM_SEEDS) for name in names)
    assert len(page) < 1e6 + 1e5 * len(names)


@pytest.mark.parametrize("recipes", [(2, 3, 5), pytest.param((5, 10, 20), marks=pytest.mark.long)])
def test_recipes_by_the_dozen_are_compared_in_proportion(tmp_path, recipes, counted, record_property):
    cases(record_property, 3)
    long = recipes[-1] == 20
    compared(tmp_path / "first", 2, counted, paged=long)  # what is imported and cached is no run's
    # The page takes longest, and is measured where there is time; else made once, to be looked at.
    counts = [compared(tmp_path / str(n), n, counted, paged=long or n == recipes[-1]) for n in recipes]
    for step in counts[0]:
        grown = growth(recipes, [count[step] for count in counts])
        print(f"{step}: {counts[-1][step]:,} calls for {recipes[-1]} recipes, growth {grown:.2f}")
        assert grown < LINEAR, step


def operations(act: Callable[[], object]) -> int:
    """System calls that read or write, of ``act`` and of all processes that it starts and waits for."""

    def so_far() -> int:
        return sum(map(int, re.findall(r"^sysc[rw]: (\d+)", Path("/proc/self/io").read_text(), re.MULTILINE)))

    before = so_far()
    act()
    return so_far() - before


def add_experiment(build: Build, name: str) -> None:
    """What a make of the same with another name leaves."""
    shutil.copytree(build.run(), build.run(name))
    mark = build.run(name) / ".make/results.made"
    mark.write_text(mark.read_text().replace('"EXP":"default"', f'"EXP":"{name}"'))


def looked_at(build: Build, names: list[str]) -> dict[str, int]:
    """What each target that only looks costs with ``names`` there; they all say the truth."""
    every = " ".join(names)

    def planned() -> None:
        assert build.make("plan", EXP=every).stdout == "up to date\n"

    def made() -> None:
        said = build.make("results", EXP=every).stdout
        assert "starts" not in said and all(f"runs/demo/{name}/" in said or name in said for name in names)

    def sized() -> None:
        rows = build.make("du").stdout.splitlines()
        assert {row.split()[0] for row in rows} >= {*names, "default"}

    def examined() -> None:
        temporary = build.folder / "tmp"  # TMPDIR's own may hold what other tests left
        temporary.mkdir(exist_ok=True)
        said = build.make(
            "doctor", env={"TMPDIR": str(temporary)}, DOCTOR_FLAGS="--no-build", check=False
        ).stdout
        assert "nothing; all that is made is as it was made" in said, said

    made()  # reads the copied files, and notes their times; later looks need no more than these
    examined()  # not counted: it looks at every process of the machine too
    return {act.__name__: operations(act) for act in (planned, made, sized)}


@sizes(4, 100)
def test_experiments_by_the_hundred_are_looked_at_in_proportion(build, size, record_property):
    cases(record_property, 5)
    build.make("results")
    alone = operations(lambda: build.make("plan"))
    names, counts = [], []
    steps = (size // 4, size // 2, size)
    for some in steps:
        for number in range(len(names), some):
            names.append(f"e{number}")
            add_experiment(build, names[-1])
        counts.append(looked_at(build, names))
    for act in counts[0]:
        grown = growth(steps, [count[act] for count in counts])
        print(f"{act}: {[count[act] for count in counts]} reads and writes, growth {grown:.2f}")
        assert grown < LINEAR, act
    assert operations(lambda: build.make("plan")) < 1.1 * alone  # the others are none of its business
