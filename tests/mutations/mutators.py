"""Random changes of a file: of its bytes, of the tree of a JSON file, and of its layout alone.

A change is a name and two numbers that say where and what with; Hypothesis draws these, and makes a case
that fails as small as it can.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import strategies as st

Change = tuple[str, int, int]
SPAN = 1 << 20  # places are drawn from 0 to this
DEEP = 100_000
BOM = b"\xef\xbb\xbf"
PIECES = (
    b"\0",
    BOM,
    b"\xff\xfe",
    b"\xd8\x00",
    b"\r\n",
    b"\n\n",
    b"\n",
    b" ",
    b"\t",
    b"9" * 5000,
    b"1e999",
    b"NaN",
)
PIECES += (
    b"[" * DEEP,
    b'{"a":' * DEEP,
    b"[" * 700 + b"]" * 700,
    b'"',
    b"\\ud800",
    b"'",
    b"null",
    b"-",
    b"../../",
)
PIECES += (
    "\u2028\u202e\x85".encode(),
    b"\x1a",
    b"#",
    b"&a [*a]",
    b"!!python/object/apply:os.system [x]",
    b"\x80",
)
DEEP_LIST = json.loads("[" * 400 + "]" * 400)
ODD: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    2**31,
    2**63,
    -(2**64),
    10**400,
    1.5,
    1e308,
    float("inf"),
)
ODD += (
    float("nan"),
    "",
    " ",
    "\0",
    "\ud800",
    "a\udc00",
    "=1+1",
    "../../outside",
    "/etc/passwd",
    "x" * 5000,
    "0",
)
ODD += (
    "nan",
    "<image>",
    "<__dj__image>",
    "a\nb",
    "\u2028",
    "é",
    [],
    [None],
    {},
    {"": None},
    DEEP_LIST,
    "1" * 5000,
)


def flip(content: bytes, at: int, by: int) -> bytes:
    """Another bit at one place."""
    return content[:at] + bytes([content[at] ^ 1 << by % 8]) + content[at + 1 :] if content[at:] else content


def cut(content: bytes, at: int, by: int) -> bytes:
    """Only the beginning."""
    return content[:at]


def delete(content: bytes, at: int, by: int) -> bytes:
    """Without some bytes in the middle."""
    return content[:at] + content[at + 1 + by % 64 :]


def double(content: bytes, at: int, by: int) -> bytes:
    """Some bytes twice."""
    end = at + 1 + by % 256
    return content[:end] + content[at:end] + content[end:]


def splice(content: bytes, at: int, by: int) -> bytes:
    """A head and a tail of the file that do not belong together."""
    return content[:at] + content[by % (len(content) + 1) :]


def insert(content: bytes, at: int, by: int) -> bytes:
    """Something that does not belong there."""
    return content[:at] + PIECES[by % len(PIECES)] + content[at:]


def overwrite(content: bytes, at: int, by: int) -> bytes:
    """Eight bytes of a header, a length perhaps, replaced by an odd number."""
    number = (0, 1, 2**31 - 1, 2**32, 2**63, 2**64 - 1, 10**9, len(content))[by % 8]
    at = at % 16 if by & 8 else at
    return content[:at] + number.to_bytes(8, "little") + content[at + 8 :]


def number(content: bytes, at: int, by: int) -> bytes:
    """A number replaced by one that nobody expects."""
    found = list(re.finditer(rb"\d+", content))
    if not found:
        return insert(content, at, by)
    place = found[at % len(found)]
    new = (b"0", b"-1", b"1.5", b"9" * 30, b"9" * 5000, b"1e999", b"0x10", b"007", b"1_0", b"NaN")[by % 10]
    return content[: place.start()] + new + content[place.end() :]


def lines(content: bytes, at: int, by: int) -> bytes:
    """Two lines change places, or one stands twice, or is gone."""
    rows = content.splitlines(keepends=True)
    if not rows:
        return content
    one, other = at % len(rows), by % len(rows)
    if by & 64:
        return b"".join([*rows[: one + 1], rows[one], *rows[one + 1 :]])
    if by & 128:
        return b"".join([*rows[:one], *rows[one + 1 :]])
    rows[one], rows[other] = rows[other], rows[one]
    return b"".join(rows)


def recode(content: bytes, at: int, by: int) -> bytes:
    """In another encoding."""
    text = content.decode("utf-8", "replace")
    return text.encode(("utf-16", "utf-32", "utf-16-le", "utf-7", "latin-1")[by % 5], "replace")


def foreign(content: bytes, at: int, by: int) -> bytes:
    """Something else altogether."""
    return (
        b"",
        b"\n",
        b"null",
        b"[]",
        b"{}",
        b"<html><body>404</body></html>",
        b"\0" * 512,
        b"[{}]",
        b'"x"',
    )[by % 9]


BYTES: dict[str, Callable[[bytes, int, int], bytes]] = {
    change.__name__: change
    for change in (flip, cut, delete, double, splice, insert, overwrite, number, lines, recode, foreign)
}


def nodes(value: Any, depth: int = 20) -> Iterator[tuple[Any, Any]]:
    """(container, key or index) of all that lies in ``value``, down to ``depth``."""
    found = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(found) if depth else ():
        yield value, key
        yield from nodes(inner, depth - 1)


def retype(place: Any, key: Any, by: int) -> None:
    """Another value."""
    place[key] = ODD[by % len(ODD)]


def wrap(place: Any, key: Any, by: int) -> None:
    """The value in a list or an object, or its text."""
    value = place[key]
    place[key] = ([value], {"value": value}, str(value)[:100], [value, value])[by % 4]


def drop(place: Any, key: Any, by: int) -> None:
    """Gone."""
    del place[key]


def rename(place: Any, key: Any, by: int) -> None:
    """Under another name, or beside itself once more."""
    value = place[key] if by & 1 else place.pop(key)
    if isinstance(place, list):
        place.append(value)
    else:
        place[("", "id", f"{key} ", str(key).upper(), "\ud800", "../x")[by % 6]] = value


TREE = {change.__name__: change for change in (retype, wrap, drop, rename)}


def change_tree(tree: Any, name: str, at: int, by: int) -> Any:
    """``tree`` after one change somewhere in it."""
    holder = {"": tree}
    places = list(nodes(holder))
    place, key = places[at % len(places)]
    TREE[name](place, key, by)
    return holder.get("", next(iter(holder.values()), None))


LAYOUTS = ("spaces", "escapes", "mark", "returns", "sorted")


def lay_out(content: bytes, name: str, jsonl: bool) -> bytes:
    """The same objects, written in another way."""
    options: dict[str, Any] = {"ensure_ascii": name == "escapes", "sort_keys": name == "sorted"}
    if name == "spaces":
        options |= {"separators": (" , ", " : ")} if jsonl else {"indent": 3}
    trees = [json.loads(row) for row in (content.splitlines() if jsonl else [content])]
    end = "\r\n" if name == "returns" else "\n"
    text = "".join(json.dumps(tree, **options) + end for tree in trees)
    return (BOM if name == "mark" else b"") + text.encode("utf-8", "surrogatepass")


def change_json(content: bytes, name: str, at: int, by: int, jsonl: bool) -> bytes:
    """The file after a change in its tree; of JSON lines, in one of them."""
    if not jsonl:
        return json.dumps(change_tree(json.loads(content), name, at, by)).encode()
    rows = content.splitlines(keepends=True)
    row = by // 64 % len(rows)
    rows[row] = json.dumps(change_tree(json.loads(rows[row]), name, at, by)).encode() + b"\n"
    return b"".join(rows)


def mutated(content: bytes, suffix: str, changes: list[Change]) -> bytes:
    """``content`` after ``changes``, those of its tree before those of its bytes."""
    for name, at, by in sorted(changes, key=lambda change: change[0] in BYTES):
        if name in LAYOUTS:
            content = lay_out(content, name, suffix == ".jsonl")
        elif name in TREE:
            content = change_json(content, name, at, by, suffix == ".jsonl")
        else:
            content = BYTES[name](content, at * (len(content) + 1) // SPAN, by)
    return content


def changes_of(suffix: str) -> st.SearchStrategy[list[Change]]:
    """What is drawn for a file with this ending: some changes, or one that keeps the meaning."""
    numbers = st.integers(0, SPAN - 1), st.integers(0, (1 << 12) - 1)
    some = st.lists(st.tuples(st.sampled_from(sorted(BYTES)), *numbers), min_size=1, max_size=3)
    if suffix not in (".json", ".jsonl", ".made", ".stat", ".ran"):
        return some
    tree = st.lists(st.tuples(st.sampled_from(sorted(TREE)), *numbers), min_size=1, max_size=2)
    layout = st.tuples(st.sampled_from(LAYOUTS), st.just(0), st.just(0)).map(lambda change: [change])
    return st.one_of(tree, some, tree, layout)
