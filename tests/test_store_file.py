import multiprocessing
import sqlite3

import pytest

from errors import BadInput
from store_file import StoreFile


@pytest.fixture
def path(tmp_path):
    return tmp_path / "sub" / "store.sqlite"


def test_a_store_of_a_newer_version_is_refused_and_left_as_it_is(path):
    StoreFile(path)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 9")
    with pytest.raises(BadInput, match=r"has format 9, .* reads 1; give another file with STORE="):
        StoreFile(path)


@pytest.mark.parametrize(
    "content", [b"no database at all, but long enough to be one" * 30, b"SQLite format 3\0" + b"x" * 2000]
)
def test_a_damaged_store_is_named_with_the_remedy(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(BadInput, match=r"store\.sqlite: the store is damaged .*move it away"):
        StoreFile(path)
    assert path.read_bytes() == content


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "store.sqlite").mkdir()
    with pytest.raises(BadInput, match=r"store\.sqlite: the store cannot be used"):
        StoreFile(tmp_path / "store.sqlite")


def open_fresh(path, ready):
    ready.wait()
    StoreFile(path)


def test_processes_may_make_the_store_at_once(tmp_path):
    context = multiprocessing.get_context("fork")
    for number in range(20):
        ready = context.Barrier(4)
        place = tmp_path / f"{number}.sqlite"
        openers = [context.Process(target=open_fresh, args=(place, ready)) for _ in range(4)]
        for opener in openers:
            opener.start()
        for opener in openers:
            opener.join()
            assert opener.exitcode == 0
