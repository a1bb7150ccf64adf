"""What the machine lacked, told from the error that it came to: memory, room, rights, open files.

Every library has its own words and its own exception for these. Here they become one line with the remedy;
cli.py prints it instead of a traceback.
"""

import errno
import re
import shutil
import traceback
from collections.abc import Iterator

ROOM = "free some room ('make du' shows what takes it)"
WRITABLE = "make the folder writable"
RIGHTS = "let this user read and write it"
REMEDIES = {
    errno.ENOSPC: ROOM,
    errno.EDQUOT: ROOM,
    errno.EROFS: WRITABLE,
    errno.EACCES: RIGHTS,
    errno.EPERM: RIGHTS,
    errno.EMFILE: "raise the limit (ulimit -n 4096)",
    errno.ENFILE: "end what holds files open",
}
LESS = "end what else uses it, or take a machine with more"
SHARED = (
    "/dev/shm: {}; make it writable and larger (mount -o remount,rw,size=1g, docker run --shm-size=1g) "
    "or do without processes that load images (DATALOADER_NUM_WORKERS=0, SYNTH_PROCESSES=1)"
)
NO_MEMORY = re.compile(
    r"can't allocate memory|cannot allocate memory|failed to map segment|out of memory|bad_alloc|"
    r"can't start new thread|not enough memory",
    re.IGNORECASE,
)
NO_SHARED_MEMORY = re.compile(r"</torch_\w+>|shared memory")
NO_ROOM = re.compile(r"No space left on device|Disk quota exceeded|PytorchStreamWriter failed writing")
LOST_WORKER = re.compile(r"DataLoader worker \(pid.*?\) (?:is killed|exited)|subprocesses has abruptly died")


def told(error: BaseException, less: str = LESS) -> str | None:
    """What the machine lacked, and the remedy; None where ``error`` is none of its faults.

    ``less``: what makes the script need less memory.

    >>> told(MemoryError())
    'out of memory; end what else uses it, or take a machine with more'
    >>> told(KeyError("a")) is None
    True
    """
    for cause in causes(error):
        if words := _told(cause, less):
            return words
    return None


def ran_out(error: BaseException, less: str = LESS) -> str | None:
    """As `told`, where memory or open files ran out: then what could not be read may well be sound.

    >>> ran_out(PermissionError(13, "Permission denied", "a.png")) is None
    True
    """
    return next((words for cause in causes(error) if (words := _ran_out(cause, less))), None)


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """``error`` and what it was raised from, the first cause last."""
    while error is not None:
        yield error
        error = error.__cause__


def _ran_out(error: BaseException, less: str) -> str | None:
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, MemoryError) or number == errno.ENOMEM:
        return f"out of memory; {less}"
    if number in (errno.EMFILE, errno.ENFILE):
        return f"{error.filename or 'output'}: {error.strerror}; {REMEDIES[number]}"
    text = " ".join(str(error).split())
    found = _speaks_of_the_machine(error) and NO_MEMORY.search(text) and not NO_SHARED_MEMORY.search(text)
    return f"out of memory ({text[:200]}); {less}" if found else None


def _speaks_of_the_machine(error: BaseException) -> bool:
    return isinstance(error, RuntimeError | ImportError) or type(error).__name__ == "SafetensorError"


def _told(error: BaseException, less: str) -> str | None:
    if words := _ran_out(error, less):
        return words
    text = " ".join(str(error).split())
    number = error.errno if isinstance(error, OSError) else None
    if number is not None and error.filename is None and _in_shared_memory(error):
        return SHARED.format(error.strerror)
    if number in REMEDIES:
        return f"{error.filename or 'output'}: {error.strerror}; {REMEDIES[number]}"
    if isinstance(error, shutil.Error) and NO_ROOM.search(text):  # copytree's: a list of (from, to, why)
        return f"{error.args[0][0][1]}: No space left on device; {ROOM}"
    if not _speaks_of_the_machine(error):
        return None
    if LOST_WORKER.search(text):
        return f"one of its processes was killed, for want of memory or of /dev/shm perhaps; {less}"
    if NO_SHARED_MEMORY.search(text):
        return SHARED.format(text)
    return f"{text[:200]}; {ROOM}" if NO_ROOM.search(text) else None


def _in_shared_memory(error: BaseException) -> bool:
    """Whether a lock or a block that processes share could not be made: such errors name no file."""
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and frames[-1].filename.endswith(("synchronize.py", "heap.py", "shared_memory.py"))
