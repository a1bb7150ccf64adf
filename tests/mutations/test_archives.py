"""Changed archives and lists of checksums: what was packed, byte for byte, or a refusal; nothing outside."""

import gzip
import io
import tarfile
import zipfile

import pytest

from fetch import checksums
from mutations.harness import Refusal, main_of

pytestmark = pytest.mark.attack("mutations")

PACKED = {"top/a.txt": b"aaaa" * 300, "top/b/c.json": b'{"x": 1}', "top/d e.bin": bytes(range(256))}


def tar() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as made:
        for name, content in {**PACKED, f"top/{'long' * 40}.txt": b"l"}.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            made.addfile(member, io.BytesIO(content))
    return file.getvalue()


def zipped(how: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", how) as made:
        for name, content in PACKED.items():
            made.writestr(zipfile.ZipInfo(name), content, how)
    return file.getvalue()


def unpacked(name: str):
    def act(folder):
        main_of("unpack", "--archive", folder / name, "--output", folder / "out")
        return {
            str(p.relative_to(folder / "out")): p.read_bytes()
            for p in (folder / "out").rglob("*")
            if p.is_file()
        }

    return act


def checked_by_sum(case, value, expected):
    """A format with a checksum gives what was packed; only names and headers have none."""
    if not isinstance(value, Refusal):
        assert sorted(value.values()) == sorted(expected.values()) or case.content != case.sound


def exactly(case, value, expected):
    assert isinstance(value, Refusal) or value == expected


def test_a_gzipped_tar(attack):
    attack({"m.tar.gz": gzip.compress(tar(), mtime=0)}, unpacked("m.tar.gz"), exactly)


def test_a_plain_tar(attack):
    attack({"m.tar": tar()}, unpacked("m.tar"))


@pytest.mark.parametrize("how", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED], ids=["stored", "deflated"])
def test_a_zip(attack, how):
    def check(case, value, expected):
        if not isinstance(value, Refusal):
            assert set(value.values()) <= set(expected.values())

    attack({"m.zip": zipped(how)}, unpacked("m.zip"), check)


def test_a_tar_changed_before_it_was_zipped(attack):
    """As its sender may: the checksum of the whole is right."""

    def act(folder):
        (folder / "m.tar.gz").write_bytes(gzip.compress((folder / "inner").read_bytes(), 1, mtime=0))
        return unpacked("m.tar.gz")(folder)

    attack({"inner": tar(), "m.tar.gz": b""}, act, None, ["inner"])


def test_a_list_of_checksums(attack):
    text = f"# known\n{'ab' * 32}  a.tar.gz  https://x.org/a.tar.gz\n{'cd' * 32}  b c.json\n".encode()
    attack({"m.sha256": text}, lambda folder: checksums.read(folder / "m.sha256"))
