"""The MMBench upload: the official file's cells, and the same bytes every time."""

import io
import json
import os
import re
import zipfile
from pathlib import Path

import openpyxl
import pytest

from errors import BadInput
from mmbench_table import read_mmbench_rows
from mmbench_upload import fill, workbook_bytes

DEFAULT = Path(__file__).resolve().parents[2] / "shared" / "golden" / "mmbench"
GOLDEN = Path(os.environ.get("GOLDEN_MMBENCH", DEFAULT))
ROWS = [
    {"index": 5, "question": "Q?", "A": "yes", "B": "no", "C": None, "D": None, "answer": "A", "split": "dev"}
]


def cells(content):
    return list(openpyxl.load_workbook(io.BytesIO(content)).active.iter_rows(values_only=True))


@pytest.mark.golden
@pytest.mark.skipif(not GOLDEN.is_dir(), reason="no golden MMBench case")
def test_the_golden_upload_has_the_same_cells():
    answers = [json.loads(line) for line in (GOLDEN / "answers.jsonl").read_text().splitlines()]
    ours = cells(
        workbook_bytes(fill(read_mmbench_rows(GOLDEN / "mmbench_dev_20230712.tsv"), answers, Path("a")))
    )
    assert ours == cells((GOLDEN / "upload.xlsx").read_bytes())
    assert list(ours[0]) == json.loads((GOLDEN / "expected.json").read_text())["columns"]


def test_an_answer_that_looks_like_a_formula_stays_text_and_control_characters_go():
    filled = fill(ROWS, [{"question_id": 5, "text": "=1+1\x07"}], Path("a"))
    sheet = openpyxl.load_workbook(io.BytesIO(workbook_bytes(filled))).active
    assert (sheet["G2"].value, sheet["G2"].data_type) == ("=1+1", "s")


def test_the_upload_does_not_hold_the_time_of_writing():
    content = workbook_bytes(fill(ROWS, [{"question_id": 5, "text": "A"}], Path("a")))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        years = {member.date_time[0] for member in archive.infolist()}
        years |= {
            int(year) for year in re.findall(rb"(20\d\d|19\d\d)-\d\d-", archive.read("docProps/core.xml"))
        }
    assert years == {1980}


def test_an_upload_with_a_missing_answer_is_refused():
    with pytest.raises(BadInput, match="1 missing"):
        fill(ROWS, [], Path("answers.jsonl"))
