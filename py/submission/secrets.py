"""Passwords, keys and tokens that slipped into a file."""

import re
from collections.abc import Mapping

from errors import BadInput
from submission import rules
from submission.faults import Faults
from submission.tree import Tree

PATTERNS = {
    "a private key": rb"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "a Hugging Face token": rb"\bhf_[A-Za-z0-9]{20,}",
    "an AWS key": rb"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "an Alibaba Cloud key": rb"\bLTAI[0-9A-Za-z]{12,26}\b",
    "a GitHub token": rb"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{40,})",
    "an API key": rb"\bsk-[A-Za-z0-9_-]{32,}",
    "a Slack token": rb"\bxox[abprs]-[A-Za-z0-9-]{10,}",
    "a password in a URL": rb"\b[a-z][a-z0-9+.]{1,9}://[^\s/:@'\"<>]{1,64}"
    rb":(?!(?:secret|passw(?:or)?d|pass|pw|token)@)[^\s/@'\"<>{}$*%]{3,64}@[a-z0-9]",
    "a password (.netrc)": rb"\bmachine\s+\S+\s+login\s+\S+\s+password\s+\S+",
}
SECRET_VARIABLE = re.compile(r"TOKEN|SECRET|PASSW|CREDENTIAL|(API|ACCESS|PRIVATE)_?KEY", re.IGNORECASE)
BLOCK, OVERLAP = 1 << 20, 512
MOST_BYTES = 8 << 30


def environment_secrets(environment: Mapping[str, str]) -> dict[str, bytes]:
    """What the environment keeps secret here: it must not be in the submission either."""
    return {
        f"the value of ${name}": re.escape(value).encode()
        for name, value in environment.items()
        if SECRET_VARIABLE.search(name) and len(value) >= 12 and not value.startswith("/")
    }


def check_secrets(tree: Tree, faults: Faults, environment: Mapping[str, str]) -> None:
    """Read every file but weights and images, and name those that hold a secret; the secret is not shown."""
    patterns = {name: re.compile(p) for name, p in {**PATTERNS, **environment_secrets(environment)}.items()}
    read = 0
    for name, member in tree.files.items():
        if name.endswith(rules.INCOMPRESSIBLE):
            continue
        read += member.size
        if read > MOST_BYTES:
            faults.add(
                name, f"more than {MOST_BYTES:,} bytes of text up to here; not read, remove what is too much"
            )
            return
        try:
            tree.require(name, rules.TEXT_BYTES)
            for found in _found(tree, name, patterns):
                faults.add(name, f"holds {found}; remove it, and have it revoked if it was shown to anybody")
        except BadInput as error:
            faults.add(name, str(error))


def _found(tree: Tree, name: str, patterns: dict[str, re.Pattern]) -> list[str]:
    """Which of the patterns are in the file, read in blocks that overlap."""
    found, tail = set(), b""
    with tree.open(name) as file:
        while block := file.read(BLOCK):
            block = tail + block
            found |= {
                secret
                for secret, pattern in patterns.items()
                if secret not in found and pattern.search(block)
            }
            tail = block[-OVERLAP:]
    return [secret for secret in patterns if secret in found]
