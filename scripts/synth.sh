#!/usr/bin/env bash
# Clean and re-synthesise a seed set by a Data-Juicer recipe; account for every record in a ledger.
# usage: synth.sh --recipe R.yaml --seed S.jsonl --output synth.jsonl --ledger ledger.jsonl [OPTIONS]
#   --captioner, --similarity_model, --matching_model  folders of BLIP-2, CLIP and BLIP, for recipes that use them
#   --store        SQLite file with the models' answers, shared by all runs (default: none, everything is computed)
#   --budget       records wanted, for recipes that repeat (default: half of the seed)
#   --np           processes (default: 1)
#   --batch_size   records a model's operator gets at once; changes speed, not results (default: 256)
#   --random_seed  for operators that draw (default: 1024)
#   --on_bad_record  fail, or drop: leave out exactly the bad records, and say so in the ledger (default: fail)
#   --max_bad_records  with drop: more than this share of bad records fails (default: 0.01)
#   --executor     default, or ray: Data-Juicer's Ray executor, the same result (default: default)
#   --ray_address  of a Ray cluster that sees the same files (default: local, one is started here)
# Writes beside synth.jsonl: synth.summary.json, the last and only when all is complete, and synth.log.
# example: scripts/synth.sh --recipe configs/recipes/seed.yaml --seed data/demo/seed/mgm_pretrain_demo.jsonl \
#            --output runs/demo/mine/synth.jsonl --ledger runs/demo/mine/ledger.jsonl
set -euo pipefail
die() { echo "synth.sh: $*" >&2; exit 1; }
# shellcheck source=scripts/python.sh
source "$(dirname "$0")/python.sh"
# shellcheck source=scripts/ended.sh
source "$(dirname "$0")/ended.sh"

recipe='' seed='' output='' ledger='' captioner='' similarity_model='' matching_model='' store='' budget='' np=1
batch_size=256 random_seed=1024 on_bad_record=fail max_bad_records=0.01 executor=default ray_address=local
while [ $# -gt 0 ]; do
  case $1 in
    --recipe | --seed | --output | --ledger | --captioner | --similarity_model | --matching_model | --store | --budget | \
      --np | --batch_size | --random_seed | --on_bad_record | --max_bad_records | --executor | --ray_address)
      [ $# -ge 2 ] || die "$1 needs a value (see --help)"
      printf -v "${1#--}" %s "$2"; shift 2;;
    -h | --help) sed -n '2,17s/^# \{0,1\}//p' "$0"; exit 0;;
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
[[ $on_bad_record =~ ^(fail|drop)$ ]] || die "--on_bad_record must be fail or drop, not '$on_bad_record'"
[[ $max_bad_records =~ ^(0?\.[0-9]+|[01])$ ]] || die "--max_bad_records must be a share from 0 to 1, not '$max_bad_records'"
[[ $executor =~ ^(default|ray)$ ]] || die "--executor must be default or ray, not '$executor'"

folder=$(dirname "$output")
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
name=$(basename "$output" .jsonl)
work=$folder/.$name.work log=$folder/$name.log  # no ".jsonl" in a folder's name: Data-Juicer would replace it
tmp=$(mktemp -dt "bsynth.$$.XXXX") ||  # a short path: sockets lie in it
  die "TMPDIR=${TMPDIR-/tmp}: no folder to write to; make room there, or set TMPDIR to another one"
trap 'rm -rf "$work" "$tmp"' EXIT
trap 'exit 130' INT TERM
rm -rf "$work"
mkdir "$work"

# Nothing is written elsewhere, and nothing is fetched or installed.
export HF_HOME=$work/huggingface DATA_JUICER_CACHE_HOME=$work/cache XDG_CACHE_HOME=$work/cache TMPDIR=$tmp
export MPLCONFIGDIR=$work/cache HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1 PIP_NO_INDEX=1 UV_OFFLINE=1
export TOKENIZERS_PARALLELISM=false RAY_USAGE_STATS_ENABLED=0 RAY_TMPDIR=$tmp PYTHONPATH=$py

if [ "$executor-$ray_address" = ray-local ]; then # else Ray writes one into HOME
  export RAY_AUTH_TOKEN_PATH=$tmp/auth_token
  head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' > "$RAY_AUTH_TOKEN_PATH"
fi

run() { echo "+ $*"; "$@"; }

run "$python" "$py/check_seed.py" --seed "$seed" --output "$work/seed.jsonl" --np "$np" --bad "$work/left_out.jsonl" \
  ${store:+--store "$store"} --on_bad_record "$on_bad_record" --max_bad_records "$max_bad_records"
run "$python" "$py/fill_recipe.py" --recipe "$recipe" --seed "$work/seed.jsonl" --work "$work" \
  ${captioner:+--captioner "$captioner"} ${similarity_model:+--similarity_model "$similarity_model"} \
  ${matching_model:+--matching_model "$matching_model"} ${store:+--store "$store"} ${budget:+--budget "$budget"} \
  --np "$np" --batch_size "$batch_size" --random_seed "$random_seed" --on_bad_record "$on_bad_record" \
  --executor "$executor" --ray_address "$ray_address"
echo "+ $python $py/run_data_juicer.py --config $work/recipe.yaml > $log"
# Through a pipe, which a full disk does not break; of what is logged only the progress is shown.
"$python" "$py/run_data_juicer.py" --config "$work/recipe.yaml" 2>&1 | tee "$log" | sed -un '/^run_data_juicer.py: .* records, /p' || {
  ended=("${PIPESTATUS[@]}")
  [ "${ended[1]}" != 1 ] || die "$log: cannot be written to its end; free some room there"
  why=$(ended_by "${ended[0]}" "lower SYNTH_BATCH_SIZE or SYNTH_PROCESSES")
  { grep -a '^run_data_juicer.py: ' "$log" | grep -v ' records, .* a second' || cat "$log"; } | tail -n 1 >&2
  die "Data-Juicer failed on $recipe$why; its log is $log"
}
run "$python" "$py/make_ledger.py" --work "$work" --output "$output" --ledger "$ledger" --max_bad_records "$max_bad_records"
