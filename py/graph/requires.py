"""Write, for each installed package, the installed packages that it needs: what a changed one can affect.

    .venv/bin/python py/graph/requires.py > .venv/.requires.json

``{"datasets": ["fsspec", "fsspec[http]", …], "fsspec[http]": ["aiohttp"], …}``
"""

import argparse
import json
from importlib.metadata import Distribution, distributions

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def needed(package: Distribution, extra: str = "") -> list[str]:
    """Names, as ``name`` or ``name[extra]``, that ``package`` asks for on this machine."""
    names = set()
    for wanted in map(Requirement, package.requires or []):
        if not wanted.marker or wanted.marker.evaluate({"extra": extra}):
            name = canonicalize_name(wanted.name)
            names |= {name, *(f"{name}[{asked}]" for asked in wanted.extras)}
    return sorted(names)


def main() -> None:
    form = argparse.RawDescriptionHelpFormatter
    argparse.ArgumentParser(description=__doc__, formatter_class=form).parse_args()
    packages = {canonicalize_name(package.name): package for package in distributions()}
    graph, ahead = {}, sorted(packages)
    while ahead:
        name, _, extra = (key := ahead.pop()).partition("[")
        if key not in graph and name in packages:
            graph[key] = needed(packages[name], extra.rstrip("]"))
            ahead += graph[key]
    print(json.dumps(graph, sort_keys=True))


if __name__ == "__main__":
    main()
