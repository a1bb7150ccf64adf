"""scripts/download.sh against a local server: what is good arrives whole, what is bad is refused by name."""

import functools
import http.server
import io
import subprocess
import sys
import tarfile
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture()
def server(tmp_path):
    folder = tmp_path / "www"
    folder.mkdir()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()


def archive(path: Path, members: dict[str, bytes]) -> None:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def download(output: Path, *sources: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [str(ROOT / "scripts/download.sh"), "--output", str(output), *sources],
        cwd=output.parent,
        text=True,
        capture_output=True,
        env={"PATH": "/usr/bin:/bin", "PYTHON": sys.executable},
        timeout=60,
    )


def test_an_archive_and_a_file_arrive_in_one_folder_without_the_top_folder(server, tmp_path):
    folder, url = server
    archive(folder / "set.tar.gz", {"set/images/1.jpg": b"one", "set/readme": b"two"})
    (folder / "list.json").write_text("[]")
    done = download(tmp_path / "seed", f"{url}/set.tar.gz", f"{url}/list.json")
    assert done.returncode == 0, done.stderr
    found = {str(p.relative_to(tmp_path / "seed")) for p in (tmp_path / "seed").rglob("*") if p.is_file()}
    assert found == {"images/1.jpg", "readme", "list.json"}


WHOLE = bytes(range(256)) * 4


@pytest.fixture()
def continuing():
    """A server of one file that continues it, with the ranges that it was asked for."""
    asked = []

    class Continuing(http.server.BaseHTTPRequestHandler):
        def answer(self, body: bool) -> None:
            start = int((self.headers["Range"] or "bytes=0-")[6:-1])
            asked.append(start)
            self.send_response(416 if start >= len(WHOLE) else 206 if start else 200)
            self.send_header("Content-Length", str(max(len(WHOLE) - start, 0)))
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(WHOLE) - 1}/{len(WHOLE)}")
            self.end_headers()
            if body:
                self.wfile.write(WHOLE[start:])

        def do_GET(self):
            self.answer(body=True)

        def do_HEAD(self):
            self.answer(body=False)

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Continuing) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}/list.json", asked
        httpd.shutdown()


@pytest.mark.parametrize(
    ("part", "of_this_url", "ranges"),
    [
        (WHOLE[:400], True, [400]),
        (WHOLE, True, [1024, 0]),
        (WHOLE + b"more", True, [1028, 0, 0]),
        (b"x" * 400, False, [0]),
    ],
    ids=["a part is continued", "a whole one stays", "a longer one is no part", "nor is another file's"],
)
def test_what_was_fetched_before_an_interruption_is_used_if_it_fits(
    continuing, tmp_path, part, of_this_url, ranges
):
    url, asked = continuing
    (tmp_path / "seed.part").mkdir()
    (tmp_path / "seed.part" / "list.json").write_bytes(part)
    (tmp_path / "seed.part" / "list.json.url").write_text(f"{url if of_this_url else 'other'}\n")
    done = download(tmp_path / "seed", url)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "seed" / "list.json").read_bytes() == WHOLE
    assert asked == ranges


def test_a_part_is_not_taken_for_the_whole_where_the_server_refuses_the_rest(tmp_path):
    class Refusing(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_response(200)
            self.end_headers()

        def do_GET(self):
            self.send_error(403)

        def log_message(self, *args):
            pass

    (tmp_path / "seed.part").mkdir()
    (tmp_path / "seed.part" / "list.jsonl").write_text("{}\n")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{httpd.server_port}/list.jsonl"
        (tmp_path / "seed.part" / "list.jsonl.url").write_text(f"{url}\n")
        done = download(tmp_path / "seed", url)
        httpd.shutdown()
    assert done.returncode != 0 and "HTTP 403" in done.stderr and "list.jsonl" in done.stderr
    assert not (tmp_path / "seed").exists()


def test_a_local_archive_is_unpacked_like_a_fetched_one(tmp_path):
    archive(tmp_path / "set.tar.gz", {"set/images/1.jpg": b"one"})
    assert download(tmp_path / "seed", str(tmp_path / "set.tar.gz")).returncode == 0
    assert (tmp_path / "seed/images/1.jpg").read_bytes() == b"one"
    assert (tmp_path / "set.tar.gz").exists()


def html(folder):
    (folder / "bad.tar.gz").write_text("<html>please log in</html>")


def truncated(folder):
    archive(folder / "whole.tar.gz", {"set/a": bytes(range(256)) * 400})
    (folder / "bad.tar.gz").write_bytes((folder / "whole.tar.gz").read_bytes()[:-50])


def parent_path(folder):
    archive(folder / "bad.tar.gz", {"../escaped": b"x"})


def missing(folder):
    pass


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (html, "not an archive"),
        (truncated, "cut short"),
        (parent_path, "unsafe archive"),
        (missing, "no such file"),
    ],
)
def test_a_bad_archive_is_refused_and_leaves_the_earlier_folder_alone(server, tmp_path, prepare, words):
    folder, url = server
    prepare(folder)
    (tmp_path / "seed").mkdir()
    (tmp_path / "seed" / "kept").write_text("kept")
    done = download(tmp_path / "seed", f"{url}/bad.tar.gz")
    assert done.returncode != 0
    assert words in done.stderr and "bad.tar.gz" in done.stderr
    assert (tmp_path / "seed" / "kept").read_text() == "kept"
    assert not (tmp_path / "escaped").exists()


def test_a_file_that_is_not_what_it_was_at_first_sight_is_refused(server, tmp_path):
    folder, url = server
    (folder / "list.json").write_text("[1]")
    assert download(tmp_path / "seed", f"{url}/list.json").returncode == 0
    (folder / "list.json").write_text("[2]")
    done = download(tmp_path / "seed", f"{url}/list.json")
    assert done.returncode != 0 and "sha256" in done.stderr
    assert (tmp_path / "seed" / "list.json").read_text() == "[1]"


def test_a_source_that_is_nothing_is_named(tmp_path):
    done = download(tmp_path / "seed", str(tmp_path / "nowhere"))
    assert done.returncode != 0 and "nowhere" in done.stderr
