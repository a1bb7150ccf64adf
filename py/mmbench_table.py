"""The table of MMBench's questions, ``mmbench_dev_20230712.tsv``, read as the kit's pandas reads it.

Circular variants of a question carry its index + k·1,000,000.
"""

import csv
from pathlib import Path

from errors import BadInput

OPTION_LETTERS = "ABCD"
CIRCULAR_STEP = 1_000_000
MMBENCH_COLUMNS = ["index", "question", "hint", *OPTION_LETTERS, "answer", "category", "image", "split"]
LONGEST_INDEX = 64  # letters; what is longer is an image
# pandas.read_table's, whose import would take two seconds
EMPTY_CELLS = frozenset({"", "#N/A", "#N/A N/A", "#NA", "<NA>", "N/A", "n/a", "NA", "NULL", "null", "None"})
EMPTY_CELLS |= {"NaN", "nan", "-NaN", "-nan", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"}


def read_cells(path: str | Path) -> list[tuple[int, dict]]:
    """(line number, row by column) of an MMBench table, every cell as written."""
    csv.field_size_limit(2**31 - 1)  # a cell holds an image
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, delimiter="\t", restkey="beyond", restval="")
            rows, names = [(reader.line_num, row) for row in reader], reader.fieldnames or []
    except (csv.Error, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: not a readable table ({error}); restore the official file") from error
    absent = [name for name in MMBENCH_COLUMNS if name not in names]
    if absent:
        raise BadInput(f"{path}: lacks the columns {', '.join(absent)}; is this an MMBench question file?")
    if not rows:
        raise BadInput(f"{path}: holds no question; make the evaluation set again")
    return rows


def index_fault(row: dict, seen: set[str]) -> str | None:
    """What is wrong with a row's number of cells or its index, which ``seen`` gets; None if nothing."""
    index, long = row["index"], "beyond" in row
    if long or not (index.isascii() and index.isdecimal() and len(index) <= LONGEST_INDEX) or index in seen:
        return "has too many cells" if long else "appears twice" if index in seen else "is no number"
    seen.add(index)
    return None


def with_gaps(row: dict) -> dict:
    """``row`` with an integer as its index, and None where the kit's pandas has NaN."""
    gaps = {name: None for name, cell in row.items() if cell in EMPTY_CELLS}
    return row | gaps | {"index": int(row["index"])}


def read_mmbench_rows(path: str | Path) -> list[dict]:
    """The rows by column: ``index`` an integer, other cells text, or None where the kit's pandas has NaN."""
    rows, seen = read_cells(path), set()
    for _, row in rows:
        if fault := index_fault(row, seen):
            raise BadInput(f"{path}: index {row['index'][:LONGEST_INDEX]} {fault}; restore the official file")
    return [with_gaps(row) for _, row in rows]
