"""Answer TextVQA with a finetuned checkpoint, greedily (the kit's ``model_vqa_loader.py``, in batches).

    python py/answer_textvqa.py --model_path runs/demo/default/finetune --answers_file answers/1_0.jsonl \\
        --question_file data/demo/eval/textvqa/llava_textvqa_val_v051_ocr.jsonl \\
        --image_folder data/demo/eval/textvqa/train_images
"""

from functools import partial
from pathlib import Path

import cli
from answer_flags import LESS_MEMORY, add_flags, resolve
from answer_lines import answer_id, model_id, write_answers
from answering import answer_questions
from errors import BadInput
from pictures import PictureFile
from questions import OCR_MARK, Question, chunk, read_textvqa


def image_file(folder: Path, question: Question) -> PictureFile:
    """The question's image, undecoded; errors name its file and the question's id."""
    path = folder / question.image
    return PictureFile.read(path, f"{path}: image of question {question.question_id}", "restore it")


def check_images(folder: Path, questions: list[Question]) -> None:
    """Fail before the model is loaded when an image file is not there."""
    missing = [question for question in questions if not (folder / question.image).is_file()]
    if missing:
        raise BadInput(
            f"{folder / missing[0].image}: image of question {missing[0].question_id} is missing"
            f" ({len(missing)} of {len(questions)} are); restore the image folder or correct --image_folder"
        )


def protocol(questions: list[Question]) -> dict:
    """The test's name and prompt: without OCR tokens in any prompt it is another test, ``textvqa_pure``."""
    with_ocr = sum(OCR_MARK in question.prompt for question in questions)
    return {
        "test": "textvqa" if with_ocr else "textvqa_pure",
        "prompt": "question, OCR tokens, instruction" if with_ocr else "question, instruction",
        "prompts_with_ocr_tokens": with_ocr,
        "questions": len(questions),
    }


def main() -> None:
    """Check the questions and their images, answer, write."""
    parser = cli.parser(__doc__)
    add_flags(parser, max_new_tokens=128)
    parser.add_argument("--image_folder", type=Path, required=True, help="where the questions' images lie")
    args = parser.parse_args()
    questions = read_textvqa(args.question_file)
    part = chunk(questions, args.num_chunks, args.chunk_idx)
    check_images(args.image_folder, part)
    resolve(args)
    texts = [question.prompt for question in part]
    answers = answer_questions(args, part, texts, partial(image_file, args.image_folder))
    lines = [
        {
            "question_id": question.question_id,
            "prompt": question.prompt,
            "text": answer,
            "answer_id": answer_id(question),
            "model_id": model_id(args.model_path),
            "metadata": {},
        }
        for question, answer in zip(part, answers, strict=True)
    ]
    write_answers(args, lines, protocol(questions))


if __name__ == "__main__":
    cli.run(main, LESS_MEMORY)
