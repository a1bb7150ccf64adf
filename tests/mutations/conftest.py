"""How often each parser is attacked: 500 times in all, and 10,000 under ``pytest --torture``.

``--hypothesis-seed=N`` gives other cases than those of every day.
"""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from attacks import cases
from mutations.harness import Attack, Case, tried

TIMES = 20  # as many under --torture
TRIES = {
    "test_knobs": 2,
    "test_a_comparison": 5,
    "test_a_leaderboard_made": 5,
    "test_a_recipe_checked": 5,
    "test_an_adapter_of_old": 5,
    "test_the_page_of_a_synthesis": 5,
    "test_a_configuration": 12,
    "test_a_conversion": 12,
    "test_a_gzipped_tar": 12,
    "test_a_json_file": 12,
    "test_a_leaderboard_s_page": 5,
    "test_a_leaderboard_shown": 12,
    "test_a_ledger": 12,
    "test_a_list_of_checksums": 12,
    "test_a_list_read_in_pieces": 12,
    "test_a_plain_tar": 12,
    "test_a_recipe_filled": 12,
    "test_a_seed_of_samples": 12,
    "test_a_store": 12,
    "test_a_table_of_questions": 12,
    "test_a_tar_changed_before_it_was_zipped": 12,
    "test_a_tokenizer": 12,
    "test_a_zip[deflated]": 12,
    "test_a_zip[stored]": 12,
    "test_an_adapter": 12,
    "test_an_index": 12,
    "test_an_owner": 12,
    "test_collecting_and_showing_results": 12,
    "test_descriptions": 12,
    "test_joining_shards": 12,
    "test_lines_of_json": 12,
    "test_manifests": 12,
    "test_marks": 12,
    "test_marks_of_an_experiment": 12,
    "test_questions_in_lines": 12,
    "test_results_shown": 12,
    "test_safetensors": 12,
    "test_scoring_mmbench": 12,
    "test_scoring_textvqa": 12,
    "test_the_list_of_a_stage_s_files": 12,
    "test_the_log_of_a_training": 12,
    "test_the_questions_of_stage_1": 12,
    "test_the_upload": 12,
    "test_a_seed_of_lines": 36,
}
assert sum(TRIES.values()) == 500


@pytest.fixture
def tries(request, record_property) -> int:
    """How many cases this test has to try."""
    number = TRIES[request.node.name] * (TIMES if request.config.option.torture else 1)
    cases(record_property, number)
    return number


@pytest.fixture
def attack(request, tries, tmp_path, monkeypatch) -> Callable[..., None]:
    """A function that attacks ``act`` with changes of ``files`` (of ``targets`` among them)."""
    folder = tmp_path / "a" / "b" / "c"
    folder.mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr(os, "fsync", lambda _: None)  # no power cut here, and thousands of files
    number = int(getattr(request.config.option, "hypothesis_seed", None) or 0)

    def strike(
        files: dict[str, bytes],
        act: Callable[[Path], Any],
        check: Callable[[Case, Any, Any], None] | None = None,
        targets: list[str] | None = None,
        layout: bool = True,
    ) -> None:
        made = Attack(folder, files, act, check, targets or list(files), layout)
        tried(made, request.node.name, tries, number)

    return strike
