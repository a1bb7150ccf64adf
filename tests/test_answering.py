"""Answering with a stand-in for the model: order, batches, images, answer lines, protocol."""

import base64
import hashlib
import io
import json
import sys

import pytest
from PIL import Image

import answer_mmbench
import answer_textvqa
import answering
from answering import Answerer
from errors import BadInput
from mmbench_table import MMBENCH_COLUMNS
from questions import DIRECT_ANSWER


def length_and_colour(texts, pictures):
    return [f"{len(text)} {picture}" for text, picture in zip(texts, pictures, strict=True)]


# A model's place: each answer depends on its own text and image alone.
COLOUR_AND_LENGTH = Answerer(lambda file: file.picture().getpixel((0, 0)), length_and_colour)


@pytest.fixture
def folder(tmp_path):
    """Seven TextVQA questions of different lengths, and the same images in an MMBench table."""
    (tmp_path / "images").mkdir()
    (tmp_path / "finetune").mkdir()
    (tmp_path / "finetune/config.json").write_text('{"image_aspect_ratio": "pad"}')
    lines, rows = [], []
    for i in range(7):
        path = tmp_path / "images" / f"{i}.png"
        Image.new("RGB", (8, 6), (10 * i, 0, 0)).save(path)
        text = f"{'long ' * (i * 3 % 7)}word?\nReference OCR token: A\nAnswer."
        lines.append(json.dumps({"question_id": f"q{i % 5}", "image": path.name, "text": text}))
        row = {"index": i, "question": f"{'long ' * (i * 3 % 7)}?", "A": "yes", "B": "no", "answer": "A"}
        rows.append(row | {"image": base64.b64encode(path.read_bytes()).decode()})
    (tmp_path / "q.jsonl").write_text("\n".join(lines) + "\n")
    table = [[str(row.get(column, "")) for column in MMBENCH_COLUMNS] for row in rows]
    (tmp_path / "q.tsv").write_text("\n".join("\t".join(row) for row in [MMBENCH_COLUMNS, *table]) + "\n")
    return tmp_path


def answer(monkeypatch, folder, script, *flags, name="out.jsonl", load_answerer=lambda *_: COLOUR_AND_LENGTH):
    """Run a script's main with the stand-in; returns the answer lines."""
    monkeypatch.setattr(answering, "load_answerer", load_answerer)
    suffix = [".jsonl", "--image_folder", str(folder / "images")] if script is answer_textvqa else [".tsv"]
    fixed = [
        "--model_path",
        str(folder / "finetune"),
        "--device",
        "cpu",
        "--question_file",
        str(folder / "q") + suffix[0],
    ]
    argv = ["answer.py", *fixed, *suffix[1:], "--answers_file", str(folder / name), *flags]
    monkeypatch.setattr(sys, "argv", argv)
    script.main()
    return [json.loads(line) for line in (folder / name).read_text().splitlines()]


ECHO = Answerer(lambda image: image, lambda texts, pictures: texts)
SCRIPTS = pytest.mark.parametrize("script", [answer_textvqa, answer_mmbench])


@SCRIPTS
@pytest.mark.parametrize("batch_size", ["1", "2", "3", "7", "100"])
def test_answers_do_not_depend_on_the_batch_size(monkeypatch, folder, script, batch_size):
    one = answer(monkeypatch, folder, script, "--batch_size", "1")
    assert answer(monkeypatch, folder, script, "--batch_size", batch_size) == one
    assert len({line["text"] for line in one}) == 7


@SCRIPTS
@pytest.mark.parametrize("num_chunks", [2, 4, 9])
def test_the_shards_together_are_the_whole(monkeypatch, folder, script, num_chunks):
    whole = answer(monkeypatch, folder, script)
    chunks = [("--num_chunks", str(num_chunks), "--chunk_idx", str(i)) for i in range(num_chunks)]
    assert [line for flags in chunks for line in answer(monkeypatch, folder, script, *flags)] == whole


def test_a_textvqa_line_has_the_official_fields(monkeypatch, folder):
    line = answer(monkeypatch, folder, answer_textvqa)[5]
    assert list(line) == ["question_id", "prompt", "text", "answer_id", "model_id", "metadata"]
    assert (line["question_id"], line["model_id"], line["metadata"]) == ("q0", "finetune", {})
    assert line["text"] == f"{len(line['prompt'])} (50, 0, 0)"


def test_an_mmbench_line_has_the_official_fields_and_the_model_sees_the_instruction(monkeypatch, folder):
    line = answer(monkeypatch, folder, answer_mmbench)[2]
    fields = "question_id round_id prompt text options option_char answer_id model_id metadata"
    assert list(line) == fields.split()
    assert (line["options"], line["option_char"]) == (["yes", "no"], ["A", "B"])
    assert line["text"] == f"{len(line['prompt'] + DIRECT_ANSWER) + 1} (20, 0, 0)"


@SCRIPTS
def test_a_blank_image_is_clips_mean_colour_whatever_the_question(monkeypatch, folder, script):
    texts = [line["text"] for line in answer(monkeypatch, folder, script, "--blank_image")]
    assert all(text.endswith(" (122, 116, 104)") for text in texts)


def test_an_image_is_prepared_once_and_the_next_batch_alone_before_its_turn():
    prepared, order = [], []

    def load(i):
        order.append(i)
        return i

    def prepare(image):
        prepared.append(image)
        return f"image of {image}"

    def answer(texts, pictures):
        assert len(order) <= answered[0] + 4, "more than two batches' images were loaded"
        answered[0] += len(set(pictures))
        return [f"{text}: {picture}" for text, picture in zip(texts, pictures, strict=True)]

    answered = [0]
    names = [f"p{i // 3}" for i in range(30)]
    texts = [f"q{i:02}" for i in range(30)]
    answers = answering.answer_all(texts, names, load, Answerer(prepare, answer), 6)
    assert answers == [f"q{i:02}: image of {i - i % 3}" for i in range(30)]
    assert sorted(prepared) == list(range(0, 30, 3))


