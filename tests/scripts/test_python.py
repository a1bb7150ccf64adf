"""Which Python a step runs that is started by hand."""

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts/python.sh"


@pytest.mark.parametrize(
    ("named", "installed", "taken"),
    [
        (None, True, "{project}/.venv/bin/python"),
        (None, False, "python3"),
        ("", True, "{project}/.venv/bin/python"),
        ("/opt/mine/python", True, "/opt/mine/python"),
        ("/opt/mine/python", False, "/opt/mine/python"),
    ],
)
def test_it_is_the_one_named_else_the_projects_else_the_systems(tmp_path, named, installed, taken):
    project = tmp_path / "a project"
    for folder in ("scripts", "py", ".venv/bin"):
        (project / folder).mkdir(parents=True)
    shutil.copy(SCRIPT, project / "scripts")
    if installed:
        (project / ".venv/bin/python").touch(0o755)
    environment = {"PATH": "/usr/bin:/bin"} | ({} if named is None else {"PYTHON": named})
    show = 'set -eu; source "$1/scripts/python.sh"; printf "%s\\n" "$python" "$py"'
    done = subprocess.run(
        ["bash", "-c", show, "x", project], env=environment, cwd="/", capture_output=True, text=True
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == [taken.format(project=project), f"{project}/py"]
