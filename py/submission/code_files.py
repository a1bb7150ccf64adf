"""Which files of the project go into a submission as its code: no data, models, runs, caches, hidden files.

    python py/submission/code_files.py

prints them, from the project, for the Makefile.
"""

import argparse
import os
import re
from pathlib import Path

PARTS = ("Makefile", "LICENSE", "README.md", "configs", "env", "py", "scripts")
LEFT_OUT = re.compile(r"\.|__pycache__$|.*(\.pyc|\.swp|[~+])$")


def code_files(project: Path) -> list[str]:
    """Paths from ``project``, sorted."""
    found = [part for part in PARTS if (project / part).is_file()]
    for part in PARTS:
        for folder, folders, files in os.walk(project / part):
            folders[:] = [name for name in folders if not LEFT_OUT.match(name)]
            found += [
                Path(folder, name).relative_to(project).as_posix()
                for name in files
                if not LEFT_OUT.match(name)
            ]
    return sorted(found)


if __name__ == "__main__":
    form = argparse.RawDescriptionHelpFormatter
    argparse.ArgumentParser(description=__doc__, formatter_class=form).parse_args()
    print("\n".join(code_files(Path.cwd())))
