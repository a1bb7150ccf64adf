#!/usr/bin/env bash
# Compare the runs of a sweep: leaderboard.json, and leaderboard.txt for people.
# usage: leaderboard.sh --runs FOLDER --recipes 'NAME ...' --random_seeds 'N ...' [--option VALUE ...]
#   reads FOLDER/NAME-sN of every recipe and random seed; a run that is missing or made otherwise is left out, and told
#   --settings 'KNOB=V ...'  knobs that the commands suggested at the end repeat
#   --captioner, --similarity_model, --matching_model  models' folders, for the operations that their answers cost
# example: scripts/leaderboard.sh --runs runs/demo --recipes 'seed recaption' --random_seeds '1 2 3'
set -euo pipefail

runs='' settings='' flags=()
while [ $# -gt 0 ]; do
  case $1 in
    --runs) runs=${2:?a folder is needed}; flags+=("$1" "$2"); shift 2;;
    --recipes | --random_seeds)
      read -ra values <<< "${2:?values are needed}"
      flags+=("$1" "${values[@]}"); shift 2;;
    --settings) settings=${2?knobs are needed}; shift 2;;
    --captioner | --similarity_model | --matching_model) flags+=("$1" "${2:?a folder is needed}"); shift 2;;
    -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0;;
    *) echo "leaderboard.sh: unknown option $1 (see --help)" >&2; exit 1;;
  esac
done
[ -n "$runs" ] || { echo "leaderboard.sh: --runs FOLDER is missing (see --help)" >&2; exit 1; }
# shellcheck source=scripts/python.sh
source "$(dirname "$0")/python.sh"

"$python" "$py/make_leaderboard.py" "${flags[@]}" --output "$runs/leaderboard.json"
"$python" "$py/show_leaderboard.py" "$runs/leaderboard.json" --settings "$settings" > "$runs/leaderboard.txt+"
mv "$runs/leaderboard.txt+" "$runs/leaderboard.txt"
