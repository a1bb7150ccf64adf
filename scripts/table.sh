#!/usr/bin/env bash
# Put the table of many runs between the marks '<!-- table -->' and '<!-- /table -->' of README.md.
# usage: table.sh RUNS DATA 'ROW ...' 'RANDOM_SEED ...'
#   DATA: the demo's, with eval/ and the true captions in controls/
#   reads RUNS/ROW-sRANDOM_SEED/results.json and, where it stands, the blanked one in blank/
# example: table.sh runs/demo data/demo 'seed recaption' '1 2 3'
set -euo pipefail

[ $# = 4 ] || { sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 1; }
runs=$1 data=$2 labelled=() blanked=()
read -ra rows <<< "$3"
read -ra seeds <<< "$4"
for row in "${rows[@]}"; do
  case $row in
    no_pretraining) label='no pretraining';;
    shuffled) label='clean captions, shuffled among the images';;
    clean) label='clean captions';;
    *) label="recipe \`$row\`";;
  esac
  for seed in "${seeds[@]}"; do
    run=$runs/$row-s$seed
    labelled+=("$label=$run/results.json")
    [ ! -e "$run/blank/results.json" ] || blanked+=("\`$row\`, asked with the image blanked=$run/blank/results.json")
  done
done

project=$(cd "$(dirname "$0")/.." && pwd)
"${PYTHON:-python3}" "$project/py/tabulate_runs.py" --output "$runs/table.md" \
  --textvqa_questions "$data/eval/textvqa/llava_textvqa_val_v051_ocr.jsonl" --clean "$data/controls/clean.jsonl" \
  --mmbench_tsv "$data/eval/mmbench/mmbench_dev_20230712.tsv" "${blanked[@]}" "${labelled[@]}"
sed -e "/<!-- table -->/,/<!-- \/table -->/{/<!-- table -->/{p;r $runs/table.md
}; /<!-- \/table -->/!d}" "$project/README.md" > "$project/README.md+"
mv "$project/README.md+" "$project/README.md"
