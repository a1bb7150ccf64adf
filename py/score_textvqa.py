"""Score TextVQA answers by M4C accuracy, as the kit's ``mgm/eval/eval_textvqa.py``; all questions or nothing.

python py/score_textvqa.py --annotations data/demo/eval/textvqa/TextVQA_0.5.1_val.json \\
    --answers runs/demo/default/eval/textvqa/bm1.jsonl --output score.json
"""

import re
from collections import Counter
from pathlib import Path

import cli
from errors import BadInput
from json_files import read_json, read_jsonl, write_json
from m4c import soft_score
from questions import OCR_MARK, require_exactly
from shapes import misfit

ANNOTATION = {"question_id": (str, int), "image_id": (str, int), "question": str, "answers": [str]}
ANSWER = {"question_id": (str, int), "prompt": str, "text": str}


def question_of(prompt: str) -> str | None:
    """The bare question, lower case, inside a prompt of a form that the official script knows, else None."""
    lines = prompt.split("\n")
    if prompt.startswith("OCR tokens: "):
        inner = re.search(r"Question: (.*?) Short answer:", prompt, re.DOTALL)
        return inner.group(1).lower() if inner else None
    if len(lines) == 3 and f"{OCR_MARK} " in prompt:
        return lines[1 if prompt.startswith(OCR_MARK) else 0].lower()
    return lines[0].lower() if len(lines) == 2 else None


def read_annotations(path: Path) -> list[dict]:
    """The annotation file's questions; each needs an image_id, a question_id, a question and ten answers."""
    document = read_json(path)
    annotations = document.get("data") if isinstance(document, dict) else None
    if not annotations or not isinstance(annotations, list):
        raise BadInput(f"{path}: holds no questions under 'data'; is this a TextVQA annotation file?")
    for place, annotation in enumerate(annotations):
        if not isinstance(annotation, dict):
            raise BadInput(f"{path}: question number {place} is no object; restore the file")
        name = annotation.get("question_id", f"number {place}")
        if fault := misfit(annotation, ANNOTATION):
            raise BadInput(f"{path}: question {name}: {fault}; restore the file")
        if len(annotation["answers"]) != 10:
            raise BadInput(f"{path}: question {name} has {len(annotation['answers'])} answers, not 10")
    return annotations


def read_answers(path: Path) -> list[dict]:
    """The answer lines in file order; none, or one without its fields, is an error."""
    answers = []
    for number, answer in read_jsonl(path):
        if fault := misfit(answer, ANSWER):
            raise BadInput(f"{path}:{number}: {fault}; answer the test again")
        answers.append(answer)
    if not answers:
        raise BadInput(f"{path}: holds no answer; answer the test again")
    return answers


def match(annotations: list[dict], answers: list[dict], where: Path) -> list[int]:
    """For each answer its annotation's place, each used once; raises `BadInput` if that fails.

    The official way is by image id and question text, an image having several questions; an answer whose
    id is an annotation's own ``question_id`` is found too.
    """
    by_question: dict[tuple[str, str], list[int]] = {}
    by_id: dict[str, list[int]] = {}
    for place, annotation in enumerate(annotations):
        key = (str(annotation["image_id"]), annotation["question"].lower())
        by_question.setdefault(key, []).append(place)
        by_id.setdefault(str(annotation["question_id"]), []).append(place)

    places, taken = [], Counter()
    for answer in answers:
        name, question = str(answer["question_id"]), question_of(answer["prompt"])
        candidates = by_question.get((name, question)) or by_id.get(name)
        if candidates:
            turn = min(taken[candidates[0]], len(candidates) - 1)
            taken[candidates[0]] += 1
            places.append(candidates[turn])
        else:
            places.append(None)
    labels = [f"{annotation['image_id']} {annotation['question']!r}" for annotation in annotations]
    unknown = [f"{answer['question_id']} {question_of(answer['prompt'])!r}" for answer in answers]
    found = [unknown[i] if place is None else f"{place} {labels[place]}" for i, place in enumerate(places)]
    require_exactly((f"{place} {label}" for place, label in enumerate(labels)), found, where)
    return places


def score(annotations: list[dict], answers: list[dict], where: Path) -> dict:
    """``{"accuracy": percent, "n", "per_question": {id: 0 to 1}}`` in answer order.

    The id is the answer's ``question_id``; where several questions share it (an image id), ``/`` and the
    annotation's own ``question_id`` follow. Of two annotations for one question and image, the last one's
    answers count for both, as in the official script.
    """
    places = match(annotations, answers, where)
    last = {(str(a["image_id"]), a["question"].lower()): a["answers"] for a in annotations}
    shared = Counter(str(answer["question_id"]) for answer in answers)
    per_question = {}
    for answer, place in zip(answers, places, strict=True):
        annotation, name = annotations[place], str(answer["question_id"])
        name = name if shared[name] == 1 else f"{name}/{annotation['question_id']}"
        gold = last[str(annotation["image_id"]), annotation["question"].lower()]
        per_question[name] = soft_score(answer["text"], gold)
    accuracy = 100 * sum(per_question.values()) / len(per_question)
    return {"accuracy": accuracy, "n": len(per_question), "per_question": per_question}


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--annotations", type=Path, required=True, help="TextVQA_0.5.1_val.json")
    parser.add_argument("--answers", type=Path, required=True, help="bm1.jsonl, one answer a line")
    parser.add_argument("--output", type=Path, required=True, help="the score as JSON")
    args = parser.parse_args()
    result = score(read_annotations(args.annotations), read_answers(args.answers), args.answers)
    write_json(args.output, result)
    print(f"TextVQA: {result['accuracy']:.2f} % of {result['n']} questions")


if __name__ == "__main__":
    cli.run(main)
