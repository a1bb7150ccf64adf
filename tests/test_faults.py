"""py/faults.py: which errors are the machine's, what is said of them; cli.py passes all others on."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

import faults
from errors import BadInput

pytestmark = pytest.mark.attack("faults")
PY = Path(__file__).parents[1] / "py"
CUDA = "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 23 GiB"
TORCH = "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"
BUS = "DataLoader worker (pid 3) is killed by signal: Bus error. It is possible that dataloader's workers are"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "out of memory; less of it"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "out of memory; less of it"),
        (RuntimeError(TORCH), "can't allocate memory: you tried); less of it"),
        (RuntimeError(CUDA), "GPU 0 has a total capacity of 23 GiB); less of it"),
        (ImportError("libtorch_cpu.so: failed to map segment from shared object"), "); less of it"),
        (RuntimeError("can't start new thread"), "out of memory (can't start new thread); less of it"),
        (RuntimeError(BUS), "one of its processes was killed, for want of memory or of /dev/shm perhaps"),
        (
            RuntimeError("unable to write to file </torch_7_1>: No space left on device (28)"),
            "/dev/shm: unable",
        ),
        (OSError(errno.ENOSPC, "No space left on device", "a/b"), "a/b: No space left on device; free some"),
        (OSError(errno.EROFS, "Read-only file system", "a"), "a: Read-only file system; make the folder"),
        (OSError(errno.EACCES, "Permission denied", "a"), "a: Permission denied; let this user read and"),
        (OSError(errno.EMFILE, "Too many open files"), "output: Too many open files; raise the limit"),
    ],
)
def test_what_the_machine_lacks_is_told_with_its_remedy(error, words):
    assert words in faults.told(error, "less of it")


def test_a_fault_is_found_under_the_error_that_was_made_of_it():
    error = RuntimeError("An error occurred while generating the dataset")
    error.__cause__ = MemoryError()
    assert faults.told(error) == f"out of memory; {faults.LESS}"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            RuntimeError("unable to mmap 9 bytes from file <a>: Cannot allocate memory (12)"),
            "out of memory (",
        ),
        (OSError(errno.EMFILE, "Too many open files", "a"), "a: Too many open files; raise the limit"),
        (PermissionError(errno.EACCES, "Permission denied", "a"), None),
        (RuntimeError("unable to open file </torch_7_1>: Cannot allocate memory (12)"), None),
        (EOFError("cut short"), None),
    ],
)
def test_a_file_that_could_not_be_read_for_want_of_memory_is_not_called_broken(error, words):
    bad = BadInput("a: not a readable weight file; fetch it again")
    bad.__cause__ = error
    found = faults.ran_out(bad)
    assert (words in found) if words else found is None


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("mat1 and mat2 shapes cannot be multiplied"),
        ImportError("cannot import name 'x'"),
        KeyError("out of memory"),
        FileNotFoundError(errno.ENOENT, "No such file or directory", "a"),
    ],
)
def test_a_fault_of_the_program_is_none_of_the_machine(error):
    assert faults.told(error) is None


@pytest.mark.parametrize(
    ("body", "said", "status"),
    [
        ("raise MemoryError", "-c: out of memory; end what else uses it", 1),
        ("raise cli.BadInput('broken') from MemoryError()", "-c: out of memory; end what else uses it", 1),
        ("raise cli.BadInput('broken') from KeyError()", "-c: broken", 1),
        ("raise RuntimeError('ours')", "RuntimeError: ours", 1),
        ("print('x' * 100_000)", "-c: output: No space left on device; free some room", 1),
    ],
)
def test_a_script_says_it_in_a_line_and_shows_a_traceback_of_its_own_faults_alone(body, said, status):
    code = f"import cli\ndef main():\n    {body}\ncli.run(main)"
    full = os.open("/dev/full", os.O_WRONLY)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PY, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60
    )
    os.close(full)
    assert done.returncode == status and said in done.stderr
    assert ("Traceback" in done.stderr) == ("ours" in body) and "Exception ignored" not in done.stderr
