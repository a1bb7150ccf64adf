"""Archives that lie, beyond those of test_unpack.py: links to go through, headers that disagree."""

import gzip
import io
import stat
import struct
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from attacks import cases, require_refusal, run, snapshot

pytestmark = pytest.mark.attack("security")

ROOT = Path(__file__).parents[2]


def member(name: str, content: bytes = b"x", kind: bytes = tarfile.REGTYPE, target: str = "", **pax: str):
    """A tar member; ``pax`` as an extended header before it."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.pax_headers = kind, target, pax
    info.size = len(content) if kind == tarfile.REGTYPE else 0
    return info, content


def tar(*members: tuple, form: int = tarfile.PAX_FORMAT) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return gzip.compress(file.getvalue())


def zipped(*members: tuple) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def zip_mode(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, mode << 16
    return info


def renamed(archive: bytes, old: bytes, new: bytes, which: slice = slice(None)) -> bytes:
    """``archive`` with some of the places of ``old`` (in the local and the central header) changed."""
    assert len(old) == len(new) and archive.count(old) == 2
    first = archive.index(old)
    second = archive.index(old, first + 1)
    changed = bytearray(archive)
    for place in (first, second)[which]:
        changed[place : place + len(new)] = new
    return bytes(changed)


def shorter(archive: bytes) -> bytes:
    """The zip's own account of the first member's size, in the central header, made small."""
    place = archive.index(b"PK\x01\x02")
    return archive[: place + 24] + struct.pack("<I", 10) + archive[place + 28 :]


LINK, HARD, FOLDER = tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE
GOOD = member("t/a")
HOSTILE = {
    "a link out, then a file through it": tar(
        member("t/l", kind=LINK, target="../../.."), member("t/l/evil")
    ),
    "a link in, then a file through it": tar(member("t/l", kind=LINK, target="."), member("t/l/evil")),
    "a hard link to a file outside": tar(member("t/l", kind=HARD, target="../../outside")),
    "a hard link, then the file again": tar(
        member("t/l", kind=HARD, target="outside"), member("t/l", b"evil")
    ),
    "a path in an extended header": tar(GOOD, member("t/b", path="../../evil")),
    "an absolute path in one": tar(GOOD, member("t/b", path="/tmp/evil-of-a-test")),
    "a link's target in one": tar(GOOD, member("t/b", kind=LINK, target="a", linkpath="/etc")),
    "a sparse file in GNU's extended header": tar(
        GOOD,
        member(
            "t/b",
            **{
                "GNU.sparse.major": "1",
                "GNU.sparse.minor": "0",
                "GNU.sparse.name": "../evil",
                "GNU.sparse.realsize": str(1 << 40),
            },
        ),
    ),
    "a size of minus one": tar(GOOD, member("t/b", size="-1")),
    "a size of petabytes": tar(GOOD, member("t/b", size=str(1 << 50))),
    "a name of 4,096 letters": tar(GOOD, member("t/" + "a" * 4096)),
    "a name of 300 letters": tar(GOOD, member("t/" + "a" * 300)),
    "a name with an escape": tar(GOOD, member("t/\x1b[2J")),
    "a name of spaces and dots": tar(GOOD, member("t/.. /../../evil")),
    "two names that one folder takes for one": tar(member("t/A"), member("t/./A")),
    "a fifo in a zip": zipped((zip_mode("t/p", stat.S_IFIFO | 0o644), b"")),
    "a device in a zip": zipped((zip_mode("t/d", stat.S_IFBLK | 0o644), b"")),
    "a socket in a zip": zipped((zip_mode("t/s", stat.S_IFSOCK | 0o644), b"")),
    "a zip whose two headers disagree on the name": renamed(
        zipped(("t/good", b"x")), b"t/good", b"t/evil", slice(1)
    ),
    "a zip with a zero byte in a name": renamed(zipped(("t/good.jpg", b"x")), b"good", b"g\0od"),
    "a zip that grows more than it says": shorter(zipped(("t/a", bytes(5 << 20)))),
    "a zip with a drive's letter": zipped(("C:\\evil", b"x")),
    "a zip in which members lie in each other": None,
}


def overlapping() -> bytes:
    """Two members, told by the central directory, of one stretch of bytes: a bomb that is not nested."""
    archive = zipped(("t/a", bytes(1 << 20)), ("t/b", bytes(1 << 20)))
    first = archive.index(b"PK\x01\x02")
    second = archive.index(b"PK\x01\x02", first + 4)
    changed = bytearray(archive)
    changed[second + 42 : second + 46] = changed[first + 42 : first + 46]
    return bytes(changed)


HOSTILE["a zip in which members lie in each other"] = overlapping()
SOUND = {
    "names that differ in their capitals": tar(member("t/a", b"1"), member("t/A", b"2")),
    "a contiguous file": tar(GOOD, member("t/b", b"", kind=tarfile.CONTTYPE)),
    "a name that turns": tar(GOOD, member("t/\u202egpj.exe", b"")),
    "an archive in an archive": zipped(("t/a.zip", zipped(("b", b"x")))),
    "a text that names a path": tar(member("t/a", b"../../evil")),
    "2,000 small files": tar(*[member(f"t/{number}", b"") for number in range(2000)]),
    "a folder told after its file": tar(member("t/d/a"), member("t/d", kind=FOLDER)),
}
UNPACK = """
import sys
from pathlib import Path
import unpack
from errors import BadInput
for name in sys.argv[1:]:
    sys.argv = ["unpack.py", "--archive", name, "--output", f"{name}.out"]
    try:
        unpack.main()
        print(name, "unpacked", flush=True)
    except BadInput as error:
        print(name, "refused", ascii(str(error)), flush=True)
