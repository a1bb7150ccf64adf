"""What counts as a source, what of it may be printed, and that the Makefile's knobs agree."""

import re
from pathlib import Path

import pytest

from errors import BadInput
from fetch.sources import SUBSTITUTES, addresses, is_archive, parse, public

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("http://host/a/set.tar.gz", "url", "set.tar.gz"),
        ("https://me:pw@host:8443/a/list%201.json?sig=x/y", "url", "list 1.json"),
        ("google/gemma-2b-it", "hub", ""),
        ("openai/clip-vit-base-patch32@refs/pr/1", "hub", ""),
        ("/", "path", ""),
    ],
)
def test_a_source_is_a_url_a_hub_id_or_a_path_that_exists(text, kind, name):
    assert parse(text) == (text, kind, name)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("http://host/", "names no file"),
        ("http://host/a/..", "names no file"),
        ("http://host/a%2Fb", "names no file"),
        ("http://host:port/a", "not a valid address"),
        ("ftp://host/a.zip", "ftp:// is not supported"),
        ("file:///etc/passwd", "file:// is not supported"),
        ("/no/where", "neither a URL"),
        ("a/b/c", "neither a URL"),
    ],
)
def test_what_is_none_is_refused_with_a_remedy(text, words):
    with pytest.raises(BadInput, match=words):
        parse(text)


def test_user_password_and_query_are_not_shown():
    shown = public("fetching https://me:se@cret@host/a.tgz?token=hidden from http://you@other/b: cut")
    assert shown == "fetching https://host/a.tgz?… from http://other/b: cut"


def test_a_mirror_has_what_lies_under_the_base_and_nothing_else():
    assert addresses("http://a/x/y.zip", "http://a/x/", "http://b") == ["http://a/x/y.zip", "http://b/y.zip"]
    assert addresses("http://a/xx/y.zip", "http://a/x", "http://b") == ["http://a/xx/y.zip"]
    assert addresses("http://a/x/y.zip", "http://a/x", "") == ["http://a/x/y.zip"]


def test_archives_are_known_by_their_names():
    names = ["a.tar.gz", "a.tgz", "a.tar", "A.ZIP", "a.gz", "a.json", "tar"]
    assert [name for name in names if is_archive(name)] == names[:4]


def test_each_substitute_stands_in_the_comment_of_its_knob():
    makefile = (ROOT / "Makefile").read_text()
    for name, substitute in SUBSTITUTES.items():
        knob = "eval_set" if name == "eval" else name
        comment = re.search(rf"^## (.*)\nSOURCE\.{re.escape(knob)} \?=", makefile, re.MULTILINE)[1]
        assert substitute.split(" ")[0] in comment, name
