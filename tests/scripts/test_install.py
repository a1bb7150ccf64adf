"""scripts/install.sh: what is missing is said at once; what is installed stays."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ("bash", "cat", "dirname", "grep", "sed", "sha256sum", "touch", "uname")


@pytest.fixture
def project(tmp_path):
    """A copy of what the installation reads, and a PATH with nothing but the shell's usual tools."""
    (tmp_path / "scripts").mkdir()
    shutil.copy2(ROOT / "scripts/install.sh", tmp_path / "scripts")
    shutil.copytree(ROOT / "env", tmp_path / "env")
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool))
    return tmp_path


def install(project, *flags):
    environment = {"PATH": str(project / "bin")}
    command = [project / "scripts/install.sh", *flags]
    return subprocess.run(command, env=environment, text=True, capture_output=True, check=False, timeout=60)


def program(project, name, body):
    path = project / "bin" / name
    path.write_text(f"#!{shutil.which('bash')}\n{body}\n")
    path.chmod(0o755)


def test_a_missing_python_is_named(project):
    done = install(project)
    assert done.returncode == 1 and "python3 is missing; install Python 3.11" in done.stderr


def test_another_python_is_named_with_its_version(project):
    program(project, "python3", 'if [ "$1" = -V ]; then echo Python 3.9.2; else exit 1; fi')
    done = install(project)
    assert done.returncode == 1 and "Python 3.11 is needed" in done.stderr and "Python 3.9.2" in done.stderr


def test_a_python_without_venv_is_named(project):
    program(project, "python3.11", "[[ $2 != *ensurepip* ]]")
    done = install(project)
    assert done.returncode == 1 and "has no venv module; install python3.11-venv" in done.stderr


def test_another_machine_is_named(project):
    (project / "bin/uname").unlink()
    program(project, "uname", "echo Darwin arm64")
    done = install(project)
    assert done.returncode == 1 and "this is Darwin arm64" in done.stderr


def test_what_is_installed_from_this_lock_is_not_installed_again(project):
    lock = b"".join((project / "env" / name).read_bytes() for name in ("requirements.lock", "bootstrap.lock"))
    hashed = subprocess.run(["sha256sum"], input=lock + b"torch_index=\n", capture_output=True, check=True)
    (project / ".venv").mkdir()
    mark = project / ".venv/.installed"
    mark.write_bytes(hashed.stdout)
    (project / ".venv/.requires.json").touch()
    assert install(project).returncode == 0
    assert install(project, "--torch_index", "elsewhere").returncode == 1, "another index is another set"


def test_wrong_usage_is_refused(project):
    assert "unknown option --colour" in install(project, "--colour").stderr
