#!/usr/bin/env bash
# Copy a finished run into the challenge's layout, pack it, check the zip; only a zip without faults gets its name.
# usage: submit.sh --run FOLDER --profile P --recipe R.yaml --seed S.jsonl [--option VALUE ...] [--offline]
#        submit.sh --folder SUBMISSION --zip Z.zip [--profile P] [--seed S.jsonl]
#   --run         the experiment's folder, runs/PROFILE/EXP
#   --profile     demo, 10k or full: whose budget and batch sizes apply
#   --experiment  EXP in the names of the folders (default: the name of --run)
#   --recipe      the recipe that ran       --seed  the seed file, whose ids and images the data must have
#   --knobs       'KNOB=VALUE ...' that the command in solution/readme repeats (default: none)
#   --offline     add the synthesised data, the projectors and the weights (default: the online layout)
#   --output      the folder to make (default: RUN/submission, RUN/offline/submission)
#   --zip         the zip to make (default: submit.zip beside --output)
#   --folder      pack and check this folder as it is, after you changed something in it
# A folder of an earlier submission that was changed since is kept, as SUBMISSION.edited.
# example: scripts/submit.sh --run runs/demo/default --profile demo --recipe configs/recipes/filter_recaption.yaml \
#            --seed data/demo/seed/mgm_pretrain_demo.jsonl
set -euo pipefail
die() { echo "submit.sh: $*" >&2; exit 1; }

run='' profile='' experiment='' recipe='' seed='' knobs='' offline='' output='' zip='' folder=''
while [ $# -gt 0 ]; do
  case $1 in
    --run | --profile | --experiment | --recipe | --seed | --knobs | --output | --zip | --folder)
      [ $# -ge 2 ] || die "$1 needs a value (see --help)"
      printf -v "${1#--}" %s "$2"; shift 2;;
    --offline) offline=yes; shift;;
    -h | --help) sed -n '2,17s/^# \{0,1\}//p' "$0"; exit 0;;
    *) die "unknown option $1 (see --help)";;
  esac
done
# shellcheck source=scripts/python.sh
source "$(dirname "$0")/python.sh"
run_step() { echo "+ $*"; "$@"; }

check=(${profile:+--profile "$profile"} ${seed:+--seed "$seed"})
if [ -n "$folder" ]; then
  [ -z "$run$output" ] || die "--folder packs a folder that is there: leave out --run and --output (see --help)"
  [ -n "$zip" ] || die "--zip is missing (see --help)"
  output=$folder
else
  for option in run profile recipe seed; do
    [ -n "${!option}" ] || die "--$option is missing (see --help)"
  done
  [ -d "$run" ] || die "$run: no such folder; 'make results' makes a run"
  [ -f "$recipe" ] || die "$recipe: no such file"
  output=${output:-$run/${offline:+offline/}submission}
  experiment=${experiment:-$(basename "$run")} zip=${zip:-$(dirname "$output")/submit.zip}
fi

mkdir -p "$(dirname "$zip")" "$(dirname "$output")"
work=$(dirname "$zip")/.$(basename "$zip" .zip).work
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
rm -rf "$work"
mkdir "$work"
if [ -z "$folder" ]; then
  folder=$work/submission
  run_step "$python" "$py/make_submission.py" --run "$run" --profile "$profile" --experiment "$experiment" \
    --recipe "$recipe" --seed "$seed" --knobs "$knobs" ${offline:+--offline} --output "$folder"
fi
run_step "$python" "$py/pack_submission.py" --folder "$folder" --zip "$work/submit.zip"
run_step "$python" "$py/check_submission.py" --zip "$work/submit.zip" "${check[@]}"

if [ "$folder" != "$output" ] && [ -d "$output" ]; then
  packed=$zip
  [ -f "$packed" ] || packed=$work/submit.zip
  changed=$("$python" "$py/pack_submission.py" --folder "$output" --zip "$packed" --compare) || changed=unknown
  if [ -n "$changed" ]; then
    kept=$output.edited
    for ((n = 2; ; n++)); do [ -e "$kept" ] || break; kept=$output.edited-$n; done
    mv "$output" "$kept"
    echo "submit.sh: $output was changed since it was made; kept as $kept, which 'submit.sh --folder' packs"
  else
    rm -rf "$output"
  fi
fi
[ "$folder" = "$output" ] || mv "$folder" "$output"
mv "$work/submit.zip" "$zip"
echo "submit.sh: $zip is ready$([ "$profile" != demo ] || echo '; a demo, for practice: not a submittable result')"
