#!/usr/bin/env bash
# Gather what an experiment's stages left into results.json, and render it as results.txt.
# usage: results.sh --run FOLDER --profile P --experiment E --recipe R --random_seed N [--option VALUE ...] [NAME=PATH ...]
#   --scores FOLDER          where eval/ is and the two files go (default: that of --run)
#   --synth FOLDER           where synth.summary.json is; without it nothing was synthesised or pretrained on
#   --baseline results.json  what to compare with
#   --settings 'KNOB=V ...'  knobs that the commands suggested at the end repeat
#   NAME=PATH                an input whose hash results.json records
# example: scripts/results.sh --run runs/demo/default --synth runs/demo/default --profile demo --experiment default --recipe filter_recaption --random_seed 1024
set -euo pipefail

run='' scores='' synth='' settings='' flags=()
while [ $# -gt 0 ]; do
  case $1 in
    --run) run=${2:?a folder is needed}; shift 2;;
    --scores) scores=${2:?a folder is needed}; shift 2;;
    --synth) synth=${2:?a folder is needed}; shift 2;;
    --settings) settings=${2?knobs are needed}; shift 2;;
    --profile | --experiment | --recipe | --random_seed | --baseline) flags+=("$1" "${2:?a value is needed}"); shift 2;;
    -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0;;
    *=*) flags+=(--input "$1"); shift;;
    *) echo "results.sh: unknown option $1 (see --help)" >&2; exit 1;;
  esac
done
[ -n "$run" ] || { echo "results.sh: --run FOLDER is missing (see --help)" >&2; exit 1; }
# shellcheck source=scripts/python.sh
source "$(dirname "$0")/python.sh"
scores=${scores:-$run}

[ -z "$synth" ] || flags+=(--synth_summary "$synth/synth.summary.json" --pretrain_summary "$run/pretrain/train_summary.json")
"$python" "$py/collect_results.py" "${flags[@]}" --finetune_summary "$run/finetune/train_summary.json" \
  --textvqa "$scores/eval/textvqa/score.json" --mmbench "$scores/eval/mmbench/score.json" --output "$scores/results.json"
"$python" "$py/show_results.py" "$scores/results.json" --settings "$settings" > "$scores/results.txt+"
mv "$scores/results.txt+" "$scores/results.txt"
