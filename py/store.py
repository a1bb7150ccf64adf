"""The store: models' answers (captions, similarities, words read), kept for all experiments in one file.

An answer is addressed by content: the model (SHA-256 of its folder), its settings, the image's bytes and the
text. So the same question is never computed twice, by no recipe and after no interruption, and an answer
never belongs to another model, image or setting. Many processes may use one store; each batch of answers is
one transaction, which `kill -9` leaves whole or undone (SQLite's write-ahead log, on a local disk).
"""

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from digest import sha256
from store_file import StoreFile

ASKED_AT_ONCE = 1000
_opened: dict[tuple[str, int], "Store"] = {}


class Model(NamedTuple):
    """Who answers: a model's name for people, the SHA-256 of its folder, and its settings as JSON."""

    name: str
    sha256: str
    settings: str


def key_of(*parts: str) -> bytes:
    """The address of a question within a model, from the image's SHA-256, the text, …"""
    lengths = ",".join(str(len(part)) for part in parts)  # so that ("a", "bc") is not ("ab", "c")
    return hashlib.sha256("\0".join((lengths, *parts)).encode("utf-8", "surrogatepass")).digest()


def opened(path: str | Path) -> "Store":
    """This process's connection to the store at ``path``: a connection must not be carried over a fork."""
    key = (str(path), os.getpid())
    if key not in _opened:
        _opened[key] = Store(path)
    return _opened[key]


class Store(StoreFile):
    """The answers in the store at ``path``; a connection, like `StoreFile`.

    >>> store = Store(":memory:")
    >>> cube = Model("blip2", "ab12", '{"prompt": ""}')
    >>> store.add(cube, {key_of("image 1"): "a red cube"})
    >>> store.answers(cube, [key_of("image 1"), key_of("image 2")]) == {key_of("image 1"): "a red cube"}
    True
    """

    def _number(self, model: Model) -> int | None:
        query = "SELECT number FROM models WHERE sha256 = ? AND settings = ?"
        found = self.connection.execute(query, model[1:]).fetchone()
        return found[0] if found else None

    def answers(self, model: Model, keys: Iterable[bytes]) -> dict[bytes, Any]:
        """The answers that are there, by key."""
        keys, found = list(keys), {}
        with self.explained():
            number = self._number(model)
            for start in range(0, len(keys), ASKED_AT_ONCE):
                some = keys[start : start + ASKED_AT_ONCE]
                marks = ",".join("?" * len(some))
                query = f"SELECT key, value FROM answers WHERE model = ? AND key IN ({marks})"
                found.update(self.connection.execute(query, (number, *some)))
            return {key: json.loads(v) if isinstance(v, str) else v for key, v in found.items()}

    def add(self, model: Model, answers: dict[bytes, Any], asked: int = 0) -> None:
        """Keep ``answers``, bytes or what JSON can hold; ``asked`` counts what was wanted."""
        rows = [
            (key, value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False))
            for key, value in sorted(answers.items())  # neighbours lie on one page
        ]
        with self.transaction():
            new = "INSERT OR IGNORE INTO models (name, sha256, settings) VALUES (?, ?, ?)"
            self.connection.execute(new, model)
            number = self._number(model)
            self.connection.executemany(
                "INSERT OR IGNORE INTO answers (model, key, value) VALUES (?, ?, ?)",
                ((number, *row) for row in rows),
            )
            counted = "UPDATE models SET asked = asked + ?, computed = computed + ? WHERE number = ?"
            self.connection.execute(counted, (asked, len(rows), number))

    def folder_sha256(self, folder: str | Path) -> str:
        """SHA-256 of a model's folder; reads it only if a file's size or time differs from last time."""
        folder = Path(folder).resolve()
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        seen = json.dumps([[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in files])
        query = "SELECT sha256 FROM folders WHERE path = ? AND files = ?"
        with self.explained():
            known = self.connection.execute(query, (str(folder), seen)).fetchone()
        if known:
            return known[0]
        digest = sha256(folder)
        with self.transaction():
            self.connection.execute("REPLACE INTO folders VALUES (?, ?, ?)", (str(folder), seen, digest))
        return digest

    def overview(self) -> list[dict]:
        """Per model and setting: what it is, how many answers of how many bytes, asked, computed."""
        query = """
            SELECT number, name, sha256, settings, count(key) AS answers,
                   total(length(key) + length(value)) AS bytes, asked, computed
            FROM models LEFT JOIN answers ON model = number GROUP BY number ORDER BY name, number
        """
        with self.explained():
            cursor = self.connection.execute(query)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor]

    def prune(self, sha256: str) -> int:
        """Forget all answers of a model, by the SHA-256 of its folder, and give their room back."""
        with self.transaction():
            where = "model IN (SELECT number FROM models WHERE sha256 = ?)"
            gone = self.connection.execute(f"DELETE FROM answers WHERE {where}", (sha256,)).rowcount
            self.connection.execute("DELETE FROM models WHERE sha256 = ?", (sha256,))
        with self.explained():
            self.connection.execute("VACUUM")
        return gone
