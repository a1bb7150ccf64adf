"""Write the MMBench upload: the official columns of the question table, the answers as ``prediction``.

Same cells as the kit's ``convert_mmbench_for_submission.py``; same bytes for the same answers.

    python py/mmbench_upload.py --tsv data/demo/eval/mmbench/mmbench_dev_20230712.tsv \\
        --answers runs/demo/default/eval/mmbench/answers.jsonl --output upload.xlsx
"""

import io
import re
import zipfile
from pathlib import Path

import openpyxl
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

import cli
from errors import BadInput
from json_files import atomic_write, read_jsonl
from mmbench_table import read_mmbench_rows
from questions import require_exactly

COLUMNS = ["index", "question", "A", "B", "C", "D", "prediction", "answer", "split"]
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date that a zip member can have
DATES = re.compile(rb"(<dcterms:(created|modified)[^>]*>)[^<]*")


def fill(rows: list[dict], answers: list[dict], where: Path) -> list[list]:
    """Each row's `COLUMNS` in question order, ``prediction`` being the answer's text unchanged."""
    require_exactly((str(row["index"]) for row in rows), (str(a["question_id"]) for a in answers), where)
    text = {int(answer["question_id"]): answer["text"] for answer in answers}
    return [[(row | {"prediction": text[row["index"]]})[column] for column in COLUMNS] for row in rows]


def workbook_bytes(rows: list[list]) -> bytes:
    """The rows under `COLUMNS` as .xlsx: text as text, even after "=", and no time of writing."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Sheet1"
    sheet.append(COLUMNS)
    for row, values in enumerate(rows, start=2):
        for column, value in enumerate(values, start=1):
            if isinstance(value, str):
                cell = sheet.cell(row, column, ILLEGAL_CHARACTERS_RE.sub("", value))
                cell.data_type = "s"
            elif value is not None:
                sheet.cell(row, column, value)
    dated, plain = io.BytesIO(), io.BytesIO()
    book.save(dated)
    with zipfile.ZipFile(dated) as old, zipfile.ZipFile(plain, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = DATES.sub(rb"\g<1>1980-01-01T00:00:00Z", old.read(name))
            new.writestr(zipfile.ZipInfo(name, EPOCH), content, zipfile.ZIP_DEFLATED)
    return plain.getvalue()


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--tsv", type=Path, required=True, help="the question file, mmbench_dev_20230712.tsv")
    parser.add_argument("--answers", type=Path, required=True, help="answers.jsonl, one answer a line")
    parser.add_argument("--output", type=Path, required=True, help="the .xlsx to write")
    args = parser.parse_args()
    answers = []
    for number, answer in read_jsonl(args.answers):
        if "question_id" not in answer or not isinstance(answer.get("text"), str):
            raise BadInput(f"{args.answers}:{number}: lacks question_id or text; answer the test again")
        answers.append(answer)
    if not answers:
        raise BadInput(f"{args.answers}: holds no answer; answer the test again")
    rows = fill(read_mmbench_rows(args.tsv), answers, args.answers)
    with atomic_write(args.output, "wb") as file:
        file.write(workbook_bytes(rows))


if __name__ == "__main__":
    cli.run(main)
