"""What is opened in a browser, a spreadsheet or printed as a table: text stays text."""

import io
import json
import zipfile
from pathlib import Path

import openpyxl
import pytest

from attacks import cases
from errors import BadInput
from list_files import files
from mmbench_upload import COLUMNS, workbook_bytes
from pages import Tags, require_inert
from recipe_report.plots import funnel
from recipe_report.texts import word_diff
from submission.answers import count_rows
from sweep_report.words import named

pytestmark = pytest.mark.attack("security")

HOSTILE = {
    "a script": "<script>alert(1)</script>",
    "an end of the style": "</style><script>alert(1)</script>",
    "an end of the title": "</title><img src=x onerror=alert(1)>",
    "an attribute's end": '" onload="alert(1)',
    "an apostrophe's end": "' onload='alert(1)",
    "a template's word": "{{ 7 * 7 }}{% raw %}",
    "a template's object": "{{ ''.__class__.__mro__ }}",
    "a format's word": "{0.__class__}{name!r}%s",
    "a formula of TeX": r"$\frac{1$ \input{/etc/passwd}",
    "a formula's dollar": "$x_{$",
    "an address that runs": "javascript:alert(1)",
    "an SVG's end": "</text></svg><script>alert(1)</script>",
    "a comment's end": "--><script>alert(1)</script>",
    "a section of data": "]]><script>alert(1)</script>",
    "an entity": "&lt;script&gt;&#60;",
}


def pieces(text: str) -> dict[str, str]:
    """The parts of the reports that are not the template's own escaping: plots, differences, names."""
    before, after = word_diff(f"a {text} b", f"a c {text}")
    step = {"op": text, "in": 3, "out": 2, "dropped": 1, "changed": 0, "repeated": 0}
    return {
        "a difference": f"<p>{before}{after}</p>",
        "a recipe's name": f"<p>{named(text)}</p>",
        "a funnel": str(funnel([step], name=text)),
    }


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_text_in_the_pages_parts_stays_text(text, record_property):
    for what, html in pieces(text).items():
        found = Tags(html)
        assert not found.open and not {"script", "img", "style"} & {tag for tag, _ in found.tags} - (
            {"style"} if what == "a funnel" else set()
        ), f"{what}: {html[:500]}"
        assert "49" not in html.replace("449", "") or what == "a funnel"
        require_inert(html)
    cases(record_property, 3)


FORMULAS = [
    "=1+1",
    '=HYPERLINK("http://host","a")',
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1",
    "=cmd|' /C calc'!A0",
    "{=1}",
]


def test_no_column_of_the_upload_is_a_formula(record_property):
    """Questions and options come from a file, answers from a model."""
    cases(record_property, len(FORMULAS) * (len(COLUMNS) - 1))
    rows = [[number, *[text] * (len(COLUMNS) - 1)] for number, text in enumerate(FORMULAS)]
    content = workbook_bytes(rows)
    sheet = openpyxl.load_workbook(io.BytesIO(content)).active
    for number, row in enumerate(sheet.iter_rows(min_row=2)):
        assert {cell.data_type for cell in row[1:]} == {"s"}
        assert [cell.value for cell in row[1:]] == [FORMULAS[number]] * (len(COLUMNS) - 1)
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        assert b"<f>" not in parts.read("xl/worksheets/sheet1.xml")


class Held:
    """A submission that holds one workbook."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def read(self, *_: object) -> bytes:
        return self.content


class Told(list):
    def add(self, name: str, what: str) -> None:
        self.append(what)


def workbook(strings: str) -> bytes:
    """An upload whose texts are the XML ``strings``."""
    given, made = io.BytesIO(workbook_bytes([[1, *["a"] * (len(COLUMNS) - 1)]])), io.BytesIO()
    with zipfile.ZipFile(given) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "xl/worksheets/sheet1.xml":
                assert b"<t>a</t>" in content
                content = content[content.index(b"<worksheet") :].replace(b"<t>a</t>", b"<t>&z;</t>")
                content = strings.replace("DOCTYPE sst", "DOCTYPE worksheet").encode() + content
            new.writestr(name, content)
    return made.getvalue()


def entities(first: str) -> str:
    rest = "".join(
        f'<!ENTITY {new} "{f"&{old};" * 10}">' for old, new in zip("abcdefghi", "bcdefghij", strict=True)
    )
    return f'<!DOCTYPE sst [<!ENTITY a "{first}">{rest}<!ENTITY z "&j;">]>'


OUTSIDE = {
    "entities that multiply": entities("a" * 10),
    "a file's content": '<!DOCTYPE sst [<!ENTITY z SYSTEM "file:///etc/hostname">]>',
    "an address": '<!DOCTYPE sst SYSTEM "http://127.0.0.1:9/x.dtd" [<!ENTITY z SYSTEM "http://127.0.0.1:9/x">]>',
}


@pytest.mark.parametrize("strings", OUTSIDE.values(), ids=OUTSIDE)
def test_a_workbook_in_a_submission_neither_grows_nor_reads_files(strings):
    told = Told()
    assert count_rows(Held(workbook(strings)), "x.xlsx", told) == 0
    assert len(told) == 1 and "not a readable .xlsx" in told[0]


def test_a_plain_workbook_is_read():
    told = Told()
    assert count_rows(Held(workbook('<!DOCTYPE sst [<!ENTITY z "a">]>')), "x.xlsx", told) == 1 and not told


def test_a_file_s_name_is_one_line_of_a_list(tmp_path):
    """The graph reads and hashes each line: one with a line end would add a file of its author's choice."""
    (tmp_path / "a.jpg").write_text("x")
    (tmp_path / "b.jpg\n").mkdir()
    (tmp_path / "b.jpg\n/c.jpg").write_text("x")
    seed = tmp_path / "seed.jsonl"
    seed.write_text(json.dumps({"id": "1", "images": ["a.jpg"]}) + "\n")
    assert [Path(path).name for path in files(seed)] == ["a.jpg", "seed.jsonl"]
    seed.write_text(json.dumps({"id": "1", "images": ["b.jpg\n/c.jpg"]}) + "\n")
    for of in (seed, tmp_path):
        with pytest.raises(BadInput, match=r"a file's name with a line end in it; rename the file"):
            files(of)
