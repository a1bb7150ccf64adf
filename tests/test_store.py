import json
import multiprocessing
import os
import signal
import sqlite3
import time
from pathlib import Path

import pytest

from errors import BadInput
from store import Model, Store, key_of, opened

BLIP2 = Model("blip2", "ab12", '{"prompt": ""}')
ASKED = Model("blip2", "ab12", '{"prompt": "a photo of"}')
TRAINED = Model("blip2", "cd34", '{"prompt": ""}')


@pytest.fixture
def path(tmp_path):
    return tmp_path / "sub" / "store.sqlite"


def test_an_answer_belongs_to_one_model_one_setting_one_image_and_one_text(path):
    store = Store(path)
    store.add(BLIP2, {key_of("image", "text"): "a red cube"})
    assert Store(path).answers(BLIP2, [key_of("image", "text")]) == {key_of("image", "text"): "a red cube"}
    assert store.answers(BLIP2, [key_of("image", "another"), key_of("imaget", "ext")]) == {}
    for other in (ASKED, TRAINED):
        assert store.answers(other, [key_of("image", "text")]) == {}


def test_answers_come_back_as_they_were(path):
    store = Store(path)
    answers = {
        key_of(str(n)): value for n, value in enumerate([["é \x00", True], 0.25, b"\x00\xff", {"a": None}])
    }
    store.add(BLIP2, answers)
    assert store.answers(BLIP2, answers) == answers


def test_many_keys_are_looked_up_at_once(path):
    store = Store(path)
    store.add(BLIP2, {key_of(str(n)): n for n in range(5000)}, asked=5000)
    found = store.answers(BLIP2, [key_of(str(n)) for n in range(4000, 6000)])
    assert sorted(found.values()) == list(range(4000, 5000))


def add_some(path, first, ready):
    store = opened(path)
    ready.wait()
    for n in range(first, first + 200):
        store.add(BLIP2, {key_of(str(n)): n, key_of("shared"): "one of us"})


def test_processes_write_side_by_side_and_lose_nothing(path):
    context = multiprocessing.get_context("spawn")
    ready = context.Barrier(4)
    writers = [context.Process(target=add_some, args=(path, 1000 * k, ready)) for k in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    keys = [key_of(str(1000 * k + n)) for k in range(4) for n in range(200)]
    assert len(Store(path).answers(BLIP2, [*keys, key_of("shared")])) == 801


def add_for_ever(path):
    store = opened(path)
    for n in range(10**9):
        store.add(BLIP2, {key_of(str(n), "a"): n, key_of(str(n), "b"): n})


def test_a_killed_writer_leaves_whole_batches_and_a_store_that_works(path):
    context = multiprocessing.get_context("spawn")
    for _ in range(3):
        writer = context.Process(target=add_for_ever, args=(path,))
        writer.start()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not (path.exists() and rows(path) > 20):
            time.sleep(0.02)
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
        assert rows(path) > 20 and rows(path) % 2 == 0
        assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone() == ("ok",)
        Store(path).add(TRAINED, {key_of("after"): 1})
        assert Store(path).answers(TRAINED, [key_of("after")])


def rows(path: Path) -> int:
    try:
        return sqlite3.connect(path).execute("SELECT count(*) FROM answers WHERE model = 1").fetchone()[0]
    except sqlite3.OperationalError:
        return 0


def test_a_page_that_went_bad_is_noticed_when_it_is_read(path):
    store = Store(path)
    store.add(BLIP2, {key_of(str(n)): "x" * 200 for n in range(3000)})
    store.connection.close()
    content = bytearray(path.read_bytes())
    content[4096 * 20 : 4096 * 60] = os.urandom(4096 * 40)
    path.write_bytes(content)
    with pytest.raises(BadInput, match="damaged"):
        Store(path).answers(BLIP2, [key_of(str(n)) for n in range(3000)])


def test_a_models_folder_is_read_once_and_again_when_a_file_changed(tmp_path, path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights").write_bytes(b"1")
    store = Store(path)
    first = store.folder_sha256(folder)
    known = store.connection.execute("SELECT files FROM folders").fetchone()
    assert store.folder_sha256(folder) == first and json.loads(known[0])[0][:2] == ["weights", 1]
    (folder / "weights").write_bytes(b"2")
    os.utime(folder / "weights", ns=(1, 1))
    assert store.folder_sha256(folder) != first


def test_a_pruned_models_answers_never_become_anothers(path):
    running, pruning = Store(path), Store(path)
    running.add(TRAINED, {key_of("image"): "trained says"})
    pruning.prune(TRAINED.sha256)
    pruning.add(BLIP2, {key_of("other"): 1})
    running.add(TRAINED, {key_of("image"): "trained says again"})
    assert pruning.answers(BLIP2, [key_of("image")]) == {}
    assert pruning.answers(TRAINED, [key_of("image")]) == {key_of("image"): "trained says again"}
