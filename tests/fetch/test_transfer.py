"""One file over a bad line: continued, never stitched from two versions, and each fault said in words."""

import json
import random
import shutil
import socket
import ssl
import subprocess
import threading

import pytest

from errors import BadInput
from fetch import client as http
from fetch import transfer
from fetch.parts import Part
from fetch.patience import Patience, Unreachable
from fetch.sources import Link
from web import File, serving

CONTENT = random.Random(7).randbytes(300_000)
OTHER = random.Random(8).randbytes(300_000)
QUICK = Patience(timeout=1, retries=2, pause=0)


def link_to(*urls: str, name: str = "a.bin", **more) -> Link:
    return Link(name, urls[0], list(urls), remedy="give another source with SOURCE.x=…", **more)


def fetched(link: Link, part: Part, patience: Patience = QUICK) -> bytes:
    with http.new_client(patience) as client:
        transfer.fetch(client, link, part, patience)
    return part.path.read_bytes()


@pytest.fixture
def part(tmp_path):
    return Part(tmp_path / "parts" / "a.bin")


def test_ten_cuts_at_random_end_in_the_whole_file_without_fetching_anything_twice(part):
    cuts = [random.Random(seed).randrange(1, 60_000) for seed in range(10)]
    with serving(a__bin=File(CONTENT, cuts=list(cuts))) as site:
        assert fetched(link_to(f"{site.url}/a.bin"), part) == CONTENT
    starts = [sum(cuts[:number]) for number in range(11)]
    expected = [None] + [f"bytes={at}-" for at in starts[1:] if at < len(CONTENT)]
    assert site.ranges == expected[: len(site.ranges)] and len(site.ranges) == len(expected)


def begun(part: Part, link: Link, file: File, held: int) -> None:
    """What an interrupted fetch of ``file`` leaves: ``held`` bytes."""
    with serving(a__bin=File(**{**vars(file), "cuts": [held]})) as site, pytest.raises(Unreachable):
        one_try = Patience(timeout=1, retries=0, pause=0)
        address = link_to(f"{site.url}/a.bin", digest=link.digest)
        fetched(address, part, one_try)
    note = json.loads(part.note.read_text()) | {"source": link.source, "url": link.urls[0]}
    part.note.write_text(json.dumps(note))
    assert part.size == held


DAY, NEXT = "Wed, 21 Oct 2015 07:28:00 GMT", "Thu, 22 Oct 2015 07:28:00 GMT"
RESUMED = {
    "by its ETag": (File(CONTENT), File(CONTENT), ["bytes=1000-"]),
    "by its date": (File(CONTENT, None, DAY), File(CONTENT, None, DAY), ["bytes=1000-"]),
    "not of another ETag": (File(OTHER), File(CONTENT, '"2"'), ["bytes=1000-"]),
    "not of another date": (File(OTHER, None, DAY), File(CONTENT, None, NEXT), ["bytes=1000-"]),
    "not by a weak ETag": (File(OTHER, 'W/"1"'), File(CONTENT, 'W/"1"'), [None]),
    "not where nothing tells versions apart": (File(OTHER, None), File(CONTENT, None), [None]),
    "not where the server does not continue": (
        File(CONTENT),
        File(CONTENT, continues=False),
        ["bytes=1000-"],
    ),
}


@pytest.mark.parametrize(("before", "now", "ranges"), RESUMED.values(), ids=RESUMED)
def test_a_part_is_continued_only_where_it_is_of_the_same_version(part, before, now, ranges):
    with serving(a__bin=now) as site:
        link = link_to(f"{site.url}/a.bin")
        begun(part, link, before, 1000)
        assert fetched(link, part) == CONTENT
        assert site.ranges == ranges


def test_a_part_of_another_source_is_not_continued(part):
    with serving(a__bin=File(CONTENT)) as site:
        begun(part, link_to("http://other/a.bin"), File(OTHER), 1000)
        assert fetched(link_to(f"{site.url}/a.bin"), part) == CONTENT
        assert site.ranges == [None]


def test_a_server_that_sends_another_piece_than_asked_for_is_not_believed(part):
    with serving(a__bin=File(CONTENT, '"2"')) as site:
        link = link_to(f"{site.url}/a.bin", digest="git:0")  # a known digest: no If-Range
        begun(part, link, File(OTHER), 1000)
        assert fetched(link, part) == CONTENT
        assert site.ranges == ["bytes=1000-", None]


