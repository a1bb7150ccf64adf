#!/usr/bin/env bash
# MMBench: answer in chunks, join, write the upload, score offline (the kit's eval/mmbench.sh).
set -euo pipefail
# shellcheck source=scripts/eval/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage() {
    cat <<'USAGE'
Usage: scripts/eval/mmbench.sh --model_path CKPT --data DIR --output DIR [--num_chunks N] [answer flags]
  --model_path   the finetuned checkpoint's folder
  --data         holds mmbench_dev_20230712.tsv
  --output       gets answers.jsonl, upload.xlsx, protocol.json and, last, score.json; shards in answers/
  --parse        which rule gives the score: exact, the challenge's (default), or inferred; both are reported
USAGE
    common_usage
    cat <<'USAGE'
Example: scripts/eval/mmbench.sh --model_path runs/demo/default/finetune --data data/demo/eval/mmbench \
             --output runs/demo/default/eval/mmbench --batch_size 32
USAGE
}

parse_options "$@"
questions=$data/mmbench_dev_20230712.tsv
answer_in_chunks answer_mmbench.py "$questions" "$output/answers.jsonl"
run "$python" "$py/mmbench_upload.py" --tsv "$questions" --answers "$output/answers.jsonl" \
    --output "$output/upload.xlsx"
run "$python" "$py/score_mmbench.py" --tsv "$questions" --answers "$output/answers.jsonl" \
    --parse "$parse" --output "$output/score.json"
