"""The SQLite file of the store: made or opened, its format checked, each change whole or undone."""

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from errors import BadInput

VERSION = 1
SCHEMA = """
CREATE TABLE models (
    number INTEGER PRIMARY KEY AUTOINCREMENT, -- never used again, else one model could answer for another
    name TEXT NOT NULL, sha256 TEXT NOT NULL, settings TEXT NOT NULL,
    asked INTEGER NOT NULL DEFAULT 0, computed INTEGER NOT NULL DEFAULT 0, UNIQUE (sha256, settings)
);
CREATE TABLE answers (
    model INTEGER NOT NULL REFERENCES models, key BLOB NOT NULL, value NOT NULL, PRIMARY KEY (model, key)
) WITHOUT ROWID;
CREATE TABLE folders (path TEXT PRIMARY KEY, files TEXT NOT NULL, sha256 TEXT NOT NULL);
"""
WAIT_SECONDS = 120


class StoreFile:
    """A connection to the file at ``path``, made where there is none; for one process, not to be forked."""

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        if self.path != ":memory:":
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        with self.explained():
            self.connection = sqlite3.connect(self.path, timeout=WAIT_SECONDS, isolation_level=None)
            self._set_wal()
            self.connection.execute("PRAGMA synchronous = NORMAL")
            self._prepare()

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn SQLite's errors into ones that name the file and the remedy."""
        try:
            yield
        except sqlite3.OperationalError as error:
            raise BadInput(
                f"{self.path}: the store cannot be used ({error}); it needs room, rights, a local disk"
            ) from error
        except (sqlite3.DatabaseError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
            raise BadInput(
                f"{self.path}: the store is damaged ({error}); move it away with its -wal and -shm files: "
                "its answers will be computed anew"
            ) from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep all that is changed meanwhile, or on an error nothing of it."""
        with self.explained():
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self.connection.execute("ROLLBACK")
                raise
            self.connection.execute("COMMIT")

    def _set_wal(self) -> None:
        """Switch to the write-ahead log; on a new file SQLite does not wait for others that do so, too."""
        last = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                self.connection.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > last:
                    raise
            time.sleep(0.01)

    def _version(self) -> int:
        return self.connection.execute("PRAGMA user_version").fetchone()[0]

    def _prepare(self) -> None:
        if self._version() == 0:
            with self.transaction():
                if self._version() == 0:  # no other process was faster
                    for statement in SCHEMA.split(";"):
                        self.connection.execute(statement)
                    self.connection.execute(f"PRAGMA user_version = {VERSION}")
        if self._version() != VERSION:
            raise BadInput(
                f"{self.path}: the store has format {self._version()}, this version of the project reads "
                f"{VERSION}; give another file with STORE=, or move this one away"
            )