def test_a_part_longer_than_the_file_starts_anew(part):
    with serving(a__bin=File(CONTENT[:500])) as site:
        link = link_to(f"{site.url}/a.bin")
        begun(part, link, File(CONTENT), 1000)
        assert fetched(link, part) == CONTENT[:500]
        assert site.ranges == ["bytes=1000-", None]


def test_a_whole_part_asks_the_server_nothing(part):
    with serving(a__bin=File(CONTENT)) as site:
        fetched(link_to(f"{site.url}/a.bin"), part)
        site.asked.clear()
        assert fetched(link_to(f"{site.url}/a.bin"), part) == CONTENT
        assert not site.asked


def test_a_proxy_that_cuts_everything_at_the_same_place_ends_with_a_message_and_the_part_is_kept(part):
    with serving(a__bin=File(CONTENT, always_cut=5_000, continues=False)) as site:
        with pytest.raises(Unreachable, match=r"cut.*what was fetched is kept: run again .*SOURCE\.x"):
            fetched(link_to(f"{site.url}/a.bin"), part)
        assert len(site.ranges) == 1 + QUICK.retries and part.size == 5_000


def test_a_silent_connection_ends_and_is_tried_again(part):
    with serving(a__bin=File(CONTENT, silent_after=1 << 14)) as site:
        with pytest.raises(Unreachable, match=r"silent for 0\.2 s"):
            fetched(link_to(f"{site.url}/a.bin"), part, Patience(timeout=0.2, retries=0, pause=0))
        site.files["/a.bin"].silent_after = None
        assert fetched(link_to(f"{site.url}/a.bin"), part) == CONTENT
        assert site.ranges == [None, f"bytes={1 << 14}-"]


def test_a_busy_server_is_tried_again_and_a_dead_one_given_up(part):
    with serving(a__bin=File(CONTENT, failures=2), b__bin=File(failures=99)) as site:
        assert fetched(link_to(f"{site.url}/a.bin"), part) == CONTENT
        with pytest.raises(Unreachable, match=r"a\.bin: http://.*/b\.bin answers HTTP 503"):
            fetched(link_to(f"{site.url}/b.bin"), part)


def test_the_mirror_is_tried_where_the_first_cannot_be_reached_and_a_part_continued_there(part):
    with serving(a__bin=File(CONTENT, cuts=[1000])) as first, serving(a__bin=File(CONTENT)) as second:
        link = link_to(f"{first.url}/a.bin", f"{second.url}/a.bin")
        first.files["/a.bin"].always_cut = 0
        assert fetched(link, part) == CONTENT
        assert second.ranges == ["bytes=1000-"]


def test_the_mirror_is_tried_where_the_first_has_no_such_file_and_it_is_said(part, capsys):
    with serving() as first, serving(a__bin=File(CONTENT)) as second:
        assert fetched(link_to(f"{first.url}/a.bin", f"{second.url}/a.bin"), part) == CONTENT
        assert f"{first.url}/a.bin: the server has no such file" in capsys.readouterr().out
        with pytest.raises(
            BadInput, match=rf"{first.url}/b.bin: .* no such .*{second.url}/b.bin: .* no such"
        ):
            fetched(link_to(f"{first.url}/b.bin", f"{second.url}/b.bin"), Part(part.path.with_name("b.bin")))


STATUSES = {
    404: "the server has no such file .*SOURCE",
    410: "the server has no such file",
    403: r"HTTP 403.*a login or a fresh signed address",
    401: r"HTTP 401",
    407: "the proxy wants user and password",
    400: r"cannot be fetched \(HTTP 400\)",
}


@pytest.mark.parametrize(("status", "words"), STATUSES.items())
def test_a_refusal_is_said_at_once_and_leaves_the_part(part, status, words):
    with serving(a__bin=File(CONTENT)) as site:
        link = link_to(f"{site.url}/a.bin")
        begun(part, link, File(CONTENT), 1000)
        site.files["/a.bin"].status = status
        with pytest.raises(BadInput, match=words) as caught:
            fetched(link, part)
        assert not isinstance(caught.value, Unreachable) and len(site.asked) == 1
    assert part.size == 1000


@pytest.mark.parametrize(
    "page",
    [
        File(b"<p>log in", headers={"Content-Type": "text/html; charset=utf-8"}),
        File(b"\n <!DOCTYPE HTML><title>log in</title>"),
        File(b"<html>log in"),
    ],
)
@pytest.mark.parametrize(
    ("name", "wanted"), [("a.zip", "not an archive"), ("a.json", "not JSON"), ("a", "not the")]
)
def test_a_portals_page_is_refused_and_the_part_stays(part, page, name, wanted):
    page.etag = '"page"'
    with serving(a__bin=page) as site:
        link = link_to(f"{site.url}/a.bin", name=name)
        begun(part, link, File(CONTENT), 1000)
        with pytest.raises(BadInput, match=f"{wanted}.* web page"):
            fetched(link, part)
    assert part.path.read_bytes() == CONTENT[:1000]