def test_an_image_that_cannot_be_loaded_ends_it_all_with_its_error():
    def load(i):
        if i == 7:
            raise BadInput("image 7")
        return i

    with pytest.raises(BadInput, match="image 7"):
        answering.answer_all(["?"] * 9, list("abcdefghi"), load, ECHO, 2)


def test_progress_is_about_ten_lines_on_standard_error(capsys):
    names = [str(i) for i in range(1000)]
    answering.answer_all(["?"] * 1000, names, lambda i: None, ECHO, 3)
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 10)
    assert err.splitlines()[-1].endswith(": 1000 of 1000 questions")


@SCRIPTS
def test_questions_of_one_image_get_it_once(monkeypatch, folder, script):
    if script is answer_textvqa:
        lines = (folder / "q.jsonl").read_text().replace("4.png", "2.png")
        (folder / "q.jsonl").write_text(lines)
    else:  # a reference to another row's index stands for its image
        rows = [row.split("\t") for row in (folder / "q.tsv").read_text().splitlines()]
        rows[5][MMBENCH_COLUMNS.index("image")] = "2"
        (folder / "q.tsv").write_text("\n".join(map("\t".join, rows)) + "\n")
    seen = []

    def prepare(file):
        seen.append(file.picture().getpixel((0, 0)))
        return seen[-1]

    texts = answer(monkeypatch, folder, script, load_answerer=lambda *_: Answerer(prepare, length_and_colour))
    assert sorted(seen) == [(10 * i, 0, 0) for i in (0, 1, 2, 3, 5, 6)]
    assert texts[4]["text"].endswith(" (20, 0, 0)")


def test_a_missing_image_is_named_with_its_question_before_the_model_is_loaded(monkeypatch, folder):
    (folder / "images" / "6.png").unlink()
    with pytest.raises(BadInput, match=r"6\.png: image of question q1 is missing"):
        answer(monkeypatch, folder, answer_textvqa, load_answerer=lambda *_: pytest.fail("loaded"))


@pytest.mark.parametrize("content", [b"", b"<html>", "truncated"])
def test_an_unreadable_image_is_named_with_its_question(monkeypatch, folder, content):
    path = folder / "images" / "3.png"
    path.write_bytes(path.read_bytes()[:50] if content == "truncated" else content)
    with pytest.raises(BadInput, match=r"3\.png: image of question q3 (cannot be read|is empty)"):
        answer(monkeypatch, folder, answer_textvqa)
    assert not (folder / "out.jsonl").exists()


@pytest.mark.parametrize("cell", ["", "%%%", base64.b64encode(b"no image").decode()])
def test_an_undecodable_mmbench_image_is_named_with_its_index(monkeypatch, folder, cell):
    rows = (folder / "q.tsv").read_text().splitlines()
    fields = rows[4].split("\t")
    fields[MMBENCH_COLUMNS.index("image")] = cell
    (folder / "q.tsv").write_text("\n".join([*rows[:4], "\t".join(fields), *rows[5:]]) + "\n")
    with pytest.raises(BadInput, match=r"q\.tsv: image of question 3 (cannot be read|is empty)"):
        answer(monkeypatch, folder, answer_mmbench)


def test_the_protocol_says_what_a_comparable_run_must_share(monkeypatch, folder):
    answer(monkeypatch, folder, answer_textvqa, "--batch_size", "5")
    protocol = json.loads((folder / "protocol.json").read_text())
    assert protocol["question_file_sha256"] == hashlib.sha256((folder / "q.jsonl").read_bytes()).hexdigest()
    expected = {
        "test": "textvqa",
        "decoding": "greedy",
        "dtype": "float32",
        "batch_size": 5,
        "max_new_tokens": 128,
    }
    assert protocol.items() >= expected.items()
    assert (protocol["prompts_with_ocr_tokens"], protocol["image"]) == (7, "pad")


def test_textvqa_without_ocr_tokens_is_named_as_another_test(monkeypatch, folder):
    text = (folder / "q.jsonl").read_text().replace("Reference OCR token: A\\n", "")
    (folder / "q.jsonl").write_text(text)
    answer(monkeypatch, folder, answer_textvqa)
    assert json.loads((folder / "protocol.json").read_text())["test"] == "textvqa_pure"


@pytest.mark.parametrize("flag", ["--batch_size", "--max_new_tokens", "--num_chunks"])
def test_a_number_below_one_is_refused(monkeypatch, folder, flag):
    with pytest.raises(BadInput):
        answer(monkeypatch, folder, answer_textvqa, flag, "0")


def test_the_image_decodes_to_rgb_from_any_mode(folder):
    buffer = io.BytesIO()
    Image.new("LA", (4, 3), (200, 128)).save(buffer, "PNG")
    cell = base64.b64encode(buffer.getvalue()).decode()
    question = answer_mmbench.Question(1, "?", cell)
    assert answer_mmbench.image_file(folder, question).picture().mode == "RGB"


@pytest.mark.parametrize(
    ("flag", "value"), [("--batch_size", "0"), ("--max_new_tokens", "-1"), ("--feature_cache_gb", "nan")]
)
def test_numbers_that_make_no_sense_are_refused(monkeypatch, folder, flag, value):
    with pytest.raises(BadInput, match=rf"{flag} {value}: must be at least"):
        answer(monkeypatch, folder, answer_textvqa, flag, value)
