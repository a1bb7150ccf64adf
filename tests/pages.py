"""Reading an HTML page in a test: its sections, its tags."""

import re
from html.parser import HTMLParser


def section(page: str, anchor: str) -> str:
    """The HTML from a section's heading to the next one."""
    return page.split(f'<h2 id="{anchor}">')[1].split("<h2 ")[0]


class Tags(HTMLParser):
    """Every tag with its attributes, and the tags left open."""

    VOID = ("meta", "img", "wbr", "link", "br")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def require_inert(page: str) -> None:
    """The page loads nothing and runs nothing."""
    found = Tags(page)
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in found.tags}
    for _, attributes in found.tags:
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "href", "xlink:href"):
            assert attributes.get(name, "#").startswith(("#", "data:image/jpeg;base64,"))
    assert not re.search(r"https?://|@import|url\((?!#)", page)
