#!/usr/bin/env bash
# Show the store of models' answers, and what a recipe over a seed set would still have to compute.
# usage: store.sh --store S.sqlite [--prune MODEL] [--recipe R.yaml --seed S.jsonl [OPTIONS]]
#   --prune   forget all answers of a model, by its name in the table
#   OPTIONS   --captioner, --similarity_model, --matching_model, --budget, --random_seed, as of synth.sh
# example: scripts/store.sh --store data/store.sqlite --recipe configs/recipes/recaption.yaml \
#            --seed data/demo/seed/mgm_pretrain_demo.jsonl --captioner models/demo/blip2-opt-2.7b
set -euo pipefail
die() { echo "store.sh: $*" >&2; exit 1; }

store='' prune='' seed='' options=()
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0;;
    --store | --prune | --seed) [ $# -ge 2 ] || die "$1 needs a value (see --help)"; printf -v "${1#--}" %s "$2"; shift 2;;
    --recipe | --captioner | --similarity_model | --matching_model | --budget | --random_seed)
      [ $# -ge 2 ] || die "$1 needs a value (see --help)"
      options+=("$1" "$2"); shift 2;;
    *) die "unknown option $1 (see --help)";;
  esac
done
[ -n "$store" ] || die "--store is missing (see --help)"

# shellcheck source=scripts/python.sh
source "$(dirname "$0")/python.sh"
work=$(mktemp -dt "bsynth.$$.XXXX")
trap 'rm -rf "$work"' EXIT
export HF_HOME=$work DATA_JUICER_CACHE_HOME=$work XDG_CACHE_HOME=$work MPLCONFIGDIR=$work HF_HUB_OFFLINE=1 PYTHONPATH=$py

if [ -n "$seed" ] && [ -e "$store" ]; then
  "$python" "$py/check_seed.py" --seed "$seed" --output "$work/seed.jsonl" --store "$store" --on_bad_record drop \
    --max_bad_records 1 > /dev/null
  "$python" "$py/fill_recipe.py" --seed "$work/seed.jsonl" --work "$work" --store "$store" "${options[@]}"
fi
"$python" "$py/show_store.py" --store "$store" ${prune:+--prune "$prune"} \
  ${seed:+$([ ! -e "$work/recipe.yaml" ] || echo --config "$work/recipe.yaml")} 2> "$work/err" || { tail -n 1 "$work/err" >&2; exit 1; }
