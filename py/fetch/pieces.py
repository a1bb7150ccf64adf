"""The pieces that sources consist of: found, measured, verified, put into place."""

import re
from pathlib import Path
from typing import NamedTuple

import httpx

from errors import BadInput
from fetch import checksums, content, folder, hub, room, sources, transfer
from fetch.parts import Part
from fetch.patience import Patience
from fetch.sources import Link, Source, is_archive, public
from progress import say
from unpack import Survey, survey, unpack


class Settings(NamedTuple):
    """What holds for all sources of a folder."""

    output: Path
    remedy: str
    base: str = ""
    mirror: str = ""
    hosts: tuple[str, ...] = ()
    patience: Patience = Patience()

    @property
    def parts(self) -> Path:
        return folder.beside(self.output, ".part")


class Piece(NamedTuple):
    """One file, or one local folder, of the folder to be: where it lies, and under which name it goes in."""

    path: Path
    name: str
    source: str
    link: Link | None = None


def pieces_of(source: Source, settings: Settings) -> list[Piece]:
    """What a source consists of; asks the hub what a model consists of."""
    if source.kind == "path":
        path = Path(source.text)
        return [Piece(path, path.name, source.text)]
    if source.kind == "url":
        urls = sources.addresses(source.text, settings.base, settings.mirror)
        link = Link(source.name, public(source.text), urls, hosts=settings.hosts, remedy=settings.remedy)
        return [Piece(settings.parts / link.name, link.name, link.source, link)]
    model = hub.model(source.text, settings.hosts, settings.patience, settings.remedy)
    without = f", without {', '.join(model.left_out)}" if model.left_out else ""
    say(f"{source.text}: {len(model.links)} files at {model.commit}{without}")
    own = settings.parts / re.sub(r"[/@]", "--", source.text)
    return [Piece(own / link.name, link.name, source.text, link) for link in model.links]


def check_room(client: httpx.Client, pieces: list[Piece], settings: Settings) -> None:
    """Raise `BadInput` where what is still to fetch, and to unpack or copy, does not fit on the disk."""
    total = 0
    for piece in pieces:
        if piece.link is None:
            files = folder.files_of(piece.path) if piece.path.is_dir() else [(piece.path, None)]
            size = sum(file.stat().st_size for file, _ in files)
            total += round(size * room.UNPACKED) if is_archive(piece.name) else size
            continue
        part = Part(piece.path)
        size = (
            part.size if part.whole(piece.link) else transfer.size_of(client, piece.link, settings.patience)
        )
        if size is None:
            say(f"{piece.name}: its server does not say how large it is; there may be no room for it")
            continue
        total += max(size - part.size, 0) + (round(size * room.UNPACKED) if is_archive(piece.name) else 0)
    room.check(settings.output, total, "the downloads and what is in them")


def verify(piece: Piece, settings: Settings) -> Survey | None:
    """Raise `Refused`, and keep no fetched copy, where a file is not what it should be."""
    where = piece.source if piece.name in piece.source else f"{piece.source}: {piece.name}"
    try:
        content.check(piece.path, piece.name, where)
        found = survey(piece.path) if is_archive(piece.name) else None
        listed = piece.link.digest if piece.link else None
        record = folder.beside(settings.output, ".sha256")
        checksums.check(piece.path, piece.name, piece.source, record, listed)
    except content.Refused:
        if piece.link:
            Part(piece.path).discard()
        raise
    return found


def place(piece: Piece, found: Survey | None, aside: Path) -> None:
    """Put a piece into the folder to be, where it counts before what earlier sources have there."""
    if piece.path.is_dir():
        if piece.path.resolve() in aside.resolve().parents:
            raise BadInput(f"{piece.path}: the source holds the folder that is to be made; name another")
        files = folder.files_of(piece.path)
        replaced = sum(folder.put(file, aside / name, own=False) for file, name in files)
    elif found is None:
        replaced = folder.put(piece.path, aside / piece.name, own=piece.link is not None)
    else:
        replaced = unpack(piece.path, aside, found)
    if replaced:
        say(f"{piece.name} counts for {replaced:,} files that a source before it has too")
