"""A machine whose answers a test writes down: its files, its programs and what the system calls say."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from doctor.finding import Finding
from doctor.probes import Machine
from doctor.wanted import Wanted

GB = 10**9
SOUND = {
    "/etc/os-release": 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
    "/proc/meminfo": "MemTotal: 250000000 kB\nMemAvailable: 240000000 kB\n",
    "/proc/self/cgroup": "0::/\n",
    "/proc/self/status": "Name:\tpython\nUmask:\t0022\n",
    "/proc/self/mountinfo": "25 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n",
    "/proc/sys/kernel/core_pattern": "core\n",
}


class Recorded(Machine):
    """A sound 64-core machine of 250 GB; a test changes one thing."""

    def __init__(self, folder: Path) -> None:
        for name in ("project/env", "bin", "home/.cache", "root/dev/shm", "tmp"):
            (folder / name).mkdir(parents=True)
        environ = {"PATH": str(folder / "bin"), "HOME": str(folder / "home"), "LANG": "C.UTF-8"}
        super().__init__(folder / "project", environ | {"TMPDIR": str(folder / "tmp")}, folder / "root")
        self.bin = folder / "bin"
        for path, text in SOUND.items():
            self.write(path, text)
        self.system = lambda: ("Linux", "x86_64")
        self.libc = lambda: "glibc 2.36"
        self.cores = lambda: 64
        self.limits = dict.fromkeys(("NPROC", "MEMLOCK", "AS", "FSIZE"), float("inf")) | {"NOFILE": 65536}
        self.limit = lambda name: (self.limits.get(name[7:], 0), float("inf"))
        self.free(900 * GB)

    def write(self, path: str, text: str) -> None:
        """A file of the system."""
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def program(self, name: str, body: str) -> None:
        """A shell script on PATH."""
        path = self.bin / name
        path.write_text(f"#!{shutil.which('bash')}\n{body}\n")
        path.chmod(0o755)

    def install(self, body: str = "exit 0") -> None:
        """A .venv whose Python is a shell script."""
        self.program("python-of-venv", body)
        (self.folder / ".venv/bin").mkdir(parents=True)
        (self.folder / ".venv/bin/python").symlink_to(self.bin / "python-of-venv")
        (self.folder / ".venv/.installed").touch()

    def free(self, count: float, files: int = 10**7) -> None:
        """Space on every file system."""
        numbers = {"f_bavail": int(count), "f_frsize": 1, "f_files": files and 2 * 10**7, "f_favail": files}
        self.space = lambda path: SimpleNamespace(**numbers)


@pytest.fixture
def machine(tmp_path) -> Recorded:
    return Recorded(tmp_path)


def pick(findings: list[Finding], what: str) -> Finding:
    """The one finding about ``what``."""
    (found,) = [finding for finding in findings if finding.what == what]
    return found


@pytest.fixture
def about(machine):
    """A function that runs a check and returns what it found about ``what`` (default: its only finding)."""

    def ask(check, what: str | None = None, profile: str = "10k", **knobs) -> Finding:
        (machine.folder / "offload.json").write_text(
            '{"zero_optimization": {"offload_optimizer": {"device": "cpu"}}}'
        )
        (machine.folder / "plain.json").write_text('{"zero_optimization": {"stage": 2}}')
        knobs.setdefault("deepspeed_config", "offload.json")
        findings = list(check(machine, Wanted(profile, **knobs)))
        for finding in findings:
            assert finding.level in ("ok", "warning", "error") and "\n" not in finding.line()
            assert bool(finding.remedy) == (finding.level != "ok"), finding
        return pick(findings, what) if what else pick(findings, findings[0].what)

    return ask
