"""M4C accuracy of TextVQA: the EvalAI answer normaliser and the soft score over ten human answers.

Same numbers as the kit's ``mgm/eval/m4c_evaluator.py`` (Singh et al. 2019, "Towards VQA Models That Can
Read"; normaliser of Antol et al. 2015, "VQA"), quirks included, since published scores carry them.
"""

import re

COUNTED = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
NUMBER_WORDS = {word: str(number) for number, word in enumerate(COUNTED)} | {"none": "0"}
ARTICLES = frozenset({"a", "an", "the"})
PUNCTUATION = ';/[]"{}()=+\\_->`<@!'  # the list's comma and question mark are gone before it is used
FULL_STOP = re.compile(r"\.(?!\d)")
MOST_FULL_STOPS = 32  # the original passes re.UNICODE (32) where re.sub takes the count

CONTRACTIONS = """
ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've hasn't haven't he'd
he'd've he's how'd how'll how's isn't it'd it'd've it'll ma'am mightn't mightn't've might've mustn't must've
needn't not've o'clock oughtn't 'ow's'at shan't she'd've should've shouldn't shouldn't've somebody'd've
somebody'll somebody's someone'd someone'd've someone'll someone's something'd something'd've something'll
that's there'd there'd've there're there's they'd they'd've they'll they're they've 'twas wasn't we'd've
we've weren't what'll what're what's what've when's where'd where's where've who'd who'd've who'll who's
who've why'll why're why's won't would've wouldn't wouldn't've y'all y'all'll y'all'd've you'd you'd've
you'll you're you've
"""


def _misspellings() -> dict[str, str]:
    """Each contraction under every spelling that lacks one of its apostrophes, and the original's slip."""
    table = {"somebody'd": "somebodyd"}  # the wrong way round in the original too
    for word in CONTRACTIONS.split():
        for place in (i for i, char in enumerate(word) if char == "'"):
            table[word[:place] + word[place + 1 :]] = word
    return table


MISSPELLINGS = _misspellings()


def normalise(answer: str) -> str:
    """Lower case, without punctuation and articles, number words as digits, contractions with apostrophes.

    >>> normalise("The Two cats, dont!")
    "2 cats don't"
    """
    text = answer.lower().replace(",", "").replace("?", "").replace("'s", " 's").strip()
    text = text.replace("\n", " ").replace("\t", " ").strip()
    spaced = text  # every mark is judged by the text as it was before the first was removed
    for mark in PUNCTUATION:
        beside_space = f"{mark} " in spaced or f" {mark}" in spaced
        text = text.replace(mark, "" if beside_space else " ")
    text = FULL_STOP.sub("", text, count=MOST_FULL_STOPS)
    words = (NUMBER_WORDS.get(word, word) for word in text.lower().split())
    return " ".join(MISSPELLINGS.get(word, word) for word in words if word not in ARTICLES)


def soft_score(prediction: str, answers: list[str]) -> float:
    """Mean over the human answers, each left out in turn, of min(1, matches among the others ÷ 3); 0 to 1.

    Normalises both sides. Summed answer by answer, so that the last bit agrees with the original.
    """
    predicted = normalise(prediction)
    same = [normalise(answer) == predicted for answer in answers]
    if not any(same):
        return 0.0
    return sum(min(1, (sum(same) - left_out) / 3) for left_out in same) / len(same)
