"""Score MMBench answers offline: circular, plain, per category, unparsable answers; all rows or nothing.

Two rules say which option an answer chose, and both are always reported. ``exact``, the default, is the
challenge's: its script compares the upload's prediction with the answer, so only a bare letter can be right
("B." and "b" are wrong). ``inferred`` is the evaluation kit's step before it asks a judge: exactly one
option's letter among the words, or else exactly one option's text ("diamond D" is D).

    python py/score_mmbench.py --tsv data/demo/eval/mmbench/mmbench_dev_20230712.tsv \\
        --answers runs/demo/default/eval/mmbench/answers.jsonl --output score.json
"""

from collections.abc import Callable, Iterable
from pathlib import Path

import cli
from errors import BadInput
from json_files import read_jsonl, write_json
from mmbench_table import CIRCULAR_STEP, OPTION_LETTERS
from questions import Question, read_mmbench, require_exactly

SEPARATORS = str.maketrans(dict.fromkeys(".()[],:;!*#{}", " "))


def exact_option(text: str, options: tuple[str, ...]) -> str | None:
    """The letter that the whole answer is; None if it is anything else (the challenge's script)."""
    return text if len(text) == 1 and text in OPTION_LETTERS[: len(options)] else None


def infer_option(text: str, options: tuple[str, ...]) -> str | None:
    """The one option that an answer names by its letter, else by its text (VLMEvalKit ``matching_util.py``).

    A lone "A" among more than three words may be an article, so there the text decides.

    >>> infer_option("diamond D", ("circle", "square", "star", "diamond"))
    'D'
    """
    letters = OPTION_LETTERS[: len(options)]
    words = text.translate(SEPARATORS).split()
    named = [letter for letter in letters if letter in words]
    if len(named) == 1 and not (named == ["A"] and len(words) > 3):
        return named[0]
    text = text.lower()
    contained = [letter for letter, option in zip(letters, options, strict=True) if option.lower() in text]
    return contained[0] if len(contained) == 1 else None


Rule = Callable[[str, tuple[str, ...]], str | None]
RULES: dict[str, Rule] = {"exact": exact_option, "inferred": infer_option}


def require_answerable(questions: list[Question], path: Path) -> None:
    """Raise `BadInput` unless the table at ``path`` says each question's right answer."""
    unanswerable = [q.question_id for q in questions if not exact_option(q.answer, q.options)]
    if unanswerable:
        raise BadInput(f"{path}: question {unanswerable[0]} has no right answer; score a dev split")


def read_answers(path: Path, questions: list[Question]) -> dict[int, str]:
    """Answer text by question index; raises `BadInput` unless each question has exactly one."""
    lines = []
    for number, answer in read_jsonl(path):
        if "question_id" not in answer or not isinstance(answer.get("text"), str):
            raise BadInput(f"{path}:{number}: lacks question_id or text; answer the test again")
        lines.append((str(answer["question_id"]), answer["text"]))
    if not lines:
        raise BadInput(f"{path}: holds no answer; answer the test again")
    require_exactly((str(q.question_id) for q in questions), (name for name, _ in lines), path)
    return {int(name): text for name, text in lines}


def score_by(rule: str, questions: list[Question], texts: dict[int, str]) -> dict:
    """Accuracies under one rule; a circular group (index modulo 1,000,000) is right when all variants are."""
    groups: dict[int, bool] = {}
    categories: dict[str, dict[int, bool]] = {}
    right, unparsable = 0, 0
    for question in sorted(questions, key=lambda q: q.question_id):
        option = RULES[rule](texts[question.question_id], question.options)
        unparsable += option is None
        hit = option == question.answer
        right += hit
        group = question.question_id % CIRCULAR_STEP
        groups[group] = groups.get(group, True) and hit
        categories.setdefault(question.category, {})[group] = groups[group]
    return {
        "accuracy": percent(groups.values()),
        "plain_accuracy": 100 * right / len(questions),
        "n": len(groups),
        "n_answers": len(questions),
        "unparsable": unparsable,
        "per_category": {name: percent(members.values()) for name, members in sorted(categories.items())},
        "per_question": {str(group): int(hit) for group, hit in groups.items()},
    }


def percent(hits: Iterable[bool]) -> float:
    """Share of true values in percent."""
    hits = list(hits)
    return 100 * sum(hits) / len(hits)


def score(questions: list[Question], texts: dict[int, str], rule: str = "exact") -> dict:
    """The chosen rule's result, plus ``parse`` (the rule) and ``by_rule``: the headline numbers of each."""
    results = {name: score_by(name, questions, texts) for name in RULES}
    headline = ("accuracy", "plain_accuracy", "unparsable")
    return results[rule] | {
        "parse": rule,
        "by_rule": {name: {key: result[key] for key in headline} for name, result in results.items()},
    }


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--tsv", type=Path, required=True, help="the question file, mmbench_dev_20230712.tsv")
    parser.add_argument("--answers", type=Path, required=True, help="answers.jsonl, one answer a line")
    parser.add_argument("--output", type=Path, required=True, help="the score as JSON")
    parser.add_argument("--parse", choices=RULES, default="exact", help="rule of the score (default: exact)")
    args = parser.parse_args()
    questions = read_mmbench(args.tsv)
    require_answerable(questions, args.tsv)
    result = score(questions, read_answers(args.answers, questions), args.parse)
    write_json(args.output, result)
    print(
        f"MMBench: {result['accuracy']:.2f} % circular of {result['n']} questions, "
        f"{result['plain_accuracy']:.2f} % plain, "
        f"{result['unparsable']} of {result['n_answers']} answers unparsable (rule: {args.parse})"
    )


if __name__ == "__main__":
    cli.run(main)
