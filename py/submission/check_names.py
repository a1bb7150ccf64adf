"""Every file by its name and kind: safe to unpack, and nothing that does not belong."""

import re
from collections import Counter
from pathlib import PurePosixPath

from submission.faults import Faults
from submission.tree import Member, Tree

JUNK = re.compile(
    r"(^|/)(__MACOSX|__pycache__|\.git|\.svn|\.ipynb_checkpoints|\.venv|\.cache)/"
    r"|(^|/)(\.DS_Store|Thumbs\.db|desktop\.ini|\._[^/]*)$|\.(pyc|pyo|swp|tmp|part)$|[~+]$"
)
SECRET_NAME = re.compile(
    r"(^|/)(\.netrc|\.env|\.pypirc|\.npmrc|\.git-credentials|id_(rsa|dsa|ecdsa|ed25519))$|\.(pem|p12)$"
)


def name_fault(name: str) -> str | None:
    """What is unsafe about a member's name, with the remedy."""
    parts = name.split("/")
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        return "an absolute path; store it relative to the submission's folder"
    if ".." in parts:
        return "leads out of the submission's folder; store it without '..'"
    if "\\" in name:
        return "a backslash in the name; store it with '/'"
    if any(part in ("", ".") for part in parts) or any(ord(letter) < 32 for letter in name):
        return "an empty or unprintable part in the name; rename it"
    return None


def check_members(tree: Tree, faults: Faults) -> None:
    """Every name and kind, whatever its place."""
    counts = Counter(member.name for member in tree.members)
    lower = Counter(name.lower() for name in counts)
    folders = {str(parent) for name in counts for parent in PurePosixPath(name).parents}
    for member in {member.name: member for member in tree.members}.values():
        for fault in _faults_of(member):
            faults.add(member.name if member.name.isprintable() else repr(member.name), fault, group=fault)
        if counts[member.name] > 1:
            faults.add(member.name, f"is in the zip {counts[member.name]} times; keep one")
        elif lower[member.name.lower()] > 1:
            faults.add(member.name, "differs from another name by upper and lower case alone; rename one")
        if member.name in folders:
            faults.add(member.name, "is a file and a folder at once; rename one")


def _faults_of(member: Member) -> list[str]:
    """Faults of one member by name, kind and size; junk is not looked at further."""
    if JUNK.search(member.name):
        return ["does not belong in a submission; remove it"]
    found = [name_fault(member.name)]
    if SECRET_NAME.search(member.name):
        found.append("may hold passwords or keys; remove it")
    if member.kind != "file":
        found.append(f"is not a plain file ({member.kind}); store the content itself")
    elif member.size == 0 and PurePosixPath(member.name).name != "__init__.py":
        found.append("is empty; restore or remove it")
    return [fault for fault in found if fault]
