"""The checker: a good submission passes; each of many faults, made one at a time, is named with its place."""

import io
import json
import random
import shutil
import stat
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from progress import BLOCK
from submission.check import check
from submission.data import Seed
from submission.faults import Faults
from submission.tree import opened
from submissions import log, workbook

ROOT = Path(__file__).resolve().parents[2]
PRE = "output/training_dirs/MGM-2B-Pretrain-mine"
FT = "output/training_dirs/MGM-2B-Finetune-mine"
EVAL = "output/eval_results/MGM-2B-Finetune-mine"
DATA = "output/processed_data/processed_data.jsonl"
SHARD = f"{FT}/model-00001-of-00001.safetensors"
INDEX = f"{FT}/model.safetensors.index.json"
XLSX = f"{EVAL}/mmbench/upload.xlsx"
KEY = "-----BEGIN " + "RSA PRIVATE KEY-----"

Files = dict[str, bytes]


def drop(name: str) -> Callable[[Files], None]:
    return lambda files: [files.pop(found) for found in list(files) if found.startswith(name)] and None


def add(name: str, content: bytes = b"x\n") -> Callable[[Files], None]:
    return lambda files: files.update({name: content})


def change(name: str, how: Callable[[bytes], bytes]) -> Callable[[Files], None]:
    return lambda files: files.update({name: how(files[name])})


def rename(old: str, new: str) -> Callable[[Files], None]:
    def apply(files: Files) -> None:
        for name in [name for name in files if name.startswith(old)]:
            files[new + name.removeprefix(old)] = files.pop(name)

    return apply


def line(**changes: object) -> Callable[[Files], None]:
    """Other values in the first record of the data."""

    def how(content: bytes) -> bytes:
        first, _, rest = content.partition(b"\n")
        return json.dumps(json.loads(first) | changes).encode() + b"\n" + rest

    return change(DATA, how)


def both_logs(text: str) -> Callable[[Files], None]:
    return lambda files: files.update({f"{FT}/{n}.log": text.encode() for n in ("finetune", "finetuning")})


def without_column(files: Files) -> None:
    book, content = openpyxl.load_workbook(io.BytesIO(files[XLSX])), io.BytesIO()
    book.active.delete_cols(7)
    book.save(content)
    files[XLSX] = content.getvalue()


