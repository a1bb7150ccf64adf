#!/usr/bin/env bash
# Say that nothing was left to do when no stage of RUN was made since the moment in which make started.
# usage: say_if_current.sh RUN SECONDS_SINCE_1970
set -euo pipefail
made=$(find "$1/.make" -name '*.made' -newermt "@$2")
[ -n "$made" ] || echo "nothing to do: $1 is up to date"
