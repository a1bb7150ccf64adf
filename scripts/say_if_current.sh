#!/usr/bin/env bash
# Say that nothing was left to do when MARK is older than the moment in which make started.
# usage: say_if_current.sh MARK SECONDS_SINCE_1970
set -euo pipefail
made=$(stat -c %.9Y "$1")
[[ $made > $2 ]] || echo "nothing to do: ${1%/.make/*} is up to date"
