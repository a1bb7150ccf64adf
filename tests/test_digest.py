"""Digests of files and folders."""

import hashlib

import pytest

from digest import sha256
from errors import BadInput


def test_a_files_digest_is_that_of_its_bytes(tmp_path):
    (tmp_path / "f").write_bytes(b"abc")
    assert sha256(tmp_path / "f") == hashlib.sha256(b"abc").hexdigest()


def test_a_folders_digest_follows_names_and_contents_but_not_stamps(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "f").write_text("1")
    first = sha256(tmp_path / "a")
    (tmp_path / "a" / ".stamp").write_text("now")
    assert sha256(tmp_path / "a") == first
    (tmp_path / "a" / "b" / "f").write_text("2")
    second = sha256(tmp_path / "a")
    (tmp_path / "a" / "b" / "f").rename(tmp_path / "a" / "b" / "g")
    assert len({first, second, sha256(tmp_path / "a")}) == 3


def test_a_missing_input_is_named(tmp_path):
    with pytest.raises(BadInput, match="no such file"):
        sha256(tmp_path / "x")
