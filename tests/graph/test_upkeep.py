"""What a person asks of a built tree: why, how large, is it whole, away with it."""

import pytest

pytestmark = pytest.mark.slow


def test_the_plan_names_each_stage_with_what_changed_and_runs_nothing(build):
    lines = build.planned(FINETUNE_LEARNING_RATE="5e-4")
    run = "runs/demo/default"
    assert lines == [
        f"run {run}/finetune/config.json: FINETUNE_LEARNING_RATE 1e-3 → 5e-4",
        f"run {run}/eval/textvqa/: {run}/finetune/config.json, if different",
        f"run {run}/eval/mmbench/: {run}/finetune/config.json, if different",
        f"run {run}/results.json: {run}/finetune/config.json, {run}/eval/textvqa/, {run}/eval/mmbench/, "
        "if different",
    ]
    assert build.planned() == ["up to date"]
    both = build.planned(EXP="seed recaption", RECIPE="$(EXP)")
    assert {line.split()[1] for line in both if "synth.jsonl:" in line} == {
        "runs/demo/seed/synth.jsonl:",
        "runs/demo/recaption/synth.jsonl:",
    }


def test_why_gives_the_chain_or_what_a_target_was_made_from(build):
    told = build.make("why", TARGET="results.json", PRETRAIN_LEARNING_RATE="2e-3").stdout.splitlines()
    assert told == [
        "runs/demo/default/results.json would be made again",
        "  from runs/demo/default/pretrain/mm_projector.bin",
        "  because of PRETRAIN_LEARNING_RATE 1e-3 → 2e-3",
    ]
    told = build.make("why", TARGET="runs/demo/default/pretrain/mm_projector.bin").stdout
    assert "is up to date; it was made on" in told and "  knob PRETRAIN_LEARNING_RATE=1e-3" in told
    assert "  package torch " in told and "  what convert made: " in told
    lost = build.make("why", TARGET="nothing.txt", check=False)
    assert lost.returncode != 0 and "TARGET=nothing.txt: made by no stage here" in lost.stderr


def test_a_dry_run_prints_what_would_run_and_only_that(build):
    assert build.make("-n", "results").stdout == "make: Nothing to be done for 'results'.\n"
    printed = build.make("-n", "results", MMBENCH_PARSE="exact").stdout
    assert printed.count("make_stage.py") == 2 and "scripts/eval/mmbench.sh" in printed
    before = sorted(path.stat().st_mtime_ns for path in build.folder.rglob("*"))
    build.make("-n", "results", MMBENCH_PARSE="exact")
    assert sorted(path.stat().st_mtime_ns for path in build.folder.rglob("*")) == before


def test_disk_use_is_shown_by_experiment_with_what_a_clean_target_frees(build):
    told = build.make("du").stdout
    assert "default" in told and "make clean-run EXP=… the column whole" in told
    assert "make distclean frees" in told


def test_a_changed_file_is_named_by_verify_data_and_its_stage_made_again(build):
    whole = build.make("verify-data").stdout
    assert "data/demo world: " in whole and "differ" not in whole
    image = next((build.folder / "data/demo/seed/images").rglob("*.jpg"))
    image.write_bytes(image.read_bytes()[:-1] + b"?")
    done = build.make("verify-data", check=False)
    assert done.returncode != 0 and f"  {image.relative_to(build.folder)}: sha256" in done.stdout
    assert build.stages("results") == {"world"}
    build.make("verify-data")


def test_clean_targets_list_what_they_remove_and_a_dry_run_removes_nothing(build):
    listed = build.make("-n", "clean-run").stdout
    assert "would remove runs/demo/default/: " in listed and build.run().exists()
    build.make("-n", "distclean")
    assert (build.folder / "data").exists()
    assert "remove runs/demo/default/: " in build.make("clean-run").stdout
    assert not build.run().exists() and (build.folder / "models").exists()
    assert "nothing to remove" in build.make("clean-run").stdout


def test_nothing_outside_the_project_is_removed(build, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("mine")
    build.run().rename(outside / "default")
    (build.folder / "runs/demo/default").symlink_to(outside / "default")
    build.make("clean-run")
    assert (outside / "default/results.json").exists(), "of a link, only the link goes"
    (build.folder / "runs/demo").rename(build.folder / "runs/old")
    (build.folder / "runs/demo").symlink_to(outside)
    done = build.make("clean-run", check=False)
    assert done.returncode != 0 and "outside the project" in done.stderr
    assert (outside / "default/results.json").exists()


def test_distclean_removes_all_that_was_built(build):
    build.make("distclean")
    assert not any((build.folder / name).exists() for name in ("data", "models", "runs", ".venv"))
    assert (build.folder / "Makefile").exists()
