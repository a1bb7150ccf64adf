"""The harness of `make bench`, over small benchmarks that are real processes."""

import json
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

import report

import bench
from errors import BadInput

README = "# B\n<!-- bench -->\nearlier\n<!-- /bench -->\nkept\n<!-- growth -->\n<!-- /growth -->\n"
SCRIPT = """import json, sys
from pathlib import Path
quick = "--quick" in sys.argv
Path(sys.argv[sys.argv.index("--json") + 1]).write_text(json.dumps({rows!r}))
"""


def row(name: str, value: object = 2.0, **more: object) -> dict:
    limits = {"target": None, "goal": None, "higher_is_better": False}
    return {"name": name, "value": value, "unit": "s"} | limits | {"detail": {}} | more


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A function that adds a benchmark, which gives ``rows`` and owes ``owes``; it returns their folder."""
    made = {}
    monkeypatch.setattr(bench, "FOLDER", tmp_path)
    monkeypatch.setattr(bench, "BENCHMARKS", made)
    monkeypatch.setattr(bench, "COUNTED", ("counted",))
    (tmp_path / "README.md").write_text(README)

    def add(name: str, *rows: dict, owes: tuple[str, ...] = (), code: str = SCRIPT) -> Path:
        (tmp_path / f"{name}.py").write_text(code.format(rows=list(rows)))
        made[name] = owes
        return tmp_path

    return add


def start(monkeypatch, out: Path, *words: str) -> list[dict]:
    """Run the harness; the rows that it wrote."""
    monkeypatch.setattr(sys, "argv", ["bench.py", "--output", str(out / "bench.json"), *words])
    bench.main()
    return json.loads((out / "bench.json").read_text())


def test_every_row_gets_its_verdict_place_and_time(folder, monkeypatch, capsys):
    folder("b", row("low", target=2, goal=1), row("high", 3, target=3, goal=3, higher_is_better=True))
    out = folder("a", row("told", detail={"all": [1, 2]}))
    rows = start(monkeypatch, out)
    assert [(r["name"], r["holds"], r["goal_holds"], r["benchmark"]) for r in rows] == [
        ("low", True, False, "b"),
        ("high", True, True, "b"),
        ("told", None, None, "a"),
    ]
    assert all(r["machine"] and r["date"] and "commit" in r for r in rows)
    assert rows[2]["detail"] == {"all": [1, 2]}
    printed = capsys.readouterr().out
    assert "b starts" in printed and "yes, not the goal" in printed and "≥ 3" in printed
    readme = (out / "README.md").read_text()
    assert "| low | 2 s | ≤ 2 | ≤ 1 | yes, not the goal |" in readme
    assert "earlier" not in readme and "kept" in readme


@pytest.mark.parametrize(
    ("missed", "words"),
    [
        (row("slow", 2.5, target=2), "slow is 2.5 s, the target is ≤ 2"),
        (row("small", 2.5, target=3, higher_is_better=True), "small is 2.5 s, the target is ≥ 3"),
    ],
)
def test_a_missed_target_fails_after_all_is_written(folder, monkeypatch, missed, words):
    folder("a", missed)
    out = folder("b", row("other"))
    with pytest.raises(BadInput, match=words):
        start(monkeypatch, out)
    assert [r["holds"] for r in json.loads((out / "bench.json").read_text())] == [False, None]
    assert missed["name"] in (out / "README.md").read_text()


@pytest.mark.parametrize(
    ("code", "rows", "words"),
    [
        ("import sys; sys.exit(3)", [], "broken.py failed with status 3"),
        ("", [], "broken.py ended well, but wrote no rows"),
        (SCRIPT, [], "broken.py gave no row owed"),
        (SCRIPT, [row("owed"), row("owed")], "gave owed twice"),
        (SCRIPT, [row("owed", "fast")], "owed: value 'fast' is no finite number"),
        (SCRIPT, [row("owed", True)], "owed: value True is no finite number"),
        (SCRIPT, [row("owed", target="3")], "owed: target '3'"),
        (SCRIPT, [{"name": "owed"}], "a row must have detail, goal"),
        (SCRIPT, [row("owed"), row("good")], "another benchmark gives good already"),
        ("nan = float('nan')\n" + SCRIPT, [row("owed", float("nan"))], "owed: value nan is no finite number"),
    ],
)
def test_a_failing_benchmark_is_named_after_the_others_ran(folder, monkeypatch, code, rows, words):
    folder("first", row("good"))
    folder("broken", *rows, owes=("owed",), code=code)
    out = folder("last", row("fine"))
    with pytest.raises(BadInput, match=words):
        start(monkeypatch, out)
    assert [r["name"] for r in json.loads((out / "bench.json").read_text())] == ["good", "fine"]


def test_benchmarks_by_name_replace_only_their_rows(folder, monkeypatch):
    folder("a", row("one", 1), row("gone", 1))
    out = folder("b", row("two", 1))
    start(monkeypatch, out)
    folder("a", row("one", 5, target=1))
    folder("b", row("two", 5))
    with pytest.raises(BadInput, match="one is 5 s, the"):
        start(monkeypatch, out, "a")
    rows = json.loads((out / "bench.json").read_text())
    assert [(r["name"], r["value"]) for r in rows] == [("one", 5), ("two", 1)]
    start(monkeypatch, out, "b")  # that `one` misses its target was said when it was measured
    with pytest.raises(BadInput, match="no benchmark c; there are a, b"):
        start(monkeypatch, out, "c")


@pytest.mark.parametrize("text", ["{", "{}", '[{"name": "x"}]'])
def test_rows_of_something_else_are_not_overwritten(folder, monkeypatch, text):
    out = folder("a", row("one"))
    (out / "bench.json").write_text(text)
    with pytest.raises(BadInput, match=r"bench\.json: not"):
        start(monkeypatch, out)
    assert (out / "bench.json").read_text() == text


def test_the_quick_form_counts_and_says_what_has_none(folder, monkeypatch, capsys):
    folder("clock", row("seconds"), code="import sys; sys.exit('must not run')")
    code = SCRIPT + "assert quick\n"
    out = folder("counts", row("counted"), owes=("counted", "seconds"), code=code)
    assert [r["name"] for r in start(monkeypatch, out, "--quick")] == ["counted"]
    assert "left out: clock" in capsys.readouterr().out
    assert (out / "README.md").read_text() == README
    folder("counts", owes=("counted",), code=code)
    with pytest.raises(BadInput, match="gave no row counted"):
        start(monkeypatch, out, "--quick")


def test_growth_becomes_a_table_and_the_same_plot_each_time(tmp_path):
    rows = [row(f"image_ms_{side}px", side / 50, unit="ms") for side in (768, 384)]
    [line] = report.growth(rows).splitlines()[2:]
    assert line == "| one image | ms to load | pixels a side | 384: 7.68 · 768: 15.4 |"
    for name in ("a.svg", "b.svg"):
        report.plot(rows, tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert (tmp_path / "a.svg").stat().st_size < 200_000
    report.plot([row("image_ms_384px")], tmp_path / "b.svg")
    assert (tmp_path / "a.svg").read_bytes() != (tmp_path / "b.svg").read_bytes()


@pytest.mark.parametrize(
    "text", ["no marks", "<!-- bench -->\nno end", "<!-- bench -->\n<!-- /bench -->\n" * 2]
)
def test_a_readme_without_its_marks_is_left_alone(tmp_path, text):
    (tmp_path / "README.md").write_text(text)
    with pytest.raises(BadInput, match="needs the lines <!-- bench --> and <!-- /bench -->"):
        report.write_readme([], tmp_path / "README.md")
    assert (tmp_path / "README.md").read_text() == text


def test_every_row_of_the_design_is_owed():
    owed = {row for rows in bench.BENCHMARKS.values() for row in rows}
    assert set(bench.COUNTED) <= owed and len(owed) == sum(map(len, bench.BENCHMARKS.values()))
    wanted = "demo_minutes noop_seconds mining_gflop sample_flop_ratio train_speedup train_memory_ratio"
    assert {*wanted.split(), "eval_speedup", "caption_speedup", "records_seconds", "records_gb"} <= owed
