"""sha256 at first sight and ever after, and the known official ones."""

import hashlib

import pytest

from errors import BadInput
from fetch import checksums
from fetch.content import Refused

URL = "http://host/a.bin"


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setattr(checksums, "OFFICIAL", tmp_path / "official")
    path = tmp_path / "a.bin"
    path.write_bytes(b"one")
    return path


def test_the_first_sight_is_recorded_and_another_content_refused(file, tmp_path):
    record = tmp_path / "seed.sha256"
    for _ in range(2):
        checksums.check(file, "a.bin", URL, record)
    assert record.read_text() == f"{hashlib.sha256(b'one').hexdigest()}  a.bin  {URL}\n"
    file.write_bytes(b"two")
    with pytest.raises(Refused, match=r"a\.bin: sha256 is .*seed\.sha256 says .*remove that line"):
        checksums.check(file, "a.bin", URL, record)


def test_another_source_may_have_another_file_of_that_name(file, tmp_path):
    record = tmp_path / "seed.sha256"
    checksums.check(file, "a.bin", URL, record)
    file.write_bytes(b"two")
    checksums.check(file, "a.bin", "http://other/a.bin", record)
    assert len(record.read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("line", "source", "refused"),
    [
        ("{bad}  a.bin", URL, True),
        ("{bad}  a.bin  o/m@abc", "o/m", True),
        ("{bad}  a.bin  o/m@abc", "o/m@abc", True),
        ("{bad}  a.bin  o/m@abc", "o/m@def", False),
        ("{bad}  b.bin  o/m@abc", "o/m", False),
        ("{good}  a.bin  o/m@abc", "o/m", False),
    ],
)
def test_an_official_sum_holds_for_its_source(file, tmp_path, line, source, refused):
    sums = {"bad": "0" * 64, "good": hashlib.sha256(b"one").hexdigest()}
    checksums.OFFICIAL.write_text("# a comment\n" + line.format(**sums) + "\n")
    if refused:
        with pytest.raises(Refused, match="official says 0000"):
            checksums.check(file, "a.bin", source, tmp_path / "record")
    else:
        checksums.check(file, "a.bin", source, tmp_path / "record")


def test_a_line_that_is_no_sum_is_named(file, tmp_path):
    (tmp_path / "record").write_text("# fine\nabc  a.bin\n")
    with pytest.raises(BadInput, match="record:2: not 'SHA256"):
        checksums.check(file, "a.bin", URL, tmp_path / "record")


def test_the_committed_sums_are_well_formed_and_none_stands_twice():
    official = checksums.read(checksums.OFFICIAL)
    assert official and all(source for _, _, source in official)
    assert len({(name, source) for _, name, source in official}) == len(official)
