"""Models of the hub, through huggingface_hub, from a local server that answers as the hub does."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from fetch.hub import wanted
from web import File, Site, serving

ROOT = Path(__file__).resolve().parents[2]
COMMIT = "a" * 40
FILES = {
    "config.json": b'{"model_type": "clip"}',
    "model.safetensors": b"safe" * 9_000,
    "pytorch_model.bin": b"pickled" * 9_000,
    "tf_model.h5": b"tensorflow",
    "onnx/model.onnx": b"onnx",
    "sub/tokenizer.model": b"pieces" * 100,
}


def listed(name: str, content: bytes) -> dict:
    """How the hub lists a file: a large one by the sha256 of its Git-LFS object, others by git's own."""
    git = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    about = {"rfilename": name, "size": len(content), "blobId": git}
    if not name.endswith(".json"):
        sha = hashlib.sha256(content).hexdigest()
        about["lfs"] = {"size": len(content), "sha256": sha, "pointerSize": 134}
    return about


def hub_files(files: dict[str, bytes] = FILES, model: str = "own/model", **changed: bytes) -> dict[str, File]:
    """The hub's addresses of a model; ``changed``: files whose content is not what the API says."""
    about = {"id": model, "sha": COMMIT, "siblings": [listed(*item) for item in files.items()]}
    api = File(json.dumps(about).encode(), headers={"Content-Type": "application/json"})
    served = {f"/api/models/{model}/revision/{rev}": api for rev in ("main", "v2")}
    for name, content in (files | changed).items():
        served[f"/{model}/resolve/{COMMIT}/{name}"] = File(content)
    return served


def download(site: Site, output: Path, *sources: str, **env: str) -> subprocess.CompletedProcess:
    command = [
        str(ROOT / "scripts/download.sh"),
        "--output",
        str(output),
        "--retries",
        "1",
        "--pause",
        "0",
        *sources,
    ]
    machine = {"PATH": "/usr/bin:/bin", "PYTHON": sys.executable, "HF_HOME": str(output.parent / "hf")}
    environment = machine | {"HF_ENDPOINT": site.url} | env
    return subprocess.run(command, text=True, capture_output=True, env=environment, timeout=60)


def found(output: Path) -> set[str]:
    return {str(path.relative_to(output)) for path in output.rglob("*") if path.is_file()}


def test_a_model_comes_without_the_weights_of_other_frameworks_and_is_recorded(tmp_path):
    with serving() as site:
        site.files |= hub_files()
        done = download(site, tmp_path / "clip", "own/model@v2")
        assert done.returncode == 0, done.stderr
        assert found(tmp_path / "clip") == {"config.json", "model.safetensors", "sub/tokenizer.model"}
        assert (tmp_path / "clip/model.safetensors").read_bytes() == FILES["model.safetensors"]
        paths = [path for _, path, _ in site.asked]
        assert "/api/models/own/model/revision/v2" in paths and not [path for path in paths if "h5" in path]
    assert "without pytorch_model.bin, tf_model.h5, onnx/model.onnx" in done.stdout
    sums = (tmp_path / "clip.sha256").read_text()
    assert f"{hashlib.sha256(FILES['config.json']).hexdigest()}  config.json  own/model@v2\n" in sums
    assert not (tmp_path / "clip.part").exists()


def test_a_cut_file_is_continued_and_the_token_sent_but_never_shown_or_kept(tmp_path):
    with serving() as site:
        site.files |= hub_files()
        site.files[f"/own/model/resolve/{COMMIT}/model.safetensors"].cuts = [10_000]
        done = download(site, tmp_path / "clip", "own/model", HF_TOKEN="hf_secret")
        assert done.returncode == 0 and "bytes=10000-" in site.ranges
        asked = zip(site.asked, site.authorizations, strict=True)
        assert {token for (_, path, _), token in asked if "own/model" in path} == {"Bearer hf_secret"}
    assert "hf_secret" not in done.stdout + done.stderr
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"hf_secret" in path.read_bytes()]


