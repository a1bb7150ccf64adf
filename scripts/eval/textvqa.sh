#!/usr/bin/env bash
# TextVQA: answer in chunks, join to bm1.jsonl, score by M4C accuracy (the kit's eval/textvqa.sh).
set -euo pipefail
# shellcheck source=scripts/eval/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage() {
    cat <<'USAGE'
Usage: scripts/eval/textvqa.sh --model_path CKPT --data DIR --output DIR [--num_chunks N] [answer flags]
  --model_path   the finetuned checkpoint's folder
  --data         holds llava_textvqa_val_v051_ocr.jsonl, TextVQA_0.5.1_val.json and train_images/
  --output       gets bm1.jsonl, protocol.json and, last, score.json; shards in answers/
USAGE
    common_usage
    cat <<'USAGE'
Example: scripts/eval/textvqa.sh --model_path runs/demo/default/finetune --data data/demo/eval/textvqa \
             --output runs/demo/default/eval/textvqa --batch_size 32
USAGE
}

parse_options "$@"
answer_in_chunks answer_textvqa.py "$data/llava_textvqa_val_v051_ocr.jsonl" "$output/bm1.jsonl" \
    --image_folder "$data/train_images"
run "$python" "$py/score_textvqa.py" --annotations "$data/TextVQA_0.5.1_val.json" \
    --answers "$output/bm1.jsonl" --output "$output/score.json"
