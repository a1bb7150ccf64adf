"""Fetch the sources of one model or data set into a folder: all of them, checked, or nothing.

    python py/fetch_sources.py --output models/10k/gemma-2b-it google/gemma-2b-it

A source is a URL (an archive is unpacked, its single top folder dropped), a hub id (owner/name or
owner/name@revision), or a local folder, archive or file. What was fetched stays in FOLDER.part until all is
there, and is continued by the next start; each file's sha256 is recorded in FOLDER.sha256 at first sight.
"""

import errno
import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cli
from errors import BadInput
from fetch import folder, room, sources, transfer
from fetch.client import new_client
from fetch.parts import Part
from fetch.patience import Patience
from fetch.pieces import Piece, Settings, check_room, pieces_of, place, verify
from fetch.sources import Source
from graph.sizes import readable
from progress import say

FULL = {
    errno.ENOSPC: "no space left",
    errno.EDQUOT: "the quota is used up",
    errno.EFBIG: "a file grew too large",
}


@contextmanager
def prepared(settings: Settings) -> Iterator[None]:
    """Hold the folder of the parts, alone; name the remedy where the disk fills up."""
    settings.parts.mkdir(parents=True, exist_ok=True)
    with (settings.parts / ".lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BadInput(f"{settings.parts}: another download fills it; wait for it or stop it") from error
        folder.recover(settings.output)
        try:
            yield
        except OSError as error:
            if error.errno not in FULL:
                raise
            free = readable(shutil.disk_usage(settings.parts).free)
            raise BadInput(
                f"{settings.output}: {FULL[error.errno]} ({free} free); what was fetched stays in "
                f"{settings.parts}; {room.remedy(settings.output)}, then run again to continue"
            ) from error


def check_names(pieces: list[Piece]) -> None:
    """Raise `BadInput` where two pieces would lie at one path."""
    paths = set()
    for piece in pieces:
        if piece.path in paths:
            raise BadInput(f"{piece.name}: two sources of one folder have this name; leave one out")
        paths.add(piece.path)


def fetch(given: list[Source], settings: Settings) -> None:
    """Fetch, check and gather all sources; then put them in place of what was in the folder."""
    with prepared(settings), new_client(settings.patience) as client:
        pieces = [piece for source in given for piece in pieces_of(source, settings)]
        check_names(pieces)
        check_room(client, pieces, settings)
        found = {}
        for piece in sorted(pieces, key=lambda piece: piece.link is not None):  # what needs no network first
            if piece.link:
                transfer.fetch(client, piece.link, Part(piece.path), settings.patience)
            if not piece.path.is_dir():
                found[piece.path] = verify(piece, settings)
        with folder.filled_aside(settings.output) as aside:
            for piece in pieces:
                place(piece, found.get(piece.path), aside)
        shutil.rmtree(settings.parts)
    say(f"{settings.output} is complete")


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--output", type=Path, required=True, help="folder to make")
    parser.add_argument("--knob", help="what messages tell to set (default: SOURCE.NAME)")
    parser.add_argument("--base", default="", help="beginning that --mirror replaces (default: none)")
    parser.add_argument("--mirror", default="", help="base to try where --base gives no file (default: none)")
    parser.add_argument("--redirect_hosts", default="", help="that a redirect may lead to (default: none)")
    parser.add_argument("--timeout", type=float, default=60, help="seconds of silence (default: 60)")
    parser.add_argument("--retries", type=int, default=5, help="tries without progress (default: 5)")
    parser.add_argument("--pause", type=float, default=1, help="seconds between tries; doubles (default: 1)")
    parser.add_argument("sources", nargs="*", help="URLs, hub ids, local paths")
    args = parser.parse_args()
    output, knob = args.output, args.knob or f"SOURCE.{args.output.name}"
    if not args.sources:
        raise BadInput(f"no source for {output}; set {knob} to a URL, a hub id or a local path")
    if args.mirror and not args.base:
        raise BadInput("--mirror needs --base: the beginning of addresses that it stands for")
    substitute = sources.SUBSTITUTES.get(output.name)
    remedy = f"give another source with {knob}=…" + (f", for instance {substitute}" if substitute else "")
    hosts = tuple(args.redirect_hosts.replace(",", " ").split())
    patience = Patience(args.timeout, args.retries, args.pause)
    fetch(
        [sources.parse(text) for text in args.sources],
        Settings(output, remedy, args.base, args.mirror, hosts, patience),
    )


if __name__ == "__main__":
    cli.run(main)