def test_large_files_may_lie_on_another_host_since_the_hub_lists_their_digests(tmp_path):
    with serving(weights=File(FILES["model.safetensors"])) as store, serving() as site:
        site.files |= hub_files()
        away = File(status=302, headers={"Location": f"{store.url}/weights"})
        site.files[f"/own/model/resolve/{COMMIT}/model.safetensors"] = away
        done = download(site, tmp_path / "clip", "own/model", HF_TOKEN="hf_secret")
        assert done.returncode == 0, done.stderr
        assert store.authorizations == [None]


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_file_that_is_not_what_the_hub_lists_is_refused_and_not_kept(tmp_path, name):
    other = FILES[name].replace(b"s", b"z").replace(b"clip", b"clap")
    with serving() as site:
        site.files |= hub_files(**{name: other})
        done = download(site, tmp_path / "clip", "own/model")
    assert done.returncode == 1 and f"{name}: content is" in done.stderr and "own/model lists" in done.stderr
    assert not list((tmp_path / "clip.part").rglob(name)) and not (tmp_path / "clip").exists()


def refused(status: int, **headers: str) -> File:
    return File(
        b"{}", status=status, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )


FAULTS = {
    "gated": (refused(403, X_Error_Code="GatedRepo"), ["gated", "licence", "HF_TOKEN"]),
    "unknown": (refused(401, X_Error_Code="RepoNotFound"), ["no such model or path", "HF_TOKEN"]),
    "no revision": (refused(404, X_Error_Code="RevisionNotFound"), ["there is no revision main"]),
    "down": (refused(503), ["HTTP 503", "HF_ENDPOINT to a mirror"]),
    "a portal": (File(b"<html>log in"), ["no JSON", "HF_ENDPOINT"]),
}


@pytest.mark.parametrize(("answer", "words"), FAULTS.values(), ids=FAULTS)
def test_a_refusal_of_the_hub_is_said_with_the_remedy(tmp_path, answer, words):
    with serving() as site:
        site.files["/api/models/own/model/revision/main"] = answer
        done = download(site, tmp_path / "gemma-2b-it", "own/model")
    assert done.returncode == 1 and all(word in done.stderr for word in [*words, "own/model"]), done.stderr
    assert "Traceback" not in done.stderr and not (tmp_path / "gemma-2b-it").exists()


def test_a_gated_file_of_a_listed_model_names_licence_and_token(tmp_path):
    with serving() as site:
        site.files |= hub_files()
        site.files[f"/own/model/resolve/{COMMIT}/config.json"] = refused(403, X_Error_Code="GatedRepo")
        done = download(site, tmp_path / "clip", "own/model")
    assert done.returncode == 1 and "accept its licence" in done.stderr and "HF_TOKEN" in done.stderr


def test_a_hub_that_lists_a_path_to_outside_is_refused(tmp_path):
    with serving() as site:
        site.files |= hub_files({"../evil.json": b"{}"})
        done = download(site, tmp_path / "clip", "own/model")
    assert done.returncode == 1 and "unsafe file name" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["clip.part"]


WEIGHTS = {
    "shards and their index": (
        ["m-1.safetensors", "m.safetensors.index.json"],
        ["m-1.bin", "m.bin.index.json"],
    ),
    "pickles where there is nothing else": (
        ["pytorch_model.bin", "vocab.json"],
        ["flax_model.msgpack", "m.ot"],
    ),
    "pickles of another folder": (["model.safetensors", "adapter/a.bin"], ["openvino_model.xml", "g.gguf"]),
}


@pytest.mark.parametrize(("kept", "left_out"), WEIGHTS.values(), ids=WEIGHTS)
def test_the_weights_are_taken_once(kept, left_out):
    assert wanted([*left_out, *kept]) == kept
