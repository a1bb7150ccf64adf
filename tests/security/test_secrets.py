"""Tokens and passwords of the environment: in nothing that a build writes, nor in what it prints."""

import json
import sys
from pathlib import Path

import pytest

from attacks import cases, run
from builds import CANARY, SECRETS

pytestmark = pytest.mark.attack("security")

ROOT = Path(__file__).parents[2]


def holders(folder: Path, secret: bytes) -> list[str]:
    """The files below ``folder`` that hold ``secret``; links are not followed."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return [str(path.relative_to(folder)) for path in files if secret in path.read_bytes()]


def test_a_whole_build_wrote_none_of_its_environment_s_secrets(pristine, tmp_path, record_property):
    """Marks, logs, checkpoints, settings, the store, results: the build ran with these in its environment."""
    cases(record_property, len(SECRETS))
    assert len(list(pristine.folder.glob("runs/demo/default/.make/*.log"))) >= 6
    assert not holders(pristine.folder, CANARY.encode())
    (tmp_path / "x").write_text(f"TOKEN={CANARY}")
    assert holders(tmp_path, CANARY.encode()) == ["x"]


SAYS = {
    "what would run": ["make", "plan", "RANDOM_SEED=7"],
    "what a file is made from": ["make", "why"],
    "the run's scores": ["make", "results", "V=1"],
    "its help": ["make", "help"],
}


@pytest.mark.parametrize("words", SAYS.values(), ids=SAYS)
def test_what_make_says_holds_none(pristine, words):
    knobs = [f"{name}={value}" for name, value in pristine.knobs.items()]
    done = run([*words, *knobs], pristine.folder, SECRETS)
    assert done.returncode == 0, done.stderr
    assert CANARY not in done.stdout + done.stderr


def test_the_doctor_names_proxies_and_tokens_without_their_passwords(project):
    done = run(["make", "doctor", "PROFILE=10k", "DOCTOR_FLAGS=--json --no-build"], project.folder, SECRETS)
    assert "HTTPS_PROXY" in done.stdout.upper() and json.loads(done.stdout)
    assert CANARY not in done.stdout + done.stderr


def test_a_failed_download_shows_no_password(tmp_path):
    """Of the proxy, of the address, of its query, of the mirror."""
    secret = f"me:{CANARY}@"
    address = f"http://{secret}127.0.0.1:9/a.tar.gz?sig={CANARY}"
    words = ["bash", str(ROOT / "scripts/download.sh"), "--output", "m/a", "--retries", "0", "--pause", "0"]
    words += [
        "--base",
        f"http://{secret}127.0.0.1:9",
        "--mirror",
        f"http://{secret}127.0.0.1:10/{CANARY[:3]}",
    ]
    environment = {"PYTHON": sys.executable, "HTTP_PROXY": f"http://{secret}127.0.0.1:11"}
    for given in ({}, environment):
        done = run([*words, address], tmp_path, {"PYTHON": sys.executable, "NO_PROXY": "", **given})
        assert done.returncode == 1 and "127.0.0.1" in done.stderr, done.stderr
        assert CANARY not in done.stdout + done.stderr
    assert not holders(tmp_path, CANARY.encode())
