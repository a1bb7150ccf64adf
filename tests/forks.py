"""Many starts of Python scripts for the price of one: what takes seconds is imported once, then forked.

What runs is the script itself, as ``python SCRIPT ARGUMENT …`` would run it, in a process of its own with its
own folder, environment, output and exit status. Two things differ: it is no child of what started it, and
/proc shows the environment of the server. So tests that kill or find processes start real ones.

    python tests/forks.py --serve ADDRESS MODULE …    waits for starts until its standard input ends
    python tests/forks.py ADDRESS SCRIPT ARGUMENT …   one start, from here, with this environment
"""

import atexit
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path

TESTS = Path(__file__).resolve().parent
MACHINE = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "DS_ACCELERATOR": "cpu", "PYTHONUTF8": "1"}
LONGEST_START = 1 << 17  # bytes of a command and its environment
PATIENCE_SECONDS = 300

WITH_TORCH = ("train.py", "answer_textvqa.py", "answer_mmbench.py", "make_models.py", "estimate.py")
WITH_TORCH += ("run_data_juicer.py", "make_leaderboard.py")
WITH_TORCH += ("deepspeed.launcher.runner", "deepspeed.launcher.launch")  # behind -m
PLACES = {"huggingface_hub.constants", "datasets.config"}
"""Modules that read the environment when they are imported."""
SHIM = """#!/usr/bin/env bash
words=("$@")
while [[ ${{words[0]-}} == -* ]]; do words=("${{words[@]:1}}"); done
case ./${{words[0]-}} in
  {ours}) exec -a "$0" {real} -ISE {client} {address} "${{words[@]}}";;
  *) exec -a "$0" {real} "$@";;
esac
"""


def serve(address: str, modules: list[str]) -> None:
    """Import ``modules``; then fork for each start that comes to ``address``, until standard input ends."""
    for name in modules:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that answer
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door:
        door.bind(address)
        door.listen(64)
        while door in select.select([door, sys.stdin], [], [])[0]:
            caller, _ = door.accept()
            if os.fork() == 0:
                door.close()
                answer(caller)
            caller.close()


def answer(caller: socket.socket) -> None:
    """Fork what the ``caller`` starts, tell its exit status, end it where the caller has ended; then end."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    message, files, *_ = socket.recv_fds(caller, LONGEST_START, 3)
    if (child := os.fork()) == 0:
        caller.close()
        become(json.loads(message), files)
    ended = os.pidfd_open(child)
    if ended not in select.select([caller, ended], [], [])[0]:
        os.kill(child, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with suppress(OSError):  # nobody waits for it
        caller.send(str(status).encode())
    os._exit(0)


def become(start: dict, files: list[int]) -> None:
    """Run the script of ``start`` in this process, its standard files being ``files``."""
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(start["folder"])
    os.environ.clear()
    os.environ.update(start["environment"])
    time.tzset()
    tempfile.tempdir = None
    for name in PLACES & sys.modules.keys():
        importlib.reload(sys.modules[name])
    if "torch" in sys.modules and (threads := os.environ.get("OMP_NUM_THREADS")):
        sys.modules["torch"].set_num_threads(int(threads))
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", buffering=1, closefd=False) for number in (1, 2))
    sys.argv = start["command"]
    sys.executable = start["executable"]
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:1] = paths if os.environ.get("PYTHONSAFEPATH") else [str(Path(sys.argv[0]).parent), *paths]
    signal.alarm(PATIENCE_SECONDS)
    run = runpy.run_path if sys.argv[0].endswith(".py") else runpy.run_module
    try:
        run(sys.argv[0], run_name="__main__")
        status = 0
    except SystemExit as end:
        status = end.code
    except BaseException:
        traceback.print_exc()
        status = 1
    finish(status)


def finish(status: int | str | None) -> None:
    """End as Python does, without the second that it takes to take a large process apart."""
    if isinstance(status, str):
        print(status, file=sys.stderr)
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in filter(None, (sys.stdout, sys.stderr)):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(1 if isinstance(status, str) else status or 0)


def start(
    address: str, command: list[str], folder: str, environment: dict[str, str], files: list[int]
) -> int:
    """Exit status of ``command`` (a script and its arguments), below 0 for a signal; waits for its end."""
    message = {"command": command, "folder": folder, "environment": environment, "executable": sys.executable}
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
        server.connect(address)
        socket.send_fds(server, [json.dumps(message).encode()], files)
        return int(server.recv(16))


class Forks:
    """A server that has imported ``modules``, and starts from it.

    ``python``: of a virtual environment like this one; it starts `WITH_TORCH` so, all others itself.
    """

    def __init__(self, *modules: str) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="forks-")  # an address has 107 letters at most
        self.address = f"{self.folder.name}/door"
        self.python = Path(self.folder.name, "bin/python")
        self.python.parent.mkdir()
        for program in Path(sys.prefix, "bin").iterdir():
            (self.python.parent / program.name).symlink_to(program)
        for name in ("lib", "pyvenv.cfg"):
            Path(self.folder.name, name).symlink_to(Path(sys.prefix, name))
        self.python.unlink()
        ours = " | ".join(f"*/{script}" for script in WITH_TORCH)
        told = {"ours": ours, "real": sys.executable, "client": __file__, "address": self.address}
        self.python.write_text(SHIM.format(**told))
        self.python.chmod(0o755)
        command = [sys.executable, __file__, "--serve", self.address, *modules]
        self.server = subprocess.Popen(command, stdin=subprocess.PIPE, env=os.environ | MACHINE, cwd=TESTS)
        while not Path(self.address).exists():
            assert self.server.poll() is None, "what is to be imported is not there"
            time.sleep(0.01)

    def __enter__(self) -> "Forks":
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stdin.close()
        self.server.wait(timeout=PATIENCE_SECONDS)
        self.folder.cleanup()

    def run(self, command: list[str | Path], folder: Path) -> subprocess.CompletedProcess:
        """``python py/SCRIPT ARGUMENT …`` in ``folder``; the output of both kinds is in ``stdout``."""
        script, *arguments = map(str, command)
        command = [str(TESTS.parent / "py" / script), *arguments]
        with tempfile.TemporaryFile() as said, Path(os.devnull).open() as nothing:
            files = [nothing.fileno(), said.fileno(), said.fileno()]
            status = start(self.address, command, str(folder), os.environ | MACHINE, files)
            said.seek(0)
            return subprocess.CompletedProcess(command, status, said.read().decode(errors="replace"), "")


def main() -> None:
    if sys.argv[1] == "--serve":
        serve(sys.argv[2], sys.argv[3:])
        return
    status = start(sys.argv[1], sys.argv[2:], str(Path.cwd()), dict(os.environ), [0, 1, 2])
    sys.exit(status if status >= 0 else 128 - status)


if __name__ == "__main__":
    main()
