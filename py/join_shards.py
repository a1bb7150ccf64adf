"""Join the answer shards ``{n}_{i}.jsonl`` in question order; never while one is missing or incomplete.

    python py/join_shards.py --question_file data/demo/eval/mmbench/mmbench_dev_20230712.tsv \\
        --shards runs/demo/default/eval/mmbench/answers --num_chunks 1 --output answers.jsonl
"""

from pathlib import Path

import cli
from errors import BadInput
from json_files import read_jsonl, write_jsonl
from questions import Question, chunk, read_questions, require_exactly


def read_shard(path: Path, questions: list[Question]) -> list[dict]:
    """The shard's lines; they must answer exactly ``questions``, by id and prompt, in that order."""
    lines = [line for _, line in read_jsonl(path)]
    expected = [f"{question.question_id} {question.prompt!r}" for question in questions]
    found = [f"{line.get('question_id')} {line.get('prompt')!r}" for line in lines]
    require_exactly(expected, found, path)
    if found != expected:
        raise BadInput(f"{path}: the answers are not in the order of the questions; answer this chunk again")
    return lines


def join(questions: list[Question], shards: Path, num_chunks: int) -> list[dict]:
    """All answer lines, one per question, in question order."""
    paths = [shards / f"{num_chunks}_{chunk_idx}.jsonl" for chunk_idx in range(num_chunks)]
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        told = ", ".join(missing[:3])
        raise BadInput(f"{shards}: {len(missing)} of {num_chunks} shards missing ({told}); answer them")
    parts = [chunk(questions, num_chunks, chunk_idx) for chunk_idx in range(num_chunks)]
    return [line for path, part in zip(paths, parts, strict=True) for line in read_shard(path, part)]


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--question_file", type=Path, required=True, help="TextVQA .jsonl or MMBench .tsv")
    parser.add_argument("--shards", type=Path, required=True, help="the folder of {n}_{i}.jsonl")
    parser.add_argument("--num_chunks", type=int, required=True, help="n, the number of shards")
    parser.add_argument("--output", type=Path, required=True, help="the joined .jsonl")
    args = parser.parse_args()
    if args.num_chunks < 1:
        raise BadInput(f"--num_chunks {args.num_chunks}: must be at least 1")
    write_jsonl(args.output, join(read_questions(args.question_file), args.shards, args.num_chunks))


if __name__ == "__main__":
    cli.run(main)
