"""Answer MMBench with a finetuned checkpoint, greedily (the kit's ``model_vqa_mmbench.py``, in batches).

    python py/answer_mmbench.py --model_path runs/demo/default/finetune --answers_file answers/1_0.jsonl \\
        --question_file data/demo/eval/mmbench/mmbench_dev_20230712.tsv
"""

import base64
from functools import partial
from pathlib import Path

import cli
from answer_flags import LESS_MEMORY, add_flags, resolve
from answer_lines import answer_id, model_id, write_answers
from answering import answer_questions
from errors import BadInput
from mmbench_table import OPTION_LETTERS
from pictures import PictureFile
from questions import DIRECT_ANSWER, Question, chunk, read_mmbench


def image_file(table: Path, question: Question) -> PictureFile:
    """The question's image from its base64 cell; errors name the table and the index."""
    name, remedy = f"{table}: image of question {question.question_id}", "restore the table"
    try:
        content = base64.b64decode(question.image, validate=True)
    except ValueError as error:
        raise BadInput(f"{name} cannot be read ({error}); {remedy}") from error
    return PictureFile(content, name, remedy)


def main() -> None:
    """Check the questions, answer, write."""
    parser = cli.parser(__doc__)
    add_flags(parser, max_new_tokens=1024)
    args = parser.parse_args()
    questions = read_mmbench(args.question_file)
    part = chunk(questions, args.num_chunks, args.chunk_idx)
    resolve(args)
    texts = [f"{question.prompt}\n{DIRECT_ANSWER}" for question in part]
    answers = answer_questions(args, part, texts, partial(image_file, args.question_file))
    lines = [
        {
            "question_id": question.question_id,
            "round_id": 0,
            "prompt": question.prompt,
            "text": answer,
            "options": list(question.options),
            "option_char": list(OPTION_LETTERS[: len(question.options)]),
            "answer_id": answer_id(question),
            "model_id": model_id(args.model_path),
            "metadata": {},
        }
        for question, answer in zip(part, answers, strict=True)
    ]
    prompt = f"hint, question, options, {DIRECT_ANSWER!r}"
    write_answers(args, lines, {"test": "mmbench", "prompt": prompt, "questions": len(questions)})


if __name__ == "__main__":
    cli.run(main, LESS_MEMORY)
