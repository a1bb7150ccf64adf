"""A local web server for tests of downloads: it continues files, cuts, stalls and lies on request."""

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

PIECE = 1 << 14


@dataclass
class File:
    """One address: its content and how the server deals with it."""

    content: bytes = b""
    etag: str | None = '"1"'
    modified: str | None = None
    continues: bool = True
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cuts: list[int] = field(
        default_factory=list
    )  # one for each GET: bytes of the body before the connection ends
    always_cut: int | None = None
    silent_after: int | None = None
    seconds_a_piece: float = 0
    answers_head: bool = True
    says_length: bool = True
    failures: int = 0  # GETs and HEADs that get 503 first


@dataclass
class Site:
    """A running server: its files by path, and the requests that it got, as (method, path, Range)."""

    url: str = ""
    files: dict[str, File] = field(default_factory=dict)
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def ranges(self) -> list[str | None]:
        """What the GETs asked for."""
        return [wanted for method, _, wanted in self.asked if method == "GET"]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, body: bool) -> None:
        site, path = self.server.site, urlsplit(self.path).path
        site.asked.append((self.command, path, self.headers["Range"]))
        site.authorizations.append(self.headers["Authorization"])
        file = site.files.get(path)
        if file is None or (not body and not file.answers_head) or file.failures:
            if file is not None and file.failures:
                file.failures -= 1
            return self.refuse(404 if file is None else 503 if body else 405)
        start = self.start_of(file)
        whole, status = len(file.content), file.status
        if start is not None and start >= whole:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{whole}")
            return self.end(0)
        if start is not None:
            status = 206
        self.send_response(status)
        for name, value in (("ETag", file.etag), ("Last-Modified", file.modified), *file.headers.items()):
            if value is not None:
                self.send_header(name, value)
        if start is not None:
            self.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
        sent = file.content[start or 0 :]
        self.end(len(sent) if file.says_length else None)
        if body:
            self.send_body(file, sent)
        return None

    def refuse(self, status: int) -> None:
        self.send_response(status)
        self.end(0)

    def end(self, length: int | None) -> None:
        if length is None:
            self.close_connection = True
        else:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def start_of(self, file: File) -> int | None:
        """Where the asked range starts, if the file is continued and still the same version."""
        wanted, condition = self.headers["Range"], self.headers["If-Range"]
        if wanted is None or not file.continues or file.status != 200:
            return None
        if condition is not None and condition not in (file.etag, file.modified):
            return None
        return int(wanted.removeprefix("bytes=").removesuffix("-"))

    def send_body(self, file: File, sent: bytes) -> None:
        cut = file.cuts.pop(0) if file.cuts else file.always_cut
        until = len(sent) if cut is None else cut
        try:
            for at in range(0, min(until, len(sent)), PIECE):
                if file.silent_after is not None and at >= file.silent_after:
                    self.server.site.stopped.wait(30)
                    break
                self.wfile.write(sent[at : min(at + PIECE, until)])
                time.sleep(file.seconds_a_piece)
        except OSError:  # the client went away
            self.close_connection = True
        if cut is not None or file.silent_after is not None:
            self.close_connection = True


@contextmanager
def serving(tls: ssl.SSLContext | None = None, **files: File) -> Iterator[Site]:
    """A site with ``files``, each at ``/`` and its name, a double underscore standing for the dot."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        server.daemon_threads = True
        server.site = site = Site(f"http://127.0.0.1:{server.server_port}")
        site.files |= {"/" + name.replace("__", "."): file for name, file in files.items()}
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            yield site
        finally:
            site.stopped.set()
            server.shutdown()
