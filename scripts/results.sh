#!/usr/bin/env bash
# Gather what an experiment's stages left into results.json, and render it as results.txt.
# usage: results.sh --run FOLDER --profile P --experiment E --recipe R --random_seed N [--baseline results.json] [NAME=PATH ...]
#   NAME=PATH  an input whose hash results.json records
# example: results.sh --run runs/demo/default --profile demo --experiment default --recipe recaption --random_seed 1024
set -euo pipefail

run='' flags=()
while [ $# -gt 0 ]; do
  case $1 in
    --run) run=${2:?a folder is needed}; shift 2;;
    --profile | --experiment | --recipe | --random_seed | --baseline) flags+=("$1" "${2:?a value is needed}"); shift 2;;
    -h | --help) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 0;;
    *=*) flags+=(--input "$1"); shift;;
    *) echo "results.sh: unknown option $1 (see --help)" >&2; exit 1;;
  esac
done
[ -n "$run" ] || { echo "results.sh: --run FOLDER is missing (see --help)" >&2; exit 1; }
python=${PYTHON:-python3} py=$(cd "$(dirname "$0")/../py" && pwd)

[ ! -e "$run/synth.summary.json" ] || flags+=(--synth_summary "$run/synth.summary.json")
for stage in pretrain finetune; do
  [ ! -e "$run/$stage/train_summary.json" ] || flags+=("--${stage}_summary" "$run/$stage/train_summary.json")
done
"$python" "$py/collect_results.py" "${flags[@]}" --textvqa "$run/eval/textvqa/score.json" \
  --mmbench "$run/eval/mmbench/score.json" --output "$run/results.json"
"$python" "$py/show_results.py" "$run/results.json" > "$run/results.txt+"
mv "$run/results.txt+" "$run/results.txt"
