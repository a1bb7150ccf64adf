#!/usr/bin/env bash
# Run one command as n parallel chunks, each on its own GPU where there are GPUs; the first failure ends all.
set -euo pipefail
me=run_chunks.sh
# shellcheck source=scripts/ended.sh
source "$(dirname "${BASH_SOURCE[0]}")/../ended.sh"

if [[ $# -lt 3 || ${1-} == --help ]]; then
    cat <<USAGE
Usage: scripts/eval/run_chunks.sh N DIR COMMAND...
Runs COMMAND --num_chunks N --chunk_idx I --answers_file DIR/N_I.jsonl for I = 0 … N-1 at once. GPUs
(CUDA_VISIBLE_DEVICES, else all) are dealt out in turn; without any, each chunk gets its share of the cores
(unless OMP_NUM_THREADS is set).
Example: scripts/eval/run_chunks.sh 2 answers python3 py/answer_mmbench.py --model_path runs/demo/default/finetune \\
             --question_file data/demo/eval/mmbench/mmbench_dev_20230712.tsv
USAGE
    if [[ ${1-} == --help ]]; then exit 0; else exit 2; fi
fi
num_chunks=$1 shards=$2
shift 2
[[ $num_chunks =~ ^[1-9][0-9]*$ ]] || { echo "$me: --num_chunks $num_chunks: must be a number from 1" >&2; exit 2; }

gpus=()
if [[ ${CUDA_VISIBLE_DEVICES-} == -* ]]; then :
elif [[ -n ${CUDA_VISIBLE_DEVICES+set} ]]; then
    IFS=, read -ra gpus <<<"$CUDA_VISIBLE_DEVICES"
elif command -v nvidia-smi >/dev/null; then
    mapfile -t gpus < <(nvidia-smi --query-gpu=index --format=csv,noheader 2>/dev/null || true)
fi
if [[ ${#gpus[@]} -eq 0 && -z ${OMP_NUM_THREADS-} ]]; then
    cores=$(nproc)
    export OMP_NUM_THREADS=$((cores > num_chunks ? cores / num_chunks : 1))
fi

pids=()
stop() {
    [[ ${#pids[@]} -gt 0 ]] || return 0
    kill "${pids[@]}" 2>/dev/null || true
    wait
}
trap stop EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
for ((i = 0; i < num_chunks; i++)); do
    chunk=(--num_chunks "$num_chunks" --chunk_idx "$i" --answers_file "$shards/${num_chunks}_$i.jsonl")
    if [[ ${#gpus[@]} -gt 0 ]]; then
        CUDA_VISIBLE_DEVICES=${gpus[i % ${#gpus[@]}]} "$@" "${chunk[@]}" &
    else
        "$@" "${chunk[@]}" &
    fi
    pids+=($!)
done

for _ in "${pids[@]}"; do
    wait -n || {
        why=$(ended_by $? "lower EVAL_BATCH_SIZE, or NUM_GPUS where there is no GPU")
        echo "$me: a chunk failed$why, see above; the other of the $num_chunks were stopped" >&2
        exit 1
    }
done
pids=()
