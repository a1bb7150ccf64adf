"""Clean builds in other circumstances have the content of the first, logs and times aside."""

import os
import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from attacks import run
from builds import Build

pytestmark = [pytest.mark.long, pytest.mark.attack("determinism")]
FOREIGN = ("unshare", "--user", "--map-user=65534", "--map-group=65534")


class Otherwise(NamedTuple):
    """What is different: the environment, the words before make, what is done to the folder before."""

    env: dict[str, str] = {}  # noqa: RUF012 - a tuple's, never changed
    before: tuple[str, ...] = ()
    prepare: Callable[[Path], None] = lambda _: None


def write_in_another_order(folder: Path) -> None:
    """Write each file anew: a folder lists its files as they were made, not by name."""
    files = [path for name in ("py", "configs") for path in (folder / name).rglob("*") if path.is_file()]
    random.Random(5).shuffle(files)
    for path in files:
        shutil.copy2(path, folder / "aside")
        path.unlink()
        shutil.copy2(folder / "aside", path)
    (folder / "aside").unlink()


NO_UTF8 = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
ALONE = {
    "a locale without UTF-8": Otherwise(NO_UTF8),
    "a time zone a day ahead": Otherwise({"TZ": "Pacific/Kiritimati"}),
    "another hash seed": Otherwise({"PYTHONHASHSEED": "77"}),
    "one core": Otherwise(before=("taskset", "--cpu-list", str(min(os.sched_getaffinity(0))))),
    "a umask of 077": Otherwise(before=("sh", "-c", 'umask 077; exec "$@"', "sh")),
    "another user without a home": Otherwise({"HOME": "/nowhere", "USER": "nobody"}, FOREIGN),
    "names in another order": Otherwise(prepare=write_in_another_order),
}


def possible(name: str) -> bool:
    """Whether this machine lets us be so."""
    return not subprocess.run([*ALONE[name].before, "true"], capture_output=True).returncode


def build_otherwise(folder: Path, *names: str) -> Build:
    """A clean small build in ``folder``, with all that is named different at once."""
    build = Build.new(folder)
    for name in names:
        ALONE[name].prepare(folder)
    words = [word for name in names for word in ALONE[name].before]
    env = {variable: value for name in names for variable, value in ALONE[name].env.items()}
    done = run([*words, *build.command("results")], folder, env)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return build


def test_a_build_in_which_all_is_otherwise_is_the_same(pristine, tmp_path):
    able = [name for name in ALONE if possible(name)]
    build = build_otherwise(tmp_path / "somewhere-else-altogether", *able)
    assert build.content() == pristine.content()


@pytest.mark.parametrize("name", ALONE)
def test_a_build_is_the_same_under(name, pristine, tmp_path):
    if not possible(name):
        pytest.skip(f"this machine does not allow {' '.join(ALONE[name].before)}")
    assert build_otherwise(tmp_path / "elsewhere", name).content() == pristine.content()