NET_FAULTS = {
    "the name cannot be resolved": socket.gaierror(-2, "Name or service not known"),
    "the connection is refused": ConnectionRefusedError(111, "Connection refused"),
    "No route to host": OSError(113, "No route to host"),
    "the connection timed out": TimeoutError("timed out"),
}


@pytest.mark.parametrize(("words", "error"), NET_FAULTS.items())
def test_a_server_out_of_reach_is_named_with_the_reason(part, monkeypatch, words, error):
    def fails(*_args, **_more):
        raise error

    monkeypatch.setattr(socket, "create_connection", fails)
    with pytest.raises(Unreachable, match=f"a.bin: files.example: .*{words}.*run again"):
        fetched(link_to("http://files.example/a.bin"), part)


def test_the_proxy_of_the_environment_is_used_and_named_without_its_password(part, monkeypatch):
    with serving(a__bin=File(CONTENT)) as site:
        monkeypatch.setenv("HTTP_PROXY", site.url.replace("//", "//me:secret@"))
        assert fetched(link_to("http://files.example/a.bin"), part) == CONTENT
    part.discard()
    with pytest.raises(Unreachable, match="through the proxy http://127") as caught:
        fetched(link_to("http://files.example/a.bin"), part)
    assert "secret" not in str(caught.value)


def redirected(to: str) -> File:
    return File(status=302, headers={"Location": to})


def test_a_redirect_on_the_same_host_is_followed(part):
    with serving(a__bin=redirected("/b.bin"), b__bin=File(CONTENT)) as site:
        assert fetched(link_to(f"{site.url}/a.bin"), part) == CONTENT


def test_a_redirect_to_another_host_is_refused_unless_it_is_listed(part):
    with serving(b__bin=File(CONTENT)) as other, serving(a__bin=redirected(f"{other.url}/b.bin")) as site:
        here, there = (one.url.removeprefix("http://") for one in (site, other))
        remedy = f"{here} sends to another host, {there}; .*give that address .*REDIRECT_HOSTS={there}"
        with pytest.raises(BadInput, match=remedy):
            fetched(link_to(f"{site.url}/a.bin"), part)
        assert not other.asked
        assert fetched(link_to(f"{site.url}/a.bin", hosts=(there,)), part) == CONTENT


def test_a_login_is_not_carried_to_another_host(part):
    with serving(b__bin=File(CONTENT)) as other, serving(a__bin=redirected(f"{other.url}/b.bin")) as site:
        headers = {"authorization": "Bearer secret"}
        fetched(link_to(f"{site.url}/a.bin", hosts=("*",), headers=headers), part)
    assert site.authorizations[-1] == "Bearer secret" and other.authorizations == [None]


@pytest.mark.parametrize("to", ["file:///etc/passwd", "ftp://127.0.0.1/a", "javascript:alert(1)"])
def test_a_redirect_to_another_scheme_is_never_followed(part, to):
    with (
        serving(a__bin=redirected(to)) as site,
        pytest.raises(BadInput, match=r"never followed|to no address"),
    ):
        fetched(link_to(f"{site.url}/a.bin", hosts=("*",)), part)


def test_redirects_in_a_circle_end(part):
    with serving(a__bin=redirected("/a.bin")) as site, pytest.raises(BadInput, match="over 10 redirects"):
        fetched(link_to(f"{site.url}/a.bin"), part)


@pytest.fixture
def certificate(tmp_path):
    if not shutil.which("openssl"):
        pytest.skip("needs openssl to make a certificate")
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        key,
        "-out",
        cert,
        *subject,
    ]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return cert, context


def test_a_certificate_must_be_trusted_and_https_never_becomes_http(part, certificate, monkeypatch):
    cert, context = certificate
    with serving(a__bin=File(CONTENT)) as plain:
        files = {
            "a__bin": File(CONTENT),
            "b__bin": redirected(plain.url.replace("127.0.0.1", "localhost") + "/a.bin"),
        }
        with serving(tls=context, **files) as site:
            url = site.url.replace("http://127.0.0.1", "https://localhost")
            with pytest.raises(BadInput, match=r"TLS fails: self.signed certificate.*SSL_CERT_FILE"):
                fetched(link_to(f"{url}/a.bin"), part)
            monkeypatch.setenv("SSL_CERT_FILE", str(cert))
            assert fetched(link_to(f"{url}/a.bin"), part) == CONTENT
            part.discard()
            with pytest.raises(BadInput, match="from https to http, never followed"):
                fetched(link_to(f"{url}/b.bin", hosts=("*",)), part)


