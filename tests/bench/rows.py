"""A benchmark's rows: what each holds, and how they are printed and written."""

import json
from pathlib import Path

from records import write_json


def row(
    name: str,
    value: float,
    unit: str,
    target: float | None = None,
    goal: float | None = None,
    higher_is_better: bool = False,
    **detail: object,
) -> dict:
    """A row; without ``target`` it only informs."""
    limits = {"target": target, "goal": goal, "higher_is_better": higher_is_better}
    return {"name": name, "value": value, "unit": unit} | limits | {"detail": detail}


def tell(rows: list[dict], path: Path | None) -> None:
    """Print ``rows``, and write them to ``path`` if there is one."""
    for found in rows:
        detail = json.dumps(found["detail"], ensure_ascii=False) if found["detail"] else ""
        print(f"{found['name']}: {found['value']:,.4g} {found['unit']} {detail}".rstrip())
    if path:
        write_json(path, rows)
