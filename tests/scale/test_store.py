"""A store of ten million answers: right ones, none where none is, and the next cost no more than before."""

import hashlib
import random
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from attacks import cases
from scale.size import ROOT, ran, sizes
from store import Model, Store
from workers import chunks

pytestmark = pytest.mark.attack("scale")
CAPTIONER = Model("blip2-opt-2.7b", "ab" * 32, '{"prompt": ""}')
SIMILARITY = Model("clip-vit-base-patch32", "cd" * 32, '{"ask": "cosine"}')
BATCHES = 20
BATCH = 256  # answers that an operator adds at once
PAGE = 4096
MOST_BYTES_AN_ANSWER = 110  # of the file; key, value and SQLite's own are 77 where pages are full
MOST_PAGES_IN_BULK = {100_000: 0.25, 10_000_000: 0.5}
"""Written for an answer of a large batch, whose neighbours lie on one page."""
MOST_PAGES_AN_ANSWER = 6  # written: its leaf into the log and from there into the file, now and then a parent
ADDED = 40
PICKED = 2000


def key(number: int) -> bytes:
    return hashlib.sha256(b"question %d" % number).digest()


def value(number: int) -> str:
    return f"a caption of {number} letters"


def moved(name: str) -> int:
    """Bytes that this process has written (wchar) or read (rchar) so far."""
    return int(re.search(rf"^{name}: (\d+)", Path("/proc/self/io").read_text(), re.MULTILINE)[1])


def fill(store: Store, size: int) -> None:
    """Half of ``size`` answers of each model, in large batches, in turn."""
    for turn, some in enumerate(chunks(range(size), size // BATCHES)):
        model = (CAPTIONER, SIMILARITY)[turn % 2]
        store.add(model, {key(number): value(number) for number in some}, asked=len(some))


def model_of(number: int, size: int) -> Model:
    return (CAPTIONER, SIMILARITY)[number // (size // BATCHES) % 2]


def require_answers(store: Store, size: int, models: tuple[Model, ...]) -> None:
    """Picked questions have their answer from the model that gave it, of ``models``, and from no other."""
    picked = [*random.Random(3).sample(range(size), PICKED), 0, size - 1]
    absent = [size + 10**9 + number for number in range(PICKED)]
    for model in (CAPTIONER, SIMILARITY):
        found = store.answers(model, [key(number) for number in (*picked, *absent)])
        of_it = [number for number in picked if model_of(number, size) == model and model in models]
        assert found == {key(number): value(number) for number in of_it}
    assert PICKED / 3 < len(of_it) < PICKED or len(models) < 2


def small_batches(store: Store, first: int, count: int) -> Iterator[tuple[int, int]]:
    """(bytes written, bytes read) of each of ``count`` batches as an operator adds them."""
    for start in range(first, first + count * BATCH, BATCH):
        before = moved("wchar"), moved("rchar")
        store.add(CAPTIONER, {key(number): value(number) for number in range(start, start + BATCH)}, BATCH)
        yield moved("wchar") - before[0], moved("rchar") - before[1]


def store_script(path: Path, *options: str) -> str:
    done = ran("bash", ROOT / "scripts/store.sh", "--store", path, *options)
    assert done.returncode == 0, done.stderr
    assert done.gb < 1
    return done.stdout


def require_steady(store: Store) -> None:
    """What an operator adds costs a fixed number of pages an answer, however many there are."""
    costs = list(small_batches(store, 10**8, ADDED))
    pages = [sum(cost[way] for cost in costs) / (len(costs) * BATCH * PAGE) for way in (0, 1)]
    print(f"an answer more: {pages[0]:.2f} pages written, {pages[1]:.2f} read")
    assert max(pages) < MOST_PAGES_AN_ANSWER


@sizes(100_000, 10_000_000)
def test_a_store_stays_right_and_small_and_takes_more_and_forgets(tmp_path, size, record_property):
    cases(record_property, 4)
    path = tmp_path / "store.sqlite"
    store, before = Store(path), moved("wchar")
    fill(store, size)
    pages = (moved("wchar") - before) / (size * PAGE)
    print(f"an answer of a large batch: {pages:.2f} pages written")
    assert pages < MOST_PAGES_IN_BULK[size]
    require_answers(store, size, (CAPTIONER, SIMILARITY))
    require_steady(store)
    store.connection.close()
    before, added = path.stat().st_size, ADDED * BATCH
    print(f"{size} answers: {before / (size + added):.0f} bytes each in the file")
    assert before < (size + added) * MOST_BYTES_AN_ANSWER and not list(tmp_path.glob("*-wal"))

    told = store_script(path)
    assert re.search(rf"{CAPTIONER.name} .* {size // 2 + added:,} ", told), told
    assert re.search(rf"{SIMILARITY.name} .* {size // 2:,} ", told), told
    told = store_script(path, "--prune", CAPTIONER.name)
    assert f"{CAPTIONER.name}: {size // 2 + added:,} answers forgotten" in told
    assert path.stat().st_size < 0.6 * before and not list(tmp_path.glob("*-wal"))
    require_answers(Store(path), size, (SIMILARITY,))
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM answers").fetchone() == (size // 2,)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
