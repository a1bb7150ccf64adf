#!/usr/bin/env bash
# Run one stage of the graph: alone, timed, with its output kept, and marked as made only when it succeeded.
# usage: stage.sh FOLDER STAGE OUTPUT... -- COMMAND [ARG...]
#   FOLDER/.make/STAGE.made     that it was made, and when it started: what changed after that is not in it
#   FOLDER/.make/STAGE.out      hashes of the outputs, replaced only when they differ; what two equal runs
#                               may differ in does not count: logs, times, checkpoints on the way
#   FOLDER/.make/STAGE.log      all that the command printed; the terminal gets the lines that a script signed (V=1: all)
#   FOLDER/.make/STAGE.seconds  how long it took
# example: stage.sh runs/demo/default convert synth.llava.json -- python py/dj_to_llava.py --help
set -euo pipefail

folder=$1 stage=$2; shift 2
outputs=()
while [ "$1" != -- ]; do outputs+=("$1"); shift; done
shift
name="[${folder##*/} $stage]" marks=$folder/.make/$stage
mkdir -p "$folder/.make"

exec 9> "$marks.lock"
flock -n 9 || { echo "stage.sh: $name is being made by another make; wait for it or stop it" >&2; exit 1; }
rm -f "$marks.made"
: > "$marks.started"

signed='^[a-z0-9_]+\.(py|sh): |^\+ '
[ -z "${V:-}" ] || signed=''
echo "$name starts"
start=$(date +%s%N)
if ! "$@" 2>&1 9>&- | tee "$marks.log" | { grep --line-buffered -E "$signed" || :; } | sed -u "s|^|$name |"; then
  { echo "$name failed; the end of $marks.log:"; tail -n 15 "$marks.log"; } >&2
  exit 1
fi
tenths=$((($(date +%s%N) - start) / 100000000))
seconds=$((tenths / 10)).$((tenths % 10))

cd "$folder"
for output in "${outputs[@]}"; do
  [ -e "$output" ] || { echo "stage.sh: $name ended well but did not make $output" >&2; exit 1; }
done
sync -f .
marks=.make/$stage
find "${outputs[@]}" -type f ! -name '*.log' ! -name '.*' ! -name 'train_*.json' ! -path '*/checkpoint-*' -print0 | LC_ALL=C sort -zu | xargs -0 -r sha256sum > "$marks.out+"
if cmp -s "$marks.out+" "$marks.out"; then rm "$marks.out+"; else mv "$marks.out+" "$marks.out"; fi
echo "$seconds" > "$marks.seconds"
mv "$marks.started" "$marks.made"
echo "$name done in $seconds s"