"""


def test_hostile_archives_are_refused_and_sound_ones_unpacked_inside(tmp_path, record_property):
    """One start unpacks them all, as one that limits neither time nor memory of the others."""
    cases(record_property, len(HOSTILE) + len(SOUND))
    work = tmp_path / "a/b/c"
    work.mkdir(parents=True)
    (tmp_path / "outside").write_text("as it was")
    names = {}
    for number, (name, content) in enumerate((HOSTILE | SOUND).items()):
        suffix = "zip" if content.startswith(b"PK") else "tar.gz"
        names[f"{number}.{suffix}"] = name
        (work / f"{number}.{suffix}").write_bytes(content)
    before = set(snapshot(tmp_path))
    script = [sys.executable, "-c", UNPACK, *names]
    done = run(
        ["bash", "-c", 'ulimit -v 2000000; exec "$@"', "-", *script], work, {"PYTHONPATH": str(ROOT / "py")}
    )
    assert done.returncode == 0, done.stderr[-3000:]
    said = dict(line.split(" ", 1) for line in done.stdout.splitlines() if line.split(" ")[0] in names)
    wrong = {
        name: said[file]
        for file, name in names.items()
        if said[file].startswith("refused") != (name in HOSTILE)
    }
    assert not wrong
    for file, name in names.items():
        assert (work / f"{file}.out").exists() == (name in SOUND), name
    new = set(snapshot(tmp_path)) - before
    assert all(path.split("/")[3].split(".out")[0] in names for path in new), "all lies in its own folder"
    assert not [path for path in tmp_path.rglob("*") if path.is_symlink() or "evil" in path.name]
    assert (tmp_path / "outside").read_text() == "as it was" and not Path("/tmp/evil-of-a-test").exists()


def test_what_is_downloaded_is_unpacked_by_the_same_rules(tmp_path):
    """A local path is a source like an address."""
    (tmp_path / "x.tar.gz").write_bytes(HOSTILE["a link out, then a file through it"])
    words = [sys.executable, str(ROOT / "py/fetch_sources.py"), "--output", "m/x", "x.tar.gz"]
    require_refusal(run(words, tmp_path), "x.tar.gz", "a symbolic link")
    assert not (tmp_path / "m/x").exists()


def test_the_system_s_own_tar_follows_some_of_these(tmp_path):
    """The attacks are some: unpacked without care, one leaves its folder."""
    (tmp_path / "in").mkdir()
    with tarfile.open(fileobj=io.BytesIO(HOSTILE["a path in an extended header"])) as archive:
        archive.extractall(tmp_path / "in/er", filter="fully_trusted")
    assert (tmp_path / "evil").exists()
