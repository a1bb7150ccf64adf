#!/usr/bin/env bash
# Put the table of a leaderboard between the marks '<!-- table -->' and '<!-- /table -->' of README.md.
# usage: table.sh RUNS DATA
#   RUNS: folder of leaderboard.json and its runs, those with blanked images in RUN/blank/
#   DATA: the demo's, with eval/ and the true captions in controls/
# example: scripts/table.sh runs/demo data/demo
set -euo pipefail

usage() { sed -n '2,6s/^# \{0,1\}//p' "$0"; }
case ${1-} in -h | --help) usage; exit 0;; esac
[ $# = 2 ] || { usage >&2; exit 1; }
runs=$1 data=$2 project=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=scripts/python.sh
source "$(dirname "$0")/python.sh"
"$python" "$py/tabulate_runs.py" --leaderboard "$runs/leaderboard.json" --output "$runs/table.md" \
  --textvqa_questions "$data/eval/textvqa/llava_textvqa_val_v051_ocr.jsonl" --clean "$data/controls/clean.jsonl" \
  --mmbench_tsv "$data/eval/mmbench/mmbench_dev_20230712.tsv"
sed -e "/<!-- table -->/,/<!-- \/table -->/{/<!-- table -->/{p;r $runs/table.md
}; /<!-- \/table -->/!d}" "$project/README.md" > "$project/README.md+"
mv "$project/README.md+" "$project/README.md"
