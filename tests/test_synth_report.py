"""The page by which a person judges a recipe: complete, self-contained, the same each time, safe to open."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import synth_report
from errors import BadInput
from json_files import write_json, write_jsonl
from pages import Tags, require_inert, section
from recipe_report import cards, figures, plots, sources, survey, texts, thumbnails
from records import caption_of

ROOT = Path(__file__).resolve().parents[1]
SECTIONS = ["recipe", "funnel", "thresholds", "statistics", "random", "best", "worst", "recaptioned"]
SECTIONS += ["rejected", "checks", "repeated", "near-duplicates", "words", "watermarks", "bad"]
EVIL = "<script>alert('x')</script> & a \"red\" cube"
RECIPE = "# Of a kind, <b>bold</b>.\n#   1. First\n#      and on.\n# The end.\nproject_name: x\nprocess: []\n"


def ledger_line(record: dict, number: int) -> dict:
    """A ledger's line of each kind in turn."""
    line = {"id": record["id"], "outcome": "kept", "op": None, "stats": {"seed_similarity": number / 20}}
    line |= {"selected": True, "repeated": 1, "seed_caption": caption_of(record["text"])}
    line["stats"] |= {"seed_similarity_rank": number / 24, "seed_similarity_truncated": number == 3}
    notes = {"caption_check": "ok"}
    if number < 6:
        return line | {"outcome": "dropped", "op": "threshold_selector", "selected": False, "repeated": 0}
    line["stats"] |= {"image_text_similarity": 0.2 + number / 30, "cluster": number % 3}
    if number < 16:
        line |= {"outcome": "recaptioned", "caption": f"a cube of number {number}"}
    elif number < 18:
        notes = {"caption_check": "repeats"}
    elif number == 18:
        notes |= {"near_duplicate_of": "000000007"}
        line |= {"outcome": "dropped", "op": "near_duplicate", "selected": False, "repeated": 0}
        line["stats"]["near_duplicate_similarity"] = 0.98
    elif number == 19:
        notes |= {"watermark": "alamy"}
        notes["ocr"] = [{"text": "<i>STOP</i>", "confidence": 0.98, "box": [2, 2, 12, 9]}]
    elif number == 20:
        line["repeated"] = 3
    elif number == 21:
        line |= {"outcome": "dropped", "op": "a_mapper", "selected": False, "repeated": 0}
        notes = {"error": "it broke"}
    return line | {"notes": notes}


def summary_of(lines: list[dict]) -> dict:
    """The summary that belongs to ``lines``."""
    by = [line["op"] for line in lines if line["op"]]
    kept = sum(line["outcome"] == "kept" for line in lines)
    chosen = {"op": "threshold_selector", "statistic": "seed_similarity", "given": {"top_ratio": 0.75}}
    return {
        "seed": len(lines),
        "kept": kept,
        "recaptioned": len(lines) - kept - len(by),
        "dropped": {name: by.count(name) for name in by},
        "selected": sum(line["repeated"] for line in lines),
        "unique": sum(line["selected"] for line in lines),
        "synthesised": sum("caption" in line for line in lines),
        "notes": {"caption_check": {"ok": 9}, "ocr_grounded": {"words added": 2}},
        "steps": [{"op": "threshold_selector", "in": 24, "out": 18, "changed": 0}],
        "thresholds": [{**chosen, "within": "", "chosen": 0.3, "kept": 18, "of": 24}],
    }


@pytest.fixture
def run(make_seed, tmp_path):
    """A run's files by their option's name."""
    seed = make_seed(24)
    rows = [json.loads(line) for line in seed.read_text(encoding="utf-8").splitlines()]
    lines = [ledger_line(row, number) for number, row in enumerate(rows)]
    lines[8]["seed_caption"] = lines[9]["caption"] = EVIL
    write_jsonl(tmp_path / "ledger.jsonl", lines)
    write_json(tmp_path / "synth.summary.json", summary_of(lines))
    (tmp_path / "mine.yaml").write_text(RECIPE)
    names = {"ledger": "ledger.jsonl", "summary": "synth.summary.json", "recipe": "mine.yaml"}
    return {"seed": seed, "output": tmp_path / "page.html"} | {o: tmp_path / n for o, n in names.items()}


def command_of(run: dict, options: tuple) -> list[str]:
    given = [text for name, path in run.items() for text in (f"--{name}", str(path))]
    return [str(ROOT / "py" / "synth_report.py"), *given, *options]


