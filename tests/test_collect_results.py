"""results.json: its schema, the ratio and where it is undefined, and what makes two runs incomparable."""

import json
import sys

import pytest

import collect_results
from errors import BadInput
from intervals import wilson95
from json_files import write_json

SUMMARY = {
    "seed": 3000,
    "kept": 900,
    "recaptioned": 800,
    "dropped": {"similarity_filter": 1300},
    "selected": 3000,
}
SUMMARY |= {"unique": 1700, "synthesised": 1412}
TRAINING = {"samples": 3000, "steps": 375, "loss": 0.5, "seconds": 61.5}


def write_run(folder, textvqa=60.0, mmbench=40.0, **protocol):
    """The small files that a run leaves; ``protocol`` changes both tests' protocols."""
    common = {
        "question_file_sha256": "ab" * 32,
        "decoding": "greedy",
        "max_new_tokens": 128,
        "dtype": "float32",
    }
    common |= {"batch_size": 50, "prompt": "p", "image": "pad"} | protocol
    write_json(folder / "textvqa" / "score.json", {"accuracy": textvqa, "n": 500, "per_question": {}})
    write_json(
        folder / "textvqa" / "protocol.json", {"test": "textvqa", "prompts_with_ocr_tokens": 500} | common
    )
    extra = {"plain_accuracy": 70.0, "unparsable": 3, "parse": "exact"}
    write_json(folder / "mmbench" / "score.json", {"accuracy": mmbench, "n": 200} | extra)
    write_json(folder / "mmbench" / "protocol.json", {"test": "mmbench"} | common)
    write_json(folder / "synth.summary.json", SUMMARY)
    write_json(folder / "train_summary.json", TRAINING)
    return folder


def collect(monkeypatch, folder, *flags):
    """Run main over `write_run`'s files; returns results.json's path."""
    argv = ["collect_results.py", "--profile", "demo", "--experiment", folder.name, "--random_seed", "1024"]
    argv += [
        "--recipe",
        "configs/recipes/recaption.yaml",
        "--synth_summary",
        str(folder / "synth.summary.json"),
    ]
    argv += [f"--{stage}_summary={folder / 'train_summary.json'}" for stage in ("pretrain", "finetune")]
    argv += [f"--{test}={folder / test / 'score.json'}" for test in ("textvqa", "mmbench")]
    monkeypatch.setattr(sys, "argv", [*argv, "--output", str(folder / "results.json"), *flags])
    collect_results.main()
    return folder / "results.json"


def test_results_json_has_the_agreed_schema(monkeypatch, tmp_path):
    folder = write_run(tmp_path / "default")
    (tmp_path / "seed.jsonl").write_text("x")
    result = json.loads(
        collect(monkeypatch, folder, "--input", f"seed={tmp_path / 'seed.jsonl'}").read_text()
    )
    keys = (
        "profile experiment recipe random_seed scores baseline ratio data training protocol inputs versions"
    )
    assert list(result) == keys.split()
    assert (result["profile"], result["experiment"], result["recipe"]) == ("demo", "default", "recaption")
    assert result["random_seed"] == 1024
    assert result["scores"]["textvqa"] == {"accuracy": 60.0, "n": 500, "ci95": wilson95(60.0, 500)}
    assert result["scores"]["mmbench"].items() >= {"accuracy": 40.0, "n": 200, "unparsable": 3}.items()
    assert result["data"] == SUMMARY
    assert result["training"] == {"pretrain": TRAINING, "finetune": TRAINING}
    assert result["protocol"]["mmbench"]["parse"] == "exact"
    assert result["inputs"]["seed"] == "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
    assert {"python", "torch", "transformers"} <= result["versions"].keys()
    assert result["baseline"] is None and result["ratio"] is None


def test_the_ratio_is_score_over_baseline_score_and_its_mean(monkeypatch, tmp_path):
    baseline = collect(monkeypatch, write_run(tmp_path / "baseline", textvqa=20.0, mmbench=32.0))
    result = json.loads(
        collect(monkeypatch, write_run(tmp_path / "x"), "--baseline", str(baseline)).read_text()
    )
    assert result["ratio"] == {"textvqa": 3.0, "mmbench": 1.25, "mean": 2.125}
    assert (result["baseline"]["experiment"], result["baseline"]["scores"]["textvqa"]["accuracy"]) == (
        "baseline",
        20.0,
    )


def test_the_ratio_is_null_and_said_so_where_the_baseline_scores_zero(monkeypatch, tmp_path, capsys):
    baseline = collect(monkeypatch, write_run(tmp_path / "baseline", mmbench=0.0))
    result = json.loads(
        collect(monkeypatch, write_run(tmp_path / "x"), "--baseline", str(baseline)).read_text()
    )
    assert result["ratio"] == {"textvqa": 1.0, "mmbench": None, "mean": None}
    assert "no ratio for mmbench: the baseline's score is 0" in capsys.readouterr().err


@pytest.mark.parametrize(
    "change",
    [{"question_file_sha256": "cd" * 32}, {"max_new_tokens": 8}, {"prompt": "q"}, {"decoding": "beam"}],
)
def test_a_baseline_measured_otherwise_is_refused(monkeypatch, tmp_path, change):
    baseline = collect(monkeypatch, write_run(tmp_path / "baseline", **change))
    with pytest.raises(BadInput, match=f"textvqa is not comparable .{next(iter(change))}"):
        collect(monkeypatch, write_run(tmp_path / "x"), "--baseline", str(baseline))
    assert not (tmp_path / "x" / "results.json").exists()


def test_a_baseline_finetuned_on_another_set_is_refused(monkeypatch, tmp_path):
    inputs = []
    for name in ("one", "other"):
        (tmp_path / name).write_text(name)
        inputs.append(f"finetune_data={tmp_path / name}")
    baseline = collect(monkeypatch, write_run(tmp_path / "baseline"), "--input", inputs[0])
    with pytest.raises(BadInput, match="finetuning set"):
        collect(monkeypatch, write_run(tmp_path / "x"), "--baseline", str(baseline), "--input", inputs[1])
    collect(monkeypatch, write_run(tmp_path / "y"), "--baseline", str(baseline), "--input", inputs[0])


def test_a_baseline_with_another_batch_size_or_image_is_comparable(monkeypatch, tmp_path):
    baseline = collect(monkeypatch, write_run(tmp_path / "baseline", batch_size=1, image="blank"))
    collect(monkeypatch, write_run(tmp_path / "x"), "--baseline", str(baseline))


@pytest.mark.parametrize(
    ("file", "message"), [("textvqa/protocol.json", "missing"), ("mmbench/score.json", "No such file")]
)
def test_a_missing_part_is_named(monkeypatch, tmp_path, file, message):
    folder = write_run(tmp_path / "x")
    (folder / file).unlink()
    with pytest.raises((BadInput, OSError), match=message):
        collect(monkeypatch, folder)


def test_a_summary_without_its_counts_is_refused(monkeypatch, tmp_path):
    folder = write_run(tmp_path / "x")
    write_json(folder / "synth.summary.json", {"seed": 3})
    with pytest.raises(BadInput, match="lacks selected, unique, synthesised"):
        collect(monkeypatch, folder)


@pytest.mark.parametrize("flags", [["--input", "seed"], ["--input", "=x"], ["--input", "a=/none/such"]])
def test_an_input_that_cannot_be_hashed_is_refused(monkeypatch, tmp_path, flags):
    with pytest.raises(BadInput):
        collect(monkeypatch, write_run(tmp_path / "x"), *flags)
