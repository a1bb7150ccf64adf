"""The evaluation's files: answers that parse, an upload with the official columns, scores."""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import PurePosixPath

from errors import BadInput
from submission import rules
from submission.faults import Faults
from submission.tree import UNREADABLE, Tree

MANY_ROWS = 200_000


def json_lines(tree: Tree, name: str, faults: Faults) -> Iterator[tuple[str, dict]]:
    """``(place, object)`` of each line; a line that is none, and an unreadable file, are faults."""
    try:
        tree.require(name, rules.TEXT_BYTES)
        with tree.open(name) as file:
            for number, line in enumerate(file, 1):
                place = f"{name}:{number}"
                try:
                    value = json.loads(line)
                except (ValueError, RecursionError):
                    value = None
                if isinstance(value, dict):
                    yield place, value
                else:
                    faults.add(place, "not a JSON object; mend or remove the line", group=name)
    except BadInput as error:
        faults.add(name, str(error))


def count_answers(tree: Tree, name: str, faults: Faults) -> int:
    """Lines that are answers; the others are faults."""
    count = 0
    for place, answer in json_lines(tree, name, faults):
        if "question_id" in answer and isinstance(answer.get("text"), str):
            count += 1
        else:
            faults.add(place, "lacks question_id or text; write the answers anew", group=name)
    return count


def count_rows(tree: Tree, name: str, faults: Faults) -> int:
    """Rows of an upload; what keeps it from being one is a fault."""
    try:
        content = io.BytesIO(tree.read(name, rules.XLSX_BYTES))
        with zipfile.ZipFile(content) as parts:
            if sum(part.file_size for part in parts.infolist()) > 4 * rules.XLSX_BYTES:
                raise BadInput("grows beyond what a table of answers can be; not read, write it anew")
        import openpyxl  # the one thing here that Python does not bring

        book = openpyxl.load_workbook(content, read_only=True)
        rows = book.active.iter_rows(values_only=True, max_row=MANY_ROWS)
        header = [str(cell) for cell in next(rows, ()) if cell is not None]
        missing = [column for column in rules.XLSX_COLUMNS if column not in header]
        if missing:
            raise BadInput(f"lacks the columns {', '.join(missing)}; write it with py/mmbench_upload.py")
        count = sum(1 for row in rows if any(cell is not None for cell in row))
    except ModuleNotFoundError:
        faults.add(name, "not checked: openpyxl is not installed; run the check with .venv/bin/python")
        return 0
    except BadInput as error:
        faults.add(name, str(error))
        return 0
    except (*UNREADABLE, KeyError, ValueError, TypeError, AttributeError, SyntaxError) as error:
        faults.add(name, f"not a readable .xlsx ({str(error) or type(error).__name__}); write it anew")
        return 0
    if not count:
        faults.add(name, "holds no row; write it with py/mmbench_upload.py")
    return count


def check_scores(tree: Tree, folder: str, answered: int, faults: Faults) -> None:
    """A score.json, where there is one, is of as many questions as were answered."""
    name = f"{folder}/score.json"
    if name not in tree.files:
        return
    try:
        score = json.loads(tree.read(name, rules.LOG_BYTES))
        accuracy, count = float(score["accuracy"]), int(score["n"])
    except (BadInput, ValueError, KeyError, TypeError, RecursionError) as error:
        faults.add(name, f"holds no accuracy and n ({error}); score the answers again")
        return
    if not 0 <= accuracy <= 100:
        faults.add(name, f"accuracy is {accuracy}, not a percentage; score the answers again")
    if answered and folder.endswith("/textvqa") and count != answered:
        faults.add(name, f"a score of {count} questions beside {answered} answers; score them again")


def check_answers(tree: Tree, results: str, faults: Faults) -> dict[str, int]:
    """All evaluation files below ``results``; the number of answers by test."""
    answered = {}
    for test, ending in (("textvqa", "/bm1.jsonl"), ("mmbench", ".xlsx")):
        names = tree.below(f"{results}/{test}")
        lines = {name: count_answers(tree, name, faults) for name in names if name.endswith(".jsonl")}
        rows = [
            lines[name] if name in lines else count_rows(tree, name, faults)
            for name in names
            if name.endswith(ending)
        ]
        answered[test] = rows[0] if rows else 0
        for name, count in lines.items():
            joined = PurePosixPath(name).parent == PurePosixPath(results, test)  # else a shard
            if joined and answered[test] not in (0, count):
                faults.add(name, f"{count} answers, but {rows[0]} in the file to upload; make both anew")
        check_scores(tree, f"{results}/{test}", answered[test], faults)
    return answered
