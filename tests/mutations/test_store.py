"""A changed store: the answers that were kept, or a refusal; never the answer to another question."""

from pathlib import Path

import pytest

from mutations.harness import Refusal
from store import Model, Store, key_of

pytestmark = pytest.mark.attack("mutations")

CUBE = Model("blip2", "ab12", '{"prompt": ""}')
ASKED = {
    key_of(f"image {n}"): answer
    for n, answer in enumerate(["a red cube", 0.25, b"bytes", None, ["x"], "é"] * 9)
}


@pytest.fixture
def content(tmp_path) -> bytes:
    path = tmp_path / "made.sqlite"
    store = Store(path)
    store.add(CUBE, ASKED, asked=60)
    store.add(Model("clip", "cd34", "{}"), {key_of("t"): 1.0})
    store.folder_sha256(tmp_path)
    store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store.connection.execute("PRAGMA journal_mode = DELETE")
    store.connection.close()
    return path.read_bytes()


def use(path: Path) -> list:
    """Everything that is done with a store."""
    store = Store(path)
    try:
        found = [store.answers(CUBE, ASKED), store.overview()]
        store.add(CUBE, {key_of("new"): "new"}, asked=1)
        found.append(store.answers(CUBE, [key_of("new")]))
        store.prune("cd34")
        found.append([row["name"] for row in store.overview()])
        return found
    finally:
        store.connection.close()


def test_a_store(content, attack):
    def check(case, value, expected):
        """A store has no checksum: a changed letter of an answer stays one. But no key gets another's."""
        if not isinstance(value, Refusal):
            assert set(value[0]) <= set(ASKED)

    attack({"store.sqlite": content}, lambda folder: use(folder / "store.sqlite"), check)
