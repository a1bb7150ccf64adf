"""``weights/manifest.json``: what the stand-ins are, how they were trained, how well they do."""

import hashlib
from pathlib import Path

from json_files import read_json, write_json


def hashes(weights: Path) -> dict[str, str]:
    """SHA-256 of every file of every model folder, by its path below ``weights``."""
    files = sorted(path for path in weights.glob("*/*") if path.is_file())
    return {
        path.relative_to(weights).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }


def check_hashes(weights: Path) -> list[str]:
    """Paths that are missing, changed, or not in the manifest; empty when all is well."""
    stored, found = read_json(weights / "manifest.json")["sha256"], hashes(weights)
    return sorted(path for path in stored.keys() | found.keys() if stored.get(path) != found.get(path))


def write_manifest(weights: Path, models: dict[str, dict]) -> None:
    """Write the manifest: ``models`` has per name the hyperparameters, the seconds and the quality."""
    for name, facts in models.items():
        files = [path for path in (weights / name).iterdir() if path.is_file()]
        facts["bytes"] = sum(path.stat().st_size for path in files)
    write_json(weights / "manifest.json", {"models": models, "sha256": hashes(weights)})
