"""scripts/download.sh against a local server: what is good arrives whole, what is bad is refused by name."""

import hashlib
import io
import os
import random
import resource
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import pytest

from builds import Build
from web import File, serving

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = str(ROOT / "scripts/download.sh")
MACHINE = {"PATH": "/usr/bin:/bin", "PYTHON": sys.executable}
QUICK = ["--retries", "1", "--pause", "0", "--timeout", "10"]


def packed(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def download(output: Path, *sources: str, options: list[str] = QUICK, **more) -> subprocess.CompletedProcess:
    command = [SCRIPT, "--output", str(output), *options, *sources]
    return subprocess.run(
        command, cwd=output.parent, text=True, capture_output=True, env=MACHINE, timeout=60, **more
    )


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_an_archive_and_a_file_arrive_in_one_folder_without_the_top_folder(tmp_path):
    members = {"set/images/1.jpg": b"one", "set/readme": b"two"}
    with serving(set__tar__gz=File(packed(members)), list__json=File(b"[]")) as site:
        done = download(tmp_path / "seed", f"{site.url}/set.tar.gz", f"{site.url}/list.json")
    assert done.returncode == 0, done.stderr
    assert content(tmp_path / "seed") == {"images/1.jpg": b"one", "readme": b"two", "list.json": b"[]"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["seed", "seed.sha256"]
    sums = (tmp_path / "seed.sha256").read_text()
    assert f"{hashlib.sha256(b'[]').hexdigest()}  list.json  {site.url}/list.json\n" in sums


def test_a_download_killed_ten_times_at_random_ends_whole_and_byte_identical(tmp_path):
    noise = random.Random(5)
    images = {f"set/images/{number}.jpg": noise.randbytes(40_000) for number in range(50)}
    archive = packed(images)
    kills = sorted(noise.randrange(len(archive)) for _ in range(10))
    part = tmp_path / "seed.part/set.tar.gz"
    (tmp_path / "seed").mkdir()
    (tmp_path / "seed/kept").write_bytes(b"kept")
    with serving(set__tar__gz=File(archive, seconds_a_piece=0.002)) as site:
        command = [SCRIPT, "--output", str(tmp_path / "seed"), f"{site.url}/set.tar.gz"]
        for kill in kills:
            with subprocess.Popen(command, env=MACHINE, stdout=subprocess.DEVNULL) as job:
                while (part.stat().st_size if part.exists() else 0) < kill:
                    assert job.poll() is None
                    time.sleep(0.001)
                job.kill()
            assert content(tmp_path / "seed") == {"kept": b"kept"}
        site.files["/set.tar.gz"].cuts = [noise.randrange(1, 1000) for _ in range(3)]
        done = download(tmp_path / "seed", f"{site.url}/set.tar.gz")
    assert done.returncode == 0, done.stderr
    assert content(tmp_path / "seed") == {name.removeprefix("set/"): data for name, data in images.items()}
    starts = [0 if wanted is None else int(wanted[6:-1]) for wanted in site.ranges]
    assert len(starts) > 10 and starts == sorted(starts) and starts[-1] >= kills[-1]


def test_what_a_kill_between_the_last_two_steps_left_is_mended(tmp_path):
    for name in ("seed.old+", "seed+"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_bytes(b"x")
    with serving() as site:
        assert download(tmp_path / "seed", f"{site.url}/gone.zip").returncode == 1
    assert content(tmp_path / "seed") == {"seed.old+": b"x"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["seed", "seed.part"]


def test_a_second_download_of_the_same_folder_refuses(tmp_path):
    with serving(a__bin=File(b"x" * 200_000, seconds_a_piece=0.1)) as site:
        command = [SCRIPT, "--output", str(tmp_path / "seed"), f"{site.url}/a.bin"]
        with subprocess.Popen(command, env=MACHINE, stdout=subprocess.DEVNULL) as first:
            while not (tmp_path / "seed.part/a.bin").exists():
                time.sleep(0.01)
            done = download(tmp_path / "seed", f"{site.url}/a.bin")
            assert done.returncode == 1 and "another download" in done.stderr
            assert first.wait(30) == 0


def escaping() -> bytes:
    return packed({"set/a": b"x", "set/../../escaped": b"x"})


def changed(archive: bytes) -> bytes:
    return archive[:9_000] + bytes([archive[9_000] ^ 1]) + archive[9_001:]


NOISE = random.Random(3).randbytes(30_000)
BAD = {
    "a web page": ("bad.tar.gz", File(b"<html>please log in</html>"), "not an archive"),
    "cut": ("bad.tar.gz", File(packed({"set/a": NOISE})[:-50]), "cut short"),
    "a changed byte": (
        "bad.tar.gz",
        File(changed(packed({"a": NOISE}))),
        "damaged",
    ),
    "a path to outside": ("bad.tar.gz", File(escaping()), "unsafe archive: set/../../escaped"),
    "text": ("bad.tgz", File(b"hello"), "not an archive"),
    "not there": ("bad.tar.gz", None, "no such file"),
    "forbidden": ("bad.zip", File(status=403), "HTTP 403"),
    "JSON cut": ("bad.json", File(b'[{"id": "1"}, {"i'), "not valid JSON"),
    "JSON a page": (
        "bad.json",
        File(b"<!doctype html>", headers={"Content-Type": "text/html"}),
        "not JSON but",
    ),
    "records cut": ("bad.jsonl", File(b'{"id": 1}\n{"id": 2}\n{"i'), "last (3th) line"),
    "records empty": ("bad.jsonl", File(b""), "not valid JSON"),
}


@pytest.mark.parametrize(("name", "file", "words"), BAD.values(), ids=BAD)
def test_what_is_bad_is_refused_and_leaves_the_earlier_folder_alone(tmp_path, name, file, words):
    (tmp_path / "seed").mkdir()
    (tmp_path / "seed/kept").write_bytes(b"kept")
    with serving() as site:
        site.files |= {f"/{name}": file} if file else {}
        done = download(tmp_path / "seed", f"{site.url}/{name}")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert words in done.stderr and name in done.stderr, done.stderr
    assert content(tmp_path / "seed") == {"kept": b"kept"}
    assert not (tmp_path / "escaped").exists() and not (tmp_path / "seed+").exists()
    assert not (tmp_path / "seed.sha256").exists() and not (tmp_path / f"seed.part/{name}").exists()


def test_a_damaged_zip_is_neither_kept_nor_recorded(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a", b"one" * 100)
    good = buffer.getvalue()
    with serving(set__zip=File(good.replace(b"one", b"two", 1))) as site:
        done = download(tmp_path / "seed", f"{site.url}/set.zip")
        assert done.returncode == 1 and "a is not what was packed" in done.stderr
        site.files["/set.zip"].content = good
        assert download(tmp_path / "seed", f"{site.url}/set.zip").returncode == 0
    assert content(tmp_path / "seed") == {"a": b"one" * 100}


def test_a_file_that_is_not_what_it_was_at_first_sight_is_refused(tmp_path):
    with serving(list__json=File(b"[1]")) as site:
        assert download(tmp_path / "seed", f"{site.url}/list.json").returncode == 0
        site.files["/list.json"] = File(b"[2]", '"2"')
        for _ in range(2):  # what was refused is not continued
            done = download(tmp_path / "seed", f"{site.url}/list.json")
            assert done.returncode == 1 and "sha256 is" in done.stderr and "remove that line" in done.stderr
        assert (tmp_path / "seed/list.json").read_bytes() == b"[1]"
        (tmp_path / "seed.sha256").unlink()
        assert download(tmp_path / "seed", f"{site.url}/list.json").returncode == 0
    assert (tmp_path / "seed/list.json").read_bytes() == b"[2]"


def test_a_mirror_stands_in_and_the_sum_is_the_sources(tmp_path):
    with serving(list__json=File(b"[1]")) as mirror:
        base = "http://127.0.0.1:9"
        options = [*QUICK, "--base", base, "--mirror", mirror.url]
        done = download(tmp_path / "seed", f"{base}/list.json", options=options)
    assert done.returncode == 0, done.stderr
    assert "the connection is refused" in done.stdout and f"trying {mirror.url}/list.json" in done.stdout
    assert f"list.json  {base}/list.json\n" in (tmp_path / "seed.sha256").read_text()


def test_a_missing_official_file_names_the_knob_and_its_substitute(tmp_path):
    with serving() as site:
        done = download(tmp_path / "gemma-2b-it", f"{site.url}/gemma-2b-it.tar.gz")
    assert "SOURCE.gemma-2b-it=…, for instance google/gemma-2b-it" in done.stderr


def test_user_password_and_query_are_neither_printed_nor_recorded(tmp_path):
    with serving(list__json=File(b"[]")) as site:
        url = site.url.replace("//", "//me:secret1@") + "/list.json?token=secret2"
        good = download(tmp_path / "seed", url)
        bad = download(tmp_path / "seed", url.replace("list", "gone"))
    assert good.returncode == 0 and bad.returncode == 1 and site.authorizations[0].startswith("Basic ")
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert "secret" not in good.stdout + good.stderr + bad.stdout + bad.stderr and b"secret" not in kept


def test_local_sources_are_taken_like_fetched_ones_and_stay(tmp_path):
    (tmp_path / "set.tar.gz").write_bytes(packed({"set/images/1.jpg": b"one"}))
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        archive.writestr("a", b"a")
        archive.writestr("b/c", b"c")
    (tmp_path / "folder/deep").mkdir(parents=True)
    (tmp_path / "folder/deep/file").write_bytes(b"deep")
    (tmp_path / "folder/link").symlink_to(tmp_path / "folder/deep/file")
    (tmp_path / "list.json").write_bytes(b"[]")
    done = download(tmp_path / "seed", "set.tar.gz", "more.zip", "folder", "list.json")
    assert done.returncode == 0, done.stderr
    expected = {"images/1.jpg": b"one", "a": b"a", "b/c": b"c", "deep/file": b"deep", "link": b"deep"}
    assert content(tmp_path / "seed") == expected | {"list.json": b"[]"}
    assert not (tmp_path / "seed/link").is_symlink()
    (tmp_path / "folder/deep/file").write_bytes(b"changed")
    assert (tmp_path / "seed/deep/file").read_bytes() == b"deep" and (tmp_path / "set.tar.gz").exists()


def test_of_two_sources_with_one_file_the_later_counts_and_it_is_said(tmp_path):
    archive, more = packed({"a.bin": b"old", "b.bin": b"b"}), packed({"b.bin": b"new", "c/d": b"d"})
    with serving(set__tgz=File(archive), a__bin=File(b"new"), more__tgz=File(more)) as site:
        done = download(
            tmp_path / "seed", *(f"{site.url}/{name}" for name in ("set.tgz", "a.bin", "more.tgz"))
        )
        assert done.returncode == 0, done.stderr
        assert content(tmp_path / "seed") == {"a.bin": b"new", "b.bin": b"new", "c/d": b"d"}
        assert "a.bin counts for 1 files" in done.stdout and "more.tgz counts for 1 files" in done.stdout
        (tmp_path / "c").write_bytes(b"c")
        for order in ([f"{site.url}/more.tgz", "c"], ["c", f"{site.url}/more.tgz"]):
            done = download(tmp_path / "seed", *order)
            assert done.returncode == 1 and "c: a file in one source, a folder in another" in done.stderr
    assert (tmp_path / "seed/a.bin").read_bytes() == b"new"


def loop(folder: Path) -> None:
    (folder / "again").symlink_to(folder)


def dangling(folder: Path) -> None:
    (folder / "lost").symlink_to("nowhere")


def fifo(folder: Path) -> None:
    os.mkfifo(folder / "pipe")


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (loop, "a link to a folder above it"),
        (dangling, "a link to nothing"),
        (fifo, "neither file nor folder"),
    ],
)
def test_a_local_folder_with_something_else_in_it_is_refused(tmp_path, prepare, words):
    (tmp_path / "folder").mkdir()
    prepare(tmp_path / "folder")
    done = download(tmp_path / "seed", str(tmp_path / "folder"))
    assert done.returncode == 1 and words in done.stderr and not (tmp_path / "seed").exists()


@pytest.mark.parametrize(
    ("sources", "words"),
    [
        ([], "set SOURCE.seed to a URL"),
        (["nowhere"], "nowhere: neither a URL"),
        (["ftp://host/a.zip"], "ftp:// is not supported"),
        (["http://127.0.0.1:9/a/x.zip", "http://127.0.0.1:9/b/x.zip"], "two sources of one folder"),
        (["."], "the source holds the folder"),
    ],
)
def test_sources_that_make_no_folder_are_named(tmp_path, sources, words):
    done = download(tmp_path / "seed", *sources)
    assert done.returncode != 0 and words in done.stderr, done.stderr
    assert not (tmp_path / "seed").exists()


def test_a_mirror_without_a_base_is_a_mistake(tmp_path):
    done = download(
        tmp_path / "seed", "http://127.0.0.1:9/a.json", options=["--mirror", "http://127.0.0.1:9"]
    )
    assert done.returncode == 1 and "--mirror needs --base" in done.stderr


def test_help_says_how_to_use_it():
    done = subprocess.run([SCRIPT, "--help"], text=True, capture_output=True, check=True)
    assert "usage: download.sh --output FOLDER" in done.stdout and "example: " in done.stdout


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 1 MB, and a function that gives it more."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    if os.geteuid() or subprocess.run([mount, "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk]).returncode:
        pytest.skip("needs the right to mount a small disk")
    yield disk, lambda: subprocess.run([mount, "-o", "remount,size=8m", disk], check=True)
    subprocess.run(["umount", disk], check=True)


def test_too_small_a_disk_is_said_before_anything_is_fetched(small_disk):
    disk, _ = small_disk
    with serving(set__tar__gz=File(bytes(900_000))) as site:
        done = download(disk / "seed", f"{site.url}/set.tar.gz")
        assert not site.ranges
    assert done.returncode == 1 and "no space" in done.stderr and "free some room" in done.stderr
    assert "need about 2.1 MB" in done.stderr and "has 1.0 MB free" in done.stderr


def test_a_disk_that_fills_up_is_said_and_the_download_goes_on_when_there_is_room(small_disk):
    disk, grow = small_disk
    data = random.Random(2).randbytes(2_000_000)
    with serving(a__bin=File(data, answers_head=False, says_length=False)) as site:
        done = download(disk / "seed", f"{site.url}/a.bin")
        assert (
            done.returncode == 1 and "no space left" in done.stderr and "run again to continue" in done.stderr
        )
        assert "Traceback" not in done.stderr and not (disk / "seed").exists()
        grow()
        assert download(disk / "seed", f"{site.url}/a.bin").returncode == 0
    assert (disk / "seed/a.bin").read_bytes() == data
    assert int(site.ranges[-1][6:-1]) > 500_000


def test_a_file_over_the_limit_of_the_system_is_said_and_goes_on_without_it(tmp_path):
    data = random.Random(2).randbytes(2_000_000)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    with serving(a__bin=File(data)) as site:
        done = download(tmp_path / "seed", f"{site.url}/a.bin", preexec_fn=limit)
        assert done.returncode == 1 and "a file grew too large" in done.stderr, done.stderr
        assert download(tmp_path / "seed", f"{site.url}/a.bin").returncode == 0
    assert (tmp_path / "seed/a.bin").read_bytes() == data and site.ranges[-1] == f"bytes={1 << 20}-"


def test_an_archive_that_does_not_fit_unpacked_keeps_the_archive(small_disk):
    disk, grow = small_disk
    images = {
        f"set/{number}": bytes([number % 256]) * 3_000 + random.Random(number).randbytes(500)
        for number in range(300)
    }
    archive = packed(images)
    (disk.parent / "set.tar.gz").write_bytes(archive)
    assert len(archive) * 2.3 < 1 << 20 < 300 * 4096
    done = download(disk / "seed", str(disk.parent / "set.tar.gz"))
    assert done.returncode == 1 and "the files in set.tar.gz need about 1.2 MB" in done.stderr, done.stderr
    assert not (disk / "seed").exists() and not (disk / "seed+").exists()
    grow()
    assert download(disk / "seed", str(disk.parent / "set.tar.gz")).returncode == 0


def test_parts_and_sums_beside_a_folder_do_not_disturb_the_graph_nor_are_secrets_in_it(tmp_path):
    build = Build.new(tmp_path / "build")
    models = build.folder / "models/10k"
    (models / "gemma-2b-it.part").mkdir(parents=True)
    (models / "gemma-2b-it.part/gemma-2b-it.tar.gz").write_bytes(b"half")
    (models / "gemma-2b-it.sha256").write_text("")
    (models / "gemma-2b-it+").mkdir()
    knobs = {"PROFILE": "10k", "SOURCE.gemma-2b-it": "http://me:secret@host/a.tar.gz?x=secret&y=2"}
    planned = Build(build.folder, knobs).make("plan", GOAL="models").stdout
    assert "run models/10k/gemma-2b-it" in planned
    described = Build(build.folder, knobs).make("-n", "DESCRIBE=yes", "models").stdout
    assert "SOURCE.gemma-2b-it=http://host/a.tar.gz'" in described and "secret" not in described


@pytest.mark.parametrize("profile", ["10k", "full"])
def test_each_official_source_is_an_address_under_the_base_or_a_hub_id(profile, tmp_path):
    build = Build(ROOT, {"PROFILE": profile, "SOURCE_BASE": "http://host/base"})
    described = build.make("-n", "DESCRIBE=yes", "models", "data").stdout
    sources = [
        word for line in described.splitlines() for word in line.partition("'SOURCE.")[2].rstrip("' ").split()
    ]
    sources = [word.partition("=")[2] or word for word in sources]
    assert len(sources) == 12
    assert all(source.startswith("http://host/base/") or source.count("/") == 1 for source in sources), (
        sources
    )