def page_of(run: dict, *options: str) -> str:
    """The page, made in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", command_of(run, options))
        synth_report.main()
    return run["output"].read_text(encoding="utf-8")


def start(run: dict, *options: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, *command_of(run, options)], capture_output=True, text=True)


def test_the_same_input_gives_the_same_bytes_and_another_random_seed_another_sample(run):
    first = page_of(run, "--samples", "4")
    for _ in range(2):  # in other processes, whose sets have other orders
        assert start(run, "--samples", "4").returncode == 0
        assert run["output"].read_text(encoding="utf-8") == first
    other = page_of(run, "--samples", "4", "--random_seed", "7")
    assert section(other, "random") != section(first, "random")
    assert section(other, "best") == section(first, "best")


def test_every_section_is_there_reached_by_an_anchor_and_has_something_to_show(run):
    page = page_of(run)
    assert re.findall(r'<h2 id="([\w-]+)">', page) == SECTIONS
    assert re.findall(r'<a href="#([\w-]+)">', page) == SECTIONS
    assert [name for name in SECTIONS if 'class="none"' in section(page, name)] == []


def test_the_page_is_well_formed_and_says_its_language_title_width_and_what_pictures_show(run):
    page = page_of(run, "--title", "A & B")
    found = Tags(page)
    assert found.open == []
    tags = dict(found.tags)
    assert page.startswith("<!DOCTYPE html>") and tags["html"]["lang"] == "en"
    assert "<title>A &amp; B</title>" in page and 'name="viewport"' in page
    assert all(at["alt"] for tag, at in found.tags if tag == "img")
    assert all(at["aria-label"] for tag, at in found.tags if tag == "svg")


def test_the_page_loads_nothing_and_runs_nothing(run):
    require_inert(page_of(run))


def test_markup_in_captions_recipe_and_words_stays_text(run):
    page = page_of(run)
    assert "<script" not in page and "&lt;script&gt;" in page
    assert "Of a kind, &lt;b&gt;bold&lt;/b&gt;." in page
    assert "&lt;i&gt;STOP&lt;/i&gt; (0.98)" in section(page, "words")


def test_best_and_worst_go_by_the_last_similarity_and_are_selected_records(run):
    page = page_of(run, "--samples", "1")
    assert "<b>000000023</b>" in section(page, "best")
    assert "<b>000000006</b>" in section(page, "worst")
    assert "by image_text_similarity" in section(page, "best")


def test_records_are_shown_where_they_belong(run):
    page = page_of(run)
    assert "repeats 2" in section(page, "checks") and "ok 1" in section(page, "checks")
    assert "ocr_grounded: words added 2." in section(page, "checks")
    assert "× 3" in section(page, "repeated")
    twins = section(page, "near-duplicates")
    assert "<b>000000018</b>" in twins and "<b>000000007</b>" in twins
    assert "alamy 1" in section(page, "watermarks")
    assert "it broke" in section(page, "bad")
    assert "threshold_selector <small>6 records" in section(page, "rejected")
    assert "a_mapper" not in section(page, "rejected")  # what could not be used is no judgement


def test_a_missing_image_leaves_a_note_in_its_place(run):
    before = page_of(run)
    (run["seed"].parent / "images" / "000000023.png").unlink()
    page = page_of(run)
    assert "000000023.png is missing" in page
    assert page.count("<img") < before.count("<img")


def test_a_page_holds_no_more_pictures_than_its_limit(run, monkeypatch):
    line = {"id": "000000001"}
    gallery = cards.Gallery({"000000001": run["seed"].parent / "images" / "000000001.png"})
    monkeypatch.setattr(cards, "MOST_PICTURES", 2)
    sources = [gallery.picture(line).source for _ in range(3)]
    assert sources[1].startswith("data:image/jpeg") and sources[2] == ""


def test_a_summary_without_steps_leaves_a_line_in_their_place(run):
    summary = json.loads(run["summary"].read_text())
    del summary["steps"], summary["thresholds"]
    write_json(run["summary"], summary)
    page = page_of(run)
    assert 'class="none"' in section(page, "funnel") and 'class="none"' in section(page, "thresholds")
    assert "threshold_selector 6" in section(page, "funnel")
    assert "dropped 8" in section(page, "statistics")  # by whichever operator


def test_a_seed_recipe_gives_a_page_whose_sections_say_that_there_is_nothing(run):
    lines = [json.loads(line) for line in run["ledger"].read_text(encoding="utf-8").splitlines()]
    plain = [
        {"id": line["id"], "outcome": "kept", "op": None, "stats": {}, "selected": True, "repeated": 1}
        for line in lines
    ]
    write_jsonl(run["ledger"], plain)
    write_json(run["summary"], summary_of(plain) | {"steps": [], "thresholds": []})
    page = page_of(run)
    empty = [name for name in SECTIONS if 'class="none"' in section(page, name)]
    assert empty == [name for name in SECTIONS if name not in ("recipe", "random")]


@pytest.mark.parametrize(
    ("option", "text", "told"),
    [
        ("ledger", '{"id": "a"\n', "ledger.jsonl:1: not valid JSON"),
        ("ledger", '{"id": "a"}\n', "ledger.jsonl:1: not a ledger's line"),
        ("ledger", "", "0 lines, but"),
        ("summary", '{"seed": 24}', "not a summary"),
        ("summary", "[", "not valid JSON"),
        ("seed", "", "no record in it"),
        ("ledger", None, "ledger.jsonl: no such file (--ledger); 'make synth' writes it"),
        ("summary", None, "no such file (--summary)"),
        ("recipe", None, "no such file (--recipe)"),
    ],
)
def test_a_broken_or_missing_input_is_one_line_with_the_remedy_and_no_page(run, option, text, told):
    run[option].unlink() if text is None else run[option].write_text(text)
    with pytest.raises(BadInput, match=re.escape(told)) as error:
        page_of(run)
    assert "\n" not in str(error.value) and not run["output"].exists()


def test_an_error_is_told_on_standard_error_with_a_status(run):
    done = start(run, "--samples", "0")
    assert done.returncode == 1
    assert done.stderr == "synth_report.py: --samples 0: give a number from 1 to 60\n"


def test_a_ledger_of_another_build_is_refused(run):
    summary = json.loads(run["summary"].read_text())
    write_json(run["summary"], summary | {"seed": 25})
    with pytest.raises(BadInput, match="24 lines, but"):
        page_of(run)


def test_a_sample_does_not_depend_on_the_other_records():
    lines = [
        {"id": f"{n}", "outcome": "kept", "op": None, "stats": {}, "selected": True, "repeated": 1}
        for n in range(50)
    ]

    def drawn(some: list[dict]) -> list[str]:
        found = survey.Survey(5, 1, {})
        for number, line in enumerate(some):
            found.add(number, line)
        return [line["id"] for line in found.shown("random")]

    sample = drawn(lines)
    assert drawn(lines[::-1]) == sample
    assert drawn([line for line in lines if line["id"] in sample]) == sample


def test_dropped_records_are_told_apart_by_whether_a_statistic_dropped_them():
    found = survey.Survey(1, 1, {"selector": "similarity"})
    line = {"id": "a", "outcome": "dropped", "op": "selector", "selected": False, "repeated": 0}
    for op in ("selector", "other_filter"):
        found.add(1, line | {"op": op, "stats": {"similarity": 0.1, "length": [7], "score": float("nan")}})
    assert {fate: len(v) for fate, v in found.numbers["similarity"].items()} == {
        survey.DROPPED_BY_IT: 1,
        survey.DROPPED_ELSEWHERE: 1,
    }
    assert list(found.numbers["length"][survey.DROPPED]) == [7, 7]
    assert found.not_finite == 2 and "score" not in found.numbers


def test_the_difference_of_two_captions_marks_words_and_escapes_them():
    left, right = texts.word_diff("a <b> cube near it", "a blue cube near")
    assert left == "a <del>&lt;b&gt;</del> cube near <del>it</del>"
    assert right == "a <ins>blue</ins> cube near"
    assert texts.word_diff("", "new words") == ("", "<ins>new words</ins>")


def test_bins_end_at_the_threshold_and_hold_every_value():
    values = np.random.default_rng(3).normal(0.2, 0.05, 500)
    edges = plots.edges_of(values, 0.21)
    assert np.abs(edges - 0.21).min() < 1e-12
    assert np.histogram(values, edges)[0].sum() == 500
    assert list(plots.edges_of(np.array([0.0, 2.0, 1.0]))) == [-0.5, 0.5, 1.5, 2.5]
    assert len(plots.edges_of(np.array([0.3, 0.3]))) > 2
    outlier = np.append(values, [90.0] * 1)
    assert plots.edges_of(np.tile(outlier, 1))[-1] > 1  # one in 500 is no outlier to be hidden
    assert plots.edges_of(np.append(np.tile(values, 10), 90.0))[-1] < 1


def test_frames_are_drawn_where_the_words_are():
    from PIL import Image

    small = thumbnails.draw_boxes(Image.new("RGB", (640, 320)), [[320, 80, 480, 160]])
    assert small.size == (160, 80)
    assert small.getpixel((79, 30)) == thumbnails.BOX and small.getpixel((100, 30)) == (0, 0, 0)


def test_a_threshold_is_what_was_chosen_or_else_what_was_given():
    assert figures.chosen_of({"given": {"top_ratio": 0.5}, "chosen": 0.2}) == 0.2
    assert figures.chosen_of({"given": {"min_similarity": 0.97}}) == 0.97
    assert figures.chosen_of({"given": {"top_ratio": 0.5}, "chosen": None}) is None


def test_a_recipe_s_comment_is_set_in_paragraphs(tmp_path):
    (tmp_path / "x.yaml").write_text(RECIPE)
    head, yaml = sources.read_recipe(tmp_path / "x.yaml")
    assert head == ["Of a kind, <b>bold</b>.", "1. First and on.", "The end."]
    assert yaml == "project_name: x\nprocess: []"
    (tmp_path / "x.yaml").write_bytes(b"# \xff")
    with pytest.raises(BadInput, match="not UTF-8"):
        sources.read_recipe(tmp_path / "x.yaml")
