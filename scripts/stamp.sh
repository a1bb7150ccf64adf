#!/usr/bin/env bash
# Replace a stamp only when what it describes has changed, so that make sees content, not mtimes.
# usage: stamp.sh STAMP [NAME=VALUE ...] -- [FILE ...] -- [OUTPUT ...]
#   The stamp lists each knob and each file's hash. Comments and blank lines of .yaml files do not count (a comment
#   behind a quoted value does: the quotes may hold its '#').
#   A missing OUTPUT renews the stamp, so that its stage runs again.
# example: stamp.sh runs/demo/default/.knobs/synth RECIPE=seed -- scripts/synth.sh -- runs/demo/default/synth.jsonl
set -euo pipefail

stamp=$1; shift
content='' files=() plain=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do content+="$1"$'\n'; shift; done
shift
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  [ -f "$1" ] || { echo "stamp.sh: $1: no such file; correct the knob that names it, or restore it" >&2; exit 1; }
  case $1 in *.yaml) files+=("$1");; *) plain+=("$1");; esac
  shift
done
shift
[ ${#plain[@]} = 0 ] || content+=$(sha256sum -- "${plain[@]}")$'\n'
for file in "${files[@]}"; do
  content+="$(sed -E -e '/^[[:space:]]*#/d' -e "/[\"']/!s/[[:space:]]+#.*//" -e '/^[[:space:]]*$/d' -- "$file" | sha256sum) $file"$'\n'
done

renew=
for output in "$@"; do [ -e "$output" ] || renew=yes; done
if [ -n "$renew" ] || [ ! -f "$stamp" ] || [ "$(<"$stamp")" != "${content%$'\n'}" ]; then
  mkdir -p "${stamp%/*}"
  printf '%s' "$content" > "$stamp+"
  mv -f "$stamp+" "$stamp"
fi
