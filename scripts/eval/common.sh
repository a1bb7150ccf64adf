# shellcheck shell=bash
# Sourced by textvqa.sh and mmbench.sh: their options, and answering in chunks. The caller defines usage().

me=$(basename "$0")
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=scripts/python.sh
source "$root/scripts/python.sh"
# shellcheck source=scripts/gpus.sh
source "$root/scripts/gpus.sh"
# glibc gives a freed batch's memory back to the kernel, which hands it out again page by page: a sixth of the time on a
# CPU. With both set it is kept (32 MB is the most that glibc takes for the first).
export MALLOC_MMAP_THRESHOLD_=33554432 MALLOC_TRIM_THRESHOLD_=1073741824
model_path='' data='' output='' num_chunks=auto parse=exact
answer_flags=()

common_usage() {
    cat <<'USAGE'
  --num_chunks   answer in so many processes at once, one per GPU where there are GPUs (default: auto, all GPUs, else 1)
  --batch_size, --max_new_tokens, --dtype, --device, --blank_image, --vision_tower, --vision_tower_aux,
  --feature_cache, --feature_cache_gb
                 as in the answer script's --help
PYTHON names the interpreter (default: the project's .venv, where 'make env' made it, else python3).
USAGE
}

die() {
    echo "$me: $1" >&2
    exit 2
}

run() {
    printf '%s:' "$me" >&2
    printf ' %q' "$@" >&2
    echo >&2
    "$@"
}

parse_options() {
    while [[ $# -gt 0 ]]; do
        case $1 in
            --help) usage; exit 0 ;;
            --blank_image) answer_flags+=("$1"); shift; continue ;;
            --parse) [[ $me == mmbench.sh ]] || die "unknown option $1; see --help" ;;
            --model_path | --data | --output | --num_chunks) ;;
            --batch_size | --max_new_tokens | --dtype | --device | --vision_tower | --vision_tower_aux) ;;
            --feature_cache | --feature_cache_gb) ;;
            *) die "unknown option $1; see --help" ;;
        esac
        [[ $# -ge 2 ]] || die "$1 needs a value"
        case $1 in
            --model_path) model_path=$2 ;;
            --data) data=$2 ;;
            --output) output=$2 ;;
            --num_chunks) num_chunks=$2 ;;
            --parse)
                [[ $2 == exact || $2 == inferred ]] || die "--parse $2: must be exact or inferred"
                # shellcheck disable=SC2034  # mmbench.sh reads it
                parse=$2 ;;
            *) answer_flags+=("$1" "$2") ;;
        esac
        shift 2
    done
    [[ -n $model_path ]] || die "--model_path is missing; see --help"
    [[ -n $data ]] || die "--data is missing; see --help"
    [[ -n $output ]] || die "--output is missing; see --help"
    num_chunks=$(resolve_gpus "$num_chunks")
}

# answer_in_chunks SCRIPT QUESTIONS JOINED [FLAG...]: shards of a former run never count; all other files stay until
# they are replaced whole.
answer_in_chunks() {
    local script=$1 questions=$2 joined=$3
    shift 3
    rm -rf "$output/answers"
    mkdir -p "$output/answers"
    run "$root/scripts/eval/run_chunks.sh" "$num_chunks" "$output/answers" "$python" "$py/$script" \
        --model_path "$model_path" --question_file "$questions" "$@" "${answer_flags[@]}"
    rm -f "$output/score.json" # of the answers that are now replaced
    run "$python" "$py/join_shards.py" --question_file "$questions" --shards "$output/answers" \
        --num_chunks "$num_chunks" --output "$joined"
    mv "$output/answers/protocol.json" "$output/protocol.json"
}
