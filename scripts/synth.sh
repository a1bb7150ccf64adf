#!/usr/bin/env bash
# Clean and re-synthesise a seed set by a Data-Juicer recipe; account for every record in a ledger.
# usage: synth.sh --recipe R.yaml --seed S.jsonl --output synth.jsonl --ledger ledger.jsonl
#                 [--captioner DIR] [--similarity_model DIR] [--budget N] [--np N] [--batch_size N] [--random_seed N]
#   --captioner, --similarity_model  folders of BLIP-2 and CLIP, for recipes that use them
#   --budget       records wanted, for recipes that repeat (default: half of the seed)
#   --np           processes (default: 1)
#   --batch_size   records an operator gets at once; changes speed, not results (default: 1000)
#   --random_seed  for operators that draw (default: 1024)
# Writes beside synth.jsonl: synth.summary.json, the last and only when all is complete, and synth.log.
# example: synth.sh --recipe configs/recipes/seed.yaml --seed data/demo/seed/mgm_pretrain_demo.jsonl \
#            --output runs/demo/mine/synth.jsonl --ledger runs/demo/mine/ledger.jsonl
set -euo pipefail
die() { echo "synth.sh: $*" >&2; exit 1; }

recipe='' seed='' output='' ledger='' captioner='' similarity_model='' budget='' np=1 batch_size=1000 random_seed=1024
while [ $# -gt 0 ]; do
  case $1 in
    --recipe | --seed | --output | --ledger | --captioner | --similarity_model | --budget | --np | --batch_size | --random_seed)
      [ $# -ge 2 ] || die "$1 needs a value (see --help)"
      printf -v "${1#--}" %s "$2"; shift 2;;
    -h | --help) sed -n '2,12s/^# \{0,1\}//p' "$0"; exit 0;;
    *) die "unknown option $1 (see --help)";;
  esac
done
for option in recipe seed output ledger; do
  [ -n "${!option}" ] || die "--$option is missing (see --help)"
done
for file in "$recipe" "$seed"; do
  [ -f "$file" ] || die "$file: no such file"
done
for option in budget np batch_size random_seed; do
  [[ ${!option} =~ ^([1-9][0-9]*|)$ ]] || die "--$option must be a whole number above 0, not '${!option}'"
done

python=${PYTHON:-python3}
py=$(cd "$(dirname "$0")/../py" && pwd)
folder=$(dirname "$output")
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
name=$(basename "$output" .jsonl)
work=$folder/.$name.work log=$folder/$name.log  # no ".jsonl" in a folder's name: Data-Juicer would replace it
tmp=$(mktemp -d)  # a short path: sockets lie in it
trap 'rm -rf "$work" "$tmp"' EXIT
trap 'exit 130' INT TERM
rm -rf "$work"
mkdir "$work"

# Nothing is written elsewhere, and nothing is fetched or installed.
export HF_HOME=$work/huggingface DATA_JUICER_CACHE_HOME=$work/cache XDG_CACHE_HOME=$work/cache TMPDIR=$tmp
export MPLCONFIGDIR=$work/cache HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1 PIP_NO_INDEX=1 UV_OFFLINE=1
export TOKENIZERS_PARALLELISM=false

run() { echo "+ $*"; "$@"; }

run "$python" "$py/check_seed.py" --seed "$seed" --output "$work/seed.jsonl" --np "$np"
run "$python" "$py/fill_recipe.py" --recipe "$recipe" --seed "$work/seed.jsonl" --work "$work" \
  ${captioner:+--captioner "$captioner"} ${similarity_model:+--similarity_model "$similarity_model"} \
  ${budget:+--budget "$budget"} --np "$np" --batch_size "$batch_size" --random_seed "$random_seed"
echo "+ $python $py/run_data_juicer.py --config $work/recipe.yaml > $log"
# Through a pipe, which a full disk does not break.
"$python" "$py/run_data_juicer.py" --config "$work/recipe.yaml" 2>&1 | tee "$log" > /dev/null || {
  { grep -a '^run_data_juicer.py: ' "$log" || tail -n 1 "$log"; } >&2
  die "Data-Juicer failed on $recipe; its log is $log"
}
run "$python" "$py/make_ledger.py" --work "$work" --output "$output" --ledger "$ledger"
