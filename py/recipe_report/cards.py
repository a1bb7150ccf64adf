"""One record before and after, as the page shows it: thumbnail, captions, their difference, statistics."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup

from errors import BadInput
from pictures import read_picture
from recipe_report.texts import number, shorten, word_diff
from recipe_report.thumbnails import Picture, thumbnail

MOST_PICTURES = 150
MOST_WORDS_READ = 8
SILENT = (("caption_check", "ok"),)  # notes that go without saying


class Card(NamedTuple):
    """A record; ``after`` is None where the caption is the seed's; of the flags only those that are set."""

    line: dict
    picture: Picture
    before: Markup
    after: Markup | None
    stats: list[tuple[str, str]]
    notes: list[tuple[str, str]]


class Gallery:
    """Makes thumbnails, at most `MOST_PICTURES`, so that the page stays one that a browser opens."""

    def __init__(self, images: dict[str, Path]) -> None:
        self.images, self.count = images, 0

    def picture(self, line: dict, boxes: Iterable[list] = ()) -> Picture:
        """The thumbnail of a record, with ``boxes`` (left, top, right, bottom in the image's pixels)."""
        path = self.images.get(line["id"])
        if path is None:
            return Picture("no usable record of this id in the seed file")
        if self.count >= MOST_PICTURES:
            return Picture(f"a page holds at most {MOST_PICTURES} pictures")
        try:
            image = read_picture(path, path.name, "restore it")
        except (BadInput, OSError) as error:
            return Picture(str(error))
        self.count += 1
        about = f"{line['id']}: {shorten(line.get('caption') or line.get('seed_caption') or '', 120)}"
        return thumbnail(image, about, boxes)

    def card(self, line: dict, words: bool = False) -> Card:
        """Everything about one record; ``words``: those that OCR read as well, and a frame for each."""
        before, after = shorten(line.get("seed_caption") or ""), line.get("caption")
        left, right = (
            word_diff(before, shorten(after)) if after is not None else (Markup.escape(before), None)
        )
        read = words_of(line.get("notes", {})) if words else []
        picture = self.picture(line, [word["box"] for word in read])
        told = {name: value for name, value in line["stats"].items() if value is not False}
        stats = [(name, number(value)) for name, value in told.items()]
        return Card(line, picture, left, right, stats, list(notes_of(line, read)))


def words_of(notes: dict) -> list[dict]:
    """The words that OCR read, of those entries that have a text and a box of four numbers."""
    found = notes.get("ocr")
    entries = [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []
    return [
        entry
        for entry in entries
        if isinstance(entry.get("text"), str)
        and isinstance(entry.get("box"), list)
        and len(entry["box"]) == 4
        and all(isinstance(side, int | float) for side in entry["box"])
    ]


def notes_of(line: dict, read: list[dict]) -> Iterable[tuple[str, str]]:
    """(name, text) of each note of a ledger's line that says something, with the words that were ``read``."""
    if read:
        listed = [f"{word['text']} ({number(word.get('confidence'))})" for word in read[:MOST_WORDS_READ]]
        more = [f"and {len(read) - MOST_WORDS_READ} more"] if len(read) > MOST_WORDS_READ else []
        yield "words read", shorten(", ".join(listed + more))
    for name, value in line.get("notes", {}).items():
        if name == "candidates" and isinstance(value, list):
            others = [str(caption) for caption in value if caption != line.get("caption")]
            yield "other candidates", shorten(" | ".join(others))
        elif name != "ocr" and (name, value) not in SILENT and value != "":
            yield name, shorten(str(value))
