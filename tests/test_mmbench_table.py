"""The table of MMBench as the kit's pandas reads it."""

import pytest

from mmbench_table import MMBENCH_COLUMNS, read_mmbench_rows


def test_cells_are_empty_exactly_where_pandas_as_in_the_kit_reads_none(tmp_path):
    pandas = pytest.importorskip("pandas")
    words = [
        "",
        "NA",
        "N/A",
        "null",
        "None",
        "none",
        "nan",
        "NaN",
        "No",
        "-",
        " ",
        "n/a",
        "NULL",
        '"quoted ""word"""',
    ]
    words += ['mid"quote', "1.0", "True", '"two\nlines"']
    rows = [{"index": str(index), "question": "Which?", "C": word} for index, word in enumerate(words)]
    lines = [MMBENCH_COLUMNS, *([row.get(name, "") for name in MMBENCH_COLUMNS] for row in rows)]
    path = tmp_path / "m.tsv"
    path.write_text("".join("\t".join(line) + "\n" for line in lines))
    theirs = pandas.read_table(path, dtype=str)["C"]
    assert [row["C"] for row in read_mmbench_rows(path)] == [None if pandas.isna(x) else x for x in theirs]
