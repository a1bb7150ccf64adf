"""The one way a script of this project starts: errors of data and users become one line, not a traceback."""

import sys
from collections.abc import Callable
from pathlib import Path

from records import BadInput


def run(main: Callable[[], None]) -> None:
    """Run ``main``; a `BadInput` or an OS error about a file prints ``script: message``, exit status 1."""
    script = Path(sys.argv[0]).name
    try:
        main()
    except BadInput as error:
        sys.exit(f"{script}: {error}")
    except OSError as error:
        if error.filename is None and error.errno is None:
            raise
        sys.exit(f"{script}: {error.filename or 'output'}: {error.strerror or error}")
    except KeyboardInterrupt:
        sys.exit(130)
