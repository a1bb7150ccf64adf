"""What is to be fetched is asked for, of servers of the test's own."""

import http.server
import socket
import threading

import pytest

from doctor import servers


class Handler(http.server.BaseHTTPRequestHandler):
    """Has what does not say otherwise in its name."""

    def do_HEAD(self):
        known = {"missing": 404, "busy": 503, "no_head": 405}
        status = next((code for word, code in known.items() if word in self.path), 200)
        if "locked" in self.path and self.headers["Authorization"] != "Basic bWU6c2VjcmV0":  # me:secret
            status = 404
        if "moved" in self.path:
            status = 302
        self.send_response(status)
        if "moved" in self.path:
            self.send_header("Location", f"http://localhost:{self.server.server_port}/a.tar.gz")
        if "portal" in self.path:
            self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()

    do_GET = do_HEAD  # which urllib makes of a HEAD that is redirected

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()


@pytest.fixture
def closed():
    """An address where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


@pytest.mark.parametrize(
    ("path", "level", "words"),
    [
        ("a.tar.gz", "ok", "answers for 1 files"),
        ("no_head.tar.gz", "ok", "answers"),
        ("missing.tar.gz", "error", "HTTP 404"),
        ("busy.tar.gz", "error", "HTTP 503"),
        ("portal.tar.gz", "error", "a web page in its place"),
        ("moved.tar.gz", "error", "redirected to another host"),
    ],
)
def test_a_source_that_a_server_does_not_have_is_named(about, server, path, level, words):
    found = about(servers.sources, source=(f"seed_set={server}/{path}",))
    assert found.level == level and words in found.found


def test_a_redirect_that_is_allowed_is_followed(about, server):
    source = (f"seed_set={server}/moved.tar.gz",)
    assert about(servers.sources, source=source, redirect_hosts="cdn.example,localhost").level == "ok"


def test_what_is_no_web_server_is_a_finding(about):
    with socket.create_server(("127.0.0.1", 0)) as other:

        def greet():
            with other.accept()[0] as connection:
                connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
                connection.recv(1000)

        threading.Thread(target=greet, daemon=True).start()
        found = about(servers.sources, source=(f"seed_set=http://127.0.0.1:{other.getsockname()[1]}/a.tar",))
    assert found.level == "error" and "SSH-2.0" in found.found


def test_a_server_that_does_not_answer_is_named_once(about, closed):
    sources = (f"seed_set={closed}/a.tar.gz {closed}/b.json", f"eval_set={closed}/c.tar.gz")
    found = about(servers.sources, source=sources)
    assert found.level == "error" and "SOURCE.seed_set, SOURCE.eval_set" in found.remedy


def test_of_several_files_only_the_missing_ones_are_named(about, server):
    found = about(servers.sources, source=(f"seed_set={server}/a.tar.gz {server}/missing.json",))
    assert found.found.startswith(f"{server}/missing.json")


def test_hub_ids_are_asked_of_the_hub(machine, about, server, closed):
    machine.environ["HF_ENDPOINT"] = server
    assert about(servers.sources, source=("blip2-opt-2.7b=owner/name",)).level == "ok"
    assert "404" in about(servers.sources, source=("blip2-opt-2.7b=owner/missing",)).found
    assert about(servers.sources, source=("blip2-opt-2.7b=owner/moved",)).level == "ok", "of its API"
    machine.environ["HF_ENDPOINT"] = closed
    found = about(servers.sources, source=("blip2-opt-2.7b=owner/name",))
    assert found.level == "error" and "set HF_ENDPOINT or" in found.remedy


def test_what_is_there_or_local_is_not_asked_for(machine, about, tmp_path, closed):
    mark = machine.folder / "data/.make/seed_set.made"
    mark.parent.mkdir(parents=True)
    mark.touch()
    sources = (f"seed_set={closed}/a.tar.gz", f"gemma-2b-it={tmp_path}")
    assert about(servers.sources, source=sources).level == "ok"
    found = about(servers.sources, "source", source=(f"gemma-2b-it={tmp_path}/nothing",))
    assert found.level == "error" and found.remedy == "correct SOURCE.gemma-2b-it"


def test_a_mirror_stands_in_for_a_server_that_is_down(about, server, closed):
    knobs = {"source": (f"seed_set={closed}/x/a.tar.gz",), "source_base": f"{closed}/x"}
    assert about(servers.sources, **knobs).level == "error"
    assert about(servers.sources, mirror=f"{server}/y", **knobs).level == "ok"


def test_passwords_and_tokens_are_used_and_not_printed(about, server):
    address = server.replace("//", "//me:secret@")
    assert about(servers.sources, source=(f"seed_set={address}/locked",)).level == "ok"
    line = about(servers.sources, source=(f"seed_set={address}/missing.json?token=secret",)).line()
    assert "secret" not in line and "missing.json" in line