def test_the_size_is_known_from_head_or_else_from_get():
    with serving(a__bin=File(CONTENT), b__bin=File(CONTENT, answers_head=False)) as site:
        links = [link_to(f"{site.url}/{x}.bin") for x in "ab"]
        client = http.new_client(QUICK)
        sizes = [transfer.size_of(client, link, QUICK) for link in links]
    assert sizes == [len(CONTENT)] * 2 and [one[0] for one in site.asked] == ["HEAD", "HEAD", "GET"]


def test_a_file_that_arrives_compressed_is_refused(part):
    coded = File(CONTENT, headers={"Content-Encoding": "br"})
    with serving(a__bin=coded) as site, pytest.raises(BadInput, match=r"arrives compressed \(br\)"):
        fetched(link_to(f"{site.url}/a.bin"), part)


def test_a_file_of_untold_length_arrives_and_a_second_start_knows_that_it_is_whole(part, capsys):
    with serving(a__bin=File(CONTENT, says_length=False)) as site:
        assert fetched(link_to(f"{site.url}/a.bin"), part) == CONTENT
        assert "a cut would go unnoticed" in capsys.readouterr().out
        assert fetched(link_to(f"{site.url}/a.bin"), part) == CONTENT and len(site.asked) == 1


def test_a_part_whose_note_is_broken_is_no_part(part):
    part.path.parent.mkdir()
    part.path.write_bytes(CONTENT)
    part.note.write_text("{")
    with serving(a__bin=File(OTHER)) as site:
        assert fetched(link_to(f"{site.url}/a.bin"), part) == OTHER
        assert site.ranges == [None]


def answering(*answers: bytes) -> tuple[str, list[bytes]]:
    """The address of a server that sends each of ``answers`` as it is, and what it was asked."""
    server, asked = socket.create_server(("127.0.0.1", 0)), []

    def serve() -> None:
        with server:
            for answer in answers:
                with server.accept()[0] as connection:
                    asked.append(connection.recv(1 << 16))
                    connection.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()
    return f"http://127.0.0.1:{server.getsockname()[1]}/a.bin", asked


CUT = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n%s\r\n01234"
REST = b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 5-%s\r\nConnection: close\r\n\r\n"


def test_a_piece_of_an_untold_whole_is_measured_by_what_was_told_before(part, capsys):
    last = (REST % b"9/*").replace(b"5-", b"7-") + b"789"
    url, _ = answering(CUT % b'ETag: "a"\r\n', REST % b"9/*" + b"56", last)
    assert fetched(link_to(url), part, Patience(2, 1, 0)) == b"0123456789"
    assert "cut at 7 of 10 bytes" in capsys.readouterr().out


NONSENSE = {
    "a whole in digits of no number": (REST % "9/²".encode("latin-1") + b"56789", None),
    "a whole of 5,000 digits": (REST % (b"9/" + b"9" * 5_000) + b"56789", None),
    "a pause in digits of no number": (b"HTTP/1.1 503 Busy\r\nRetry-After: \xb2\r\n\r\n", "HTTP 503"),
    "a redirect to no name": (
        b"HTTP/1.1 302 Found\r\nLocation: http://xn--/\r\n\r\n",
        "redirected to no address",
    ),
}


@pytest.mark.parametrize(("answer", "words"), NONSENSE.values(), ids=NONSENSE)
def test_headers_that_make_no_sense_end_in_the_file_or_in_a_message(part, answer, words):
    url, _ = answering(CUT % b'ETag: "a"\r\n', answer)
    if words is None:
        assert fetched(link_to(url), part, Patience(2, 1, 0)) == b"0123456789"
    else:
        with pytest.raises(BadInput, match=words):
            fetched(link_to(url), part, Patience(2, 1, 0))


def test_a_version_that_cannot_be_sent_back_is_not(part):
    url, asked = answering(CUT % b'ETag: "\xe9"\r\nLast-Modified: \xe9\r\n', (CUT % b"") + b"56789")
    assert fetched(link_to(url), part, Patience(2, 1, 0)) == b"0123456789"
    assert len(asked) == 2 and b"If-Range" not in asked[1]
