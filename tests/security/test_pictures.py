"""Pictures that would start a program, fill memory, never end, or lead out of their folder."""

import json
import os
import struct
import sys
import zlib
from pathlib import Path

import pytest
from PIL import Image

from attacks import cases, require_refusal, run
from data_checks.images import outside
from errors import BadInput
from image_check import look_at
from pictures import PictureFile, read_picture

pytestmark = pytest.mark.attack("security")

ROOT = Path(__file__).parents[2]
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n%%EOF\n"
SVG = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><script href="file:///etc/passwd"/></svg>'
)
XBM = b"#define a_width 8\n#define a_height 8\nstatic char a_bits[] = {0,0,0,0,0,0,0,0};\n"
OTHER = {
    "PostScript": EPS,
    "a drawing": SVG,
    "source code": XBM,
    "PDF": b"%PDF-1.4\n%%EOF\n",
    "HTML": b"<html>",
}


@pytest.mark.parametrize("content", OTHER.values(), ids=OTHER)
def test_what_calls_itself_a_jpeg_and_is_a_program_s_input_is_no_picture(tmp_path, monkeypatch, content):
    """Pillow reads PostScript with Ghostscript, if that is installed; here a stand-in leaves a mark."""
    ghostscript = tmp_path / "gs"
    ghostscript.write_text(f"#!/bin/sh\ntouch {tmp_path}/mark\n")
    ghostscript.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=r"a[.]jpg cannot be read"):
        read_picture(path, "a.jpg", "restore it")
    with pytest.raises(BadInput, match=r"a[.]jpg cannot be read"):
        PictureFile.read(path, "a.jpg", "restore it").picture()
    [seen] = look_at([str(path)], None)
    assert "cannot be read" in seen.fault and not (tmp_path / "mark").exists()
    if content == EPS:
        with pytest.raises(OSError), Image.open(path) as picture:
            picture.load()
        assert (tmp_path / "mark").exists(), "Pillow alone starts it"


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *more: bytes, rows: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = [chunk(b"IHDR", header), *more, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def deflated(size: int) -> bytes:
    return zlib.compress(bytes(size), 9)


def many_frames(kind: str, count: int) -> bytes:
    from io import BytesIO

    first, *rest = [Image.new("RGB", (64, 64), (n % 256, n // 256, 0)) for n in range(count)]
    file = BytesIO()
    first.save(file, kind, save_all=True, append_images=rest)
    return file.getvalue()


GREY = (b"\0" + bytes(24)) * 8
BOMBS = {
    "10,000 megapixels as PNG": png(100_000, 100_000),
    "18,000 megapixels, whole rows of nothing": png(150_000, 120_000, rows=bytes(1 << 20)),
    "4,000 megapixels as GIF": b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + b";",
    "4,000 megapixels as BMP": b"BM"
    + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, 65000, 65000, 1, 24, *[0] * 6),
    "a text of a gigabyte in PNG": png(8, 8, chunk(b"zTXt", b"a\0\0" + deflated(1 << 30)), rows=GREY),
    "a colour profile of a gigabyte": png(8, 8, chunk(b"iCCP", b"a\0\0" + deflated(1 << 30)), rows=GREY),
    "a thousand texts of a megabyte": png(
        8, 8, *[chunk(b"zTXt", b"a\0\0" + deflated(1 << 20))] * 1000, rows=GREY
    ),
    "10,000 megapixels as PPM": b"P6 100000 100000 255\n",
}
SOUND = {
    "2,000 frames as GIF": many_frames("GIF", 2000),
    "500 frames as PNG": many_frames("PNG", 500),
    "500 pages of TIFF": many_frames("TIFF", 500),
    "a plain picture": png(8, 8, rows=GREY),
}
READ = """
import json, resource, sys
from pathlib import Path
import pictures
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
said = {}
for name in sys.argv[1:]:
    try:
        said[name] = str(pictures.read_picture(name, name, "restore it").size)
    except pictures.BadInput as error:
        said[name] = str(error)[:300]
print(json.dumps(said))
"""


def test_a_bomb_is_refused_within_a_gigabyte_and_frames_beyond_the_first_cost_nothing(
    tmp_path, record_property
):
    cases(record_property, len(BOMBS) + len(SOUND))
    names = {}
    for number, (name, content) in enumerate((BOMBS | SOUND).items()):
        names[f"{number}.png"] = name
        (tmp_path / f"{number}.png").write_bytes(content)
    done = run([sys.executable, "-c", READ, *names], tmp_path, {"PYTHONPATH": str(ROOT / "py")}, timeout=60)
    assert done.returncode == 0, done.stderr[-2000:]
    for file, said in json.loads(done.stdout).items():
        assert ("restore it" in said) == (names[file] in BOMBS), f"{names[file]}: {said}"


def record(image: str) -> str:
    text = "<__dj__image>\na cube <|__dj__eoc|>"
    return json.dumps({"id": "a", "text": text, "images": [image]}) + "\n"


ENDLESS = {
    "a device that never ends": lambda at: os.path.relpath("/dev/zero", at),
    "a device that is empty": lambda at: os.path.relpath("/dev/null", at),
    "a pipe that nobody writes to": lambda at: os.mkfifo(at / "p.jpg") or "p.jpg",
    "a link to a device": lambda at: (at / "l.jpg").symlink_to("/dev/zero") or "l.jpg",
    "a process's memory": lambda at: os.path.relpath("/proc/self/mem", at),
    "a folder": lambda at: ".",
}


@pytest.mark.parametrize("make", ENDLESS.values(), ids=ENDLESS)
def test_an_image_that_is_no_plain_file_is_refused_at_once(tmp_path, make):
    """A path in a record may lead anywhere; the image is read in synthesis, training and evaluation alike."""
    image = make(tmp_path)
    (tmp_path / "seed.jsonl").write_text(record(image))
    check = [sys.executable, str(ROOT / "py/check_seed.py"), "--seed", "seed.jsonl", "--output", "out.jsonl"]
    done = run([*check, "--np", "1"], tmp_path, timeout=30)
    require_refusal(done, "seed.jsonl:1: id a: image", "restore it or remove the record")
    assert not (tmp_path / "out.jsonl").exists()
    with pytest.raises(BadInput, match="restore it"):
        PictureFile.read(tmp_path / image, "image a", "restore it").picture()


def test_a_secret_file_is_no_picture_and_is_not_shown(tmp_path):
    """What is not a picture is named, and none of its content."""
    (tmp_path / "passwd").write_text("root:canary:0:0\n")
    (tmp_path / "set").mkdir()
    (tmp_path / "set/link.jpg").symlink_to("../passwd")
    for image in ("../passwd", "link.jpg"):
        (tmp_path / "set/seed.jsonl").write_text(record(image))
        check = [
            sys.executable,
            str(ROOT / "py/check_seed.py"),
            "--seed",
            "set/seed.jsonl",
            "--output",
            "o.jsonl",
        ]
        done = run([*check, "--np", "1"], tmp_path)
        require_refusal(done, "id a: image", "cannot be read")
        assert "canary" not in done.stdout + done.stderr
    assert "lies outside of the file's folder" in outside("../passwd") and outside("images/a.jpg") is None
