# shellcheck shell=bash
# Sourced: the Python that runs the steps (PYTHON, else what `make env` installed, else the system's), and py/.

py=$(cd "$(dirname "${BASH_SOURCE[0]}")/../py" && pwd)
python=${py%/py}/.venv/bin/python
if [ -n "${PYTHON-}" ] || [ ! -x "$python" ]; then
  python=${PYTHON:-python3}
fi