def bomb(files: Files) -> None:
    content = io.BytesIO(files[XLSX])
    with zipfile.ZipFile(content, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/zeros.bin", bytes(257 << 20))
    files[XLSX] = content.getvalue()


def fewer_weights(content: bytes) -> bytes:
    index = json.loads(content)
    index["weight_map"].pop("model.embed_tokens.weight")
    return json.dumps(index).encode()


def more_weights(content: bytes) -> bytes:
    index = json.loads(content)
    index["weight_map"]["model.norm.weight"] = "model-00001-of-00001.safetensors"
    return json.dumps(index).encode()


FAULTS: list[tuple[str, Callable[[Files], None], str]] = [
    (
        "a third folder at the top",
        add("extra/notes.txt"),
        "extra: only solution/ and output/ may be at the top",
    ),
    ("a wrapping folder", rename("", "submit/"), "submit/: wraps everything; zip what is in it"),
    ("no readme", drop("solution/readme"), "solution/readme: missing"),
    ("no requirements", drop("solution/requirements.txt"), "solution/requirements.txt: missing"),
    ("no train.sh", drop("output/train.sh"), "output/train.sh: missing"),
    ("no pretraining log", drop(f"{PRE}/pretrain.log"), f"{PRE}/pretrain.log: missing; add the whole log"),
    (
        "the kit's log name alone",
        drop(f"{FT}/finetune.log"),
        f"{FT}/finetune.log: missing; the kit's script writes",
    ),
    (
        "two different finetuning logs",
        change(f"{FT}/finetuning.log", lambda c: c + b"more\n"),
        "not the same as finetune.log",
    ),
    ("no pretraining folder", drop(f"{PRE}/"), "output/training_dirs/MGM-2B-Pretrain-EXP/: missing"),
    (
        "another experiment's name",
        rename(EVAL, EVAL + "2"),
        "output/: folders of different experiments: mine, mine2",
    ),
    (
        "two experiments",
        add("output/training_dirs/MGM-2B-Pretrain-b/pretrain.log"),
        "2 of them (b, mine); keep one",
    ),
    ("no answers", drop(f"{EVAL}/textvqa/bm1.jsonl"), f"{EVAL}/textvqa/bm1.jsonl: missing"),
    ("no upload", drop(XLSX), f"{XLSX}: missing; add MMBench's upload"),
    ("an empty file", change("output/train.sh", lambda c: b""), "output/train.sh: is empty"),
    (
        "a parent path",
        add("output/../../etc/passwd"),
        "output/../../etc/passwd: leads out of the submission's folder",
    ),
    ("a stray file in output", add("output/notes.txt"), "output/notes.txt: only train.sh, training_dirs"),
    ("an absolute path", add("/etc/cron.d/x"), "/etc/cron.d/x: an absolute path"),
    ("a drive", add("C:/x.txt"), "C:/x.txt: an absolute path"),
    ("a backslash", add("output\\x.txt"), "a backslash in the name"),
    (
        "two names alike",
        add("output/TRAIN.sh"),
        "output/TRAIN.sh: differs from another name by upper and lower case",
    ),
    ("a file in a file's place", add("output/train.sh/x"), "output/train.sh: is a file and a folder at once"),
    ("macOS junk", add("__MACOSX/output/._train.sh"), "__MACOSX/output/._train.sh: does not belong"),
    ("Finder junk", add("output/.DS_Store"), "output/.DS_Store: does not belong"),
    (
        "caches",
        add("solution/code/py/__pycache__/a.cpython-311.pyc"),
        "__pycache__/a.cpython-311.pyc: does not belong",
    ),
    (
        "a log without losses",
        change(f"{PRE}/pretrain.log", lambda c: b"done\n"),
        "pretrain.log: no {'loss': …} line",
    ),
    (
        "a loss that is not finite",
        change(f"{PRE}/pretrain.log", lambda c: c.replace(b"'loss': 5.7", b"'loss': nan, 'x': 5.7")),
        "pretrain.log: the loss of step 1 is nan",
    ),
    (
        "half an epoch",
        both_logs("".join(log(1875).splitlines(True)[:900])),
        "finetune.log: ends at epoch 0.4",
    ),
    (
        "more steps than the budget",
        change(f"{PRE}/pretrain.log", lambda c: log(783).encode()),
        "783 steps of 256 samples, but the budget of 200,000",
    ),
    (
        "a log of other data",
        change(f"{PRE}/pretrain.log", lambda c: log(9).encode()),
        "9 steps, where 600 samples in batches of 256 make 2 or 3",
    ),
    (
        "a finetuning on less",
        both_logs(log(94)),
        "94 steps, where 240,000 samples in batches of 128 make 1875",
    ),
    (
        "another batch size",
        change("output/train.sh", lambda c: c.replace(b"size 256", b"size 64")),
        "output/train.sh: global batch sizes (64, 128)",
    ),
    (
        "a broken answer",
        change(f"{EVAL}/textvqa/bm1.jsonl", lambda c: b'{"question_id"\n' + c),
        "bm1.jsonl:1: not a JSON object",
    ),
    (
        "an answer without text",
        change(f"{EVAL}/textvqa/bm1.jsonl", lambda c: c.replace(b'"text"', b'"txt"', 1)),
        "bm1.jsonl:1: lacks question_id or text",
    ),
    (
        "answers twice",
        change(f"{EVAL}/textvqa/bm1.jsonl", lambda c: c + c),
        "a score of 3 questions beside 6 answers",
    ),
    ("an upload without predictions", without_column, f"{XLSX}: lacks the columns prediction"),
    ("an upload that is none", change(XLSX, lambda c: b"PK"), f"{XLSX}: not a readable .xlsx"),
    ("a bomb", bomb, f"{XLSX}: grows beyond what a table of answers can be"),
    (
        "an upload of other answers",
        change(XLSX, lambda c: workbook(7)),
        "answers.jsonl: 3 answers, but 7 in the file to upload",
    ),
    (
        "a score beyond 100",
        add(f"{EVAL}/mmbench/score.json", b'{"accuracy": 101, "n": 3}'),
        "accuracy is 101.0, not a percentage",
    ),
    (
        "two image tokens",
        line(text="<__dj__image><__dj__image> a <|__dj__eoc|>"),
        f"{DATA}:1: id 000000000: 1 images and 2 placeholders",
    ),
    (
        "no end token",
        line(text="<__dj__image>\na"),
        f"{DATA}:1: id 000000000: the text must end in <|__dj__eoc|>",
    ),
    ("no caption", line(text="<__dj__image>\n <|__dj__eoc|>"), f"{DATA}:1: id 000000000: empty caption"),
    (
        "an image elsewhere",
        line(images=["../seed/images/1.jpg"]),
        f"{DATA}:1: id 000000000: image ../seed/images/1.jpg is not inside",
    ),
    (
        "an image of another set",
        line(images=["images/99/1.jpg"]),
        "image images/99/1.jpg is missing and not of the seed",
    ),
    (
        "an absolute image",
        line(images=["/data/images/1.jpg"]),
        "image '/data/images/1.jpg' is an absolute path",
    ),
    (
        "a missing synthetic image",
        line(images=["synthetic_images/1.jpg"]),
        "image synthetic_images/1.jpg is missing",
    ),
    ("two images", line(images=["images/1.jpg", "images/2.jpg"]), "2 images and 1 placeholders"),
    ("a number as id", line(id=7), f"{DATA}:1: no id, or one that is not a string"),
    ("an id from elsewhere", line(id="999999999"), f"{DATA}:1: id 999999999 is not of the seed"),
    (
        "no data in the offline layout",
        drop("output/processed_data"),
        f"{DATA}: missing; the offline layout has it",
    ),
    ("no projectors", drop(f"{PRE}/mm_projector.bin"), f"{PRE}/mm_projector.bin: missing"),
    (
        "half of the projectors",
        change(f"{PRE}/mm_projector.bin", lambda c: c[:40]),
        "mm_projector.bin: not a whole file of torch.save",
    ),
    ("no weights", drop(SHARD), f"{FT}/model-00001-of-0000N.safetensors: missing"),
    ("weights cut short", change(SHARD, lambda c: c[:-1]), "its header says"),
    ("weights that are none", change(SHARD, lambda c: b"\xff" * 99), f"{SHARD}: not a safetensors file"),
    (
        "a header with gaps",
        change(SHARD, lambda c: c.replace(b"[0,24]", b"[1,24]")),
        f"{SHARD}: its header does not describe it",
    ),
    ("no index", drop(INDEX), f"{INDEX}: missing"),
    (
        "weights that the index lacks",
        change(INDEX, fewer_weights),
        "model.embed_tokens.weight of model-00001-of-00001.safetensors is not listed",
    ),
    ("weights in the index alone", change(INDEX, more_weights), "model.norm.weight is in no shard"),
    (
        "the graph's name of the weights",
        rename(SHARD, f"{FT}/model.safetensors"),
        f"{FT}/model.safetensors: not named model-00001",
    ),
    (
        "a missing shard",
        rename(SHARD, SHARD.replace("of-00001", "of-00002")),
        "model-00002-of-00002.safetensors: missing",
    ),
    ("no configuration", drop(f"{FT}/config.json"), f"{FT}/config.json: missing"),
    ("no tokenizer", drop(f"{FT}/tokenizer.json"), f"{FT}/tokenizer.json: missing"),
    ("a private key", add("solution/code/configs/key.txt", KEY.encode()), "key.txt: holds a private key"),
    (
        "a token of the hub",
        add("solution/code/configs/hub.yaml", b"token: hf_" + b"aB3" * 12),
        "hub.yaml: holds a Hugging Face token",
    ),
    (
        "an AWS key",
        add("solution/code/configs/s3.yaml", b"key: AKIA" + b"ABCD1234" * 2),
        "s3.yaml: holds an AWS key",
    ),
    (
        "a password in a URL",
        change("output/train.sh", lambda c: c + b"# http://me:hunter2@example.com/a\n"),
        "train.sh: holds a password in a URL",
    ),
    (
        "a .netrc",
        add("solution/code/.netrc", b"machine example.com login me password hunter2\n"),
        ".netrc: may hold passwords",
    ),
    (
        "what the environment keeps secret",
        change("solution/readme", lambda c: c + b"Tr0ub4dor&3-horse"),
        "solution/readme: holds the value of $MY_TOKEN",
    ),
]
ENVIRONMENT = {"MY_TOKEN": "Tr0ub4dor&3-horse", "PATH": "/usr/bin"}


def read(path: Path) -> Files:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(files: Files, path: Path) -> Path:
    """As another tool would: deflated, with today's times, folders as members of their own."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("output/", b"")
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def faults_of(path: Path, profile: str | None = None) -> list[str]:
    faults, numbers = Faults(), range(600)
    seed = Seed(frozenset(f"{n:09d}" for n in numbers), frozenset(f"images/00/{n}.jpg" for n in numbers))
    with opened(path) as tree:
        check(tree, profile, seed, ENVIRONMENT, faults)
    return faults.report()


@pytest.fixture(scope="module")
def small(offline: Path) -> Files:
    """The good submission without most of its code, to be quick."""
    files = read(offline)
    kept = ("solution/r", "solution/code/py/cli.py", "output/")
    return {name: files[name] for name in files if name.startswith(kept)}


def test_a_submission_as_made_has_no_fault(offline):
    assert faults_of(offline) == []


def test_one_that_another_tool_packed_has_none_either(small, tmp_path):
    assert faults_of(write(small, tmp_path / "other.zip")) == []


def test_its_folder_has_none(offline):
    assert faults_of(offline.parent / "submission") == []


@pytest.mark.parametrize(("name", "spoil", "words"), FAULTS, ids=[name for name, _, _ in FAULTS])
def test_a_fault_is_named(small, tmp_path, name, spoil, words):
    files = dict(small)
    spoil(files)
    found = faults_of(write(files, tmp_path / "bad.zip"))
    assert any(words in fault for fault in found), found
    assert all("hunter2" not in fault and "aB3aB3" not in fault for fault in found)


def test_all_faults_are_told_at_once_and_lines_of_one_file_are_counted(small, tmp_path):
    files = dict(small)
    files |= {"extra.txt": b"x", DATA: b"{}\n" * 600, f"{PRE}/pretrain.log": b"nothing\n"}
    found = faults_of(write(files, tmp_path / "bad.zip"))
    assert any("extra.txt" in fault for fault in found) and any("pretrain.log" in fault for fault in found)
    assert [fault for fault in found if fault.startswith(f"{DATA}:1:")]
    assert f"{DATA}: … and 580 more faults like these" in found


def test_links_encrypted_and_repeated_members_are_named(small, tmp_path):
    path = write(small, tmp_path / "bad.zip")
    link = zipfile.ZipInfo("output/link")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr(link, "/etc/passwd")
        archive.writestr("output/train.sh", b"again")
    content = bytearray(path.read_bytes())
    entry = content.rindex(b"solution/readme") - 46  # of the central directory
    assert content[entry : entry + 4] == b"PK\x01\x02"
    content[entry + 8] |= 1
    path.write_bytes(content)
    found = "\n".join(faults_of(path))
    assert "output/link: is not a plain file (link)" in found
    assert "output/train.sh: is in the zip 2 times" in found
    assert "solution/readme: is not a plain file (encrypted)" in found


def test_links_in_a_folder_are_named(offline, tmp_path):
    folder = shutil.copytree(offline.parent / "submission", tmp_path / "submission")
    (folder / "output/link").symlink_to("/etc/passwd")
    (folder / "output/way_out").symlink_to(tmp_path)
    found = "\n".join(faults_of(folder))
    assert "output/link: is not a plain file (link)" in found and "output/way_out: is not" in found


@pytest.mark.parametrize("name", [DATA, SHARD])
def test_damaged_bytes_are_named(offline, tmp_path, name):
    path = tmp_path / "bad.zip"
    content = bytearray(offline.read_bytes())
    with zipfile.ZipFile(offline) as archive:
        part = archive.getinfo(name)
    content[part.header_offset + 30 + len(name) + part.compress_size - 9] ^= 0xFF
    path.write_bytes(content)
    assert any(fault.startswith(name) and "cannot be read" in fault for fault in faults_of(path))


def test_a_text_that_grows_too_much_is_not_read(small, tmp_path):
    name = "solution/code/notes.txt"
    found = faults_of(write(small | {name: bytes(30 << 20)}, tmp_path / "bad.zip"))
    assert any(fault.startswith(name) and "would become 31,457,280; not read" in fault for fault in found)


def test_the_profile_decides_the_numbers(small, tmp_path):
    found = "\n".join(faults_of(write(small, tmp_path / "a.zip"), "10k"))
    assert "1875 steps, where 12,000 samples in batches of 128 make 93 or 94" in found
    demo = small | {"solution/readme": b"Profile: demo\n"}
    assert faults_of(write(demo, tmp_path / "b.zip")) == []
    many = small[DATA] * 6
    found = "\n".join(faults_of(write(demo | {DATA: many}, tmp_path / "c.zip")))
    assert "3,600 records, more than the budget of 3,000" in found


def test_weights_are_read_in_blocks_after_their_header(small, tmp_path, monkeypatch):
    header = json.dumps(
        {"model.x": {"dtype": "F32", "shape": [1 << 22], "data_offsets": [0, 1 << 24]}}
    ).encode()
    files = small | {SHARD: struct.pack("<Q", len(header)) + header + random.Random(5).randbytes(1 << 24)}
    path, asked = write(files, tmp_path / "big.zip"), []
    plain = zipfile.ZipExtFile.read
    monkeypatch.setattr(
        zipfile.ZipExtFile, "read", lambda self, n=-1: asked.append((self.name, n)) or plain(self, n)
    )
    faults_of(path)
    assert {n for name, n in asked if name == SHARD} == {8, len(header), BLOCK}


def checker(*words: str) -> subprocess.CompletedProcess:
    command = [sys.executable, str(ROOT / "py/check_submission.py"), *words]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_script_says_the_layout_and_ends_by_the_faults(offline, small, tmp_path):
    good = checker("--zip", str(offline), "--seed", str(offline.parent / "seed.jsonl"))
    assert good.returncode == 0 and "offline layout, profile full, no faults: 600 records" in good.stdout
    online = {name: small[name] for name in small if "processed_data" not in name}
    online = {
        name: online[name] for name in online if not name.endswith((".safetensors", "mm_projector.bin"))
    }
    online.pop("output/train.sh")
    bad = checker("--zip", str(write(online, tmp_path / "bad.zip")))
    assert bad.returncode == 1 and bad.stdout == ""
    assert "bad.zip: online layout, profile full, 1 fault:\noutput/train.sh: missing" in bad.stderr


@pytest.mark.parametrize("content", [None, b"", b"<html>not found</html>", b"PK\x03\x04 cut"])
def test_what_is_no_zip_is_one_clear_line(tmp_path, content):
    path = tmp_path / "submit.zip"
    if content is not None:
        path.write_bytes(content)
    done = checker("--zip", str(path))
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert ("no such file" if content is None else "not a whole zip file") in done.stderr
