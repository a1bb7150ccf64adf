"""The words of a picture that are no part of it: a stock agency's watermark, and what is left without."""

import difflib
import re
from collections import Counter
from functools import cache

from ocr import Word, in_reading_order

# Whose names are printed over pictures; a space may be missing.
AGENCIES = """123rf|adobe stock|age fotostock|alamy|allposters|big stock|bridgeman|can stock|cartoon stock|
clipartof|clipdealer|colourbox|corbis|crestock|deposit photos|dissolve.com|dreamstime|envato|
everett collection|eyeem|featurepics|fine art america|fotolia|fotosearch|freepik|getty images|gograph|
graphicriver|imagecollect|imago images|istock|lovepik|masterfile|mostphotos|panthermedia|photobucket|
photocase|picfair|pixta|plainpicture|pngtree|pond5|robertharding|shutter stock|stockfresh|stocksy|
storyblocks|superstock|thinkstock|toonpool|trevillion|turbosquid|vecteezy|vector stock|videohive|wireimage|
yayimages""".replace("\n", "")
# What is printed without a name, and what it stands for.
_PHRASES = {"protect more of your memories": "photobucket"} | {n: n for n in ("stock photo", "royalty free")}
_MARKS = ("watermark", "preview", "sample", "proof")
_ADDRESS = re.compile(r"www\W|https?:|@\w|\.(com|net|org|info|co|de|fr|es|it|nl|ru|ua|uk|eu|au)\b", re.I)
_CREDIT = re.compile(r"\s*(©|\(c\)|copyright|credit:|photo(graph)? by|image id)", re.I)


def fold(text: str) -> str:
    """Letters and digits in lower case, one for each group that OCR takes for another.

    >>> fold("Alarny.com") == fold("ALAMY com")
    True
    """
    return re.sub(r"[\W_]", "", text.lower().replace("rn", "m")).translate(str.maketrans("0i1", "oll"))


_NAMES = {fold(name): name.replace(" ", "") for name in AGENCIES.split("|")}
_NAMES |= {fold(phrase): name for phrase, name in _PHRASES.items()}


@cache
def agency(text: str, joined: bool = False) -> str:
    """The agency or phrase that ``text`` is, letters misread or cut off included, or "".

    ``joined``: ``text`` was put together from several; then it must be the whole name, misread only if long.

    >>> agency("geltyimages'"), agency("©Alamy"), agency("stock")
    ('gettyimages', 'alamy', '')
    """
    folded, least = fold(text), 11 if joined else 8
    if name := _NAMES.get(folded) or _NAMES.get(folded[1:], ""):  # "©" is read as any letter
        return name
    for key, name in _NAMES.items():  # without spaces: "alamystockphoto"
        if not joined and (folded.startswith(key) or (len(key) >= least and key in folded)):
            return name
    close = difflib.get_close_matches(folded, [key for key in _NAMES if len(key) >= least], 1, 0.84)
    return _NAMES[close[0]] if close else ""


def _tokens(words: list[Word]) -> list[str]:
    return [token for word in words for token in re.findall(r"[^\W_]+", word.text)]


def _agencies(tokens: list[str]) -> list[str]:
    """Whom ``tokens`` name, alone or up to five together: those in one token first."""
    joined = ("".join(tokens[n : n + size]) for size in (2, 3, 4, 5) for n in range(len(tokens) - size + 1))
    return [name for name in (*map(agency, tokens), *(agency(text, True) for text in joined)) if name]


def watermark(words: list[Word], width: int, height: int) -> str:
    """The stock agency or kind of watermark that ``words`` show on a picture of this size, or "".

    A word that repeats is none by itself: shelves, stamps and sponsors' walls repeat theirs.

    >>> watermark([Word("shutterst", 0.7, (30, 150, 300, 190))], 336, 336)
    'shutterstock'
    """
    tokens = _tokens(words)
    for found in _agencies(tokens):
        if " " not in found or len(tokens) <= 40:  # a page may speak of stock photos
            return found
    folded = [fold(word.text) for word in words]
    for mark in _MARKS:
        boxes = [word.box for word, text in zip(words, folded, strict=True) if text == fold(mark)]
        large = len(tokens) <= 10 and any(2 * (right - left) >= width for left, _, right, _ in boxes)
        if large or (len(boxes) >= 3 and 2 * len(boxes) >= len(words)):
            return mark
    owners = Counter(fold(w.text) for w in words if _ADDRESS.search(w.text) or _CREDIT.match(w.text))
    return "tiled" if any(count >= 3 and 2 * count >= len(words) for count in owners.values()) else ""


def legible(words: list[Word], min_confidence: float = 0.8, most: int = 8) -> list[str]:
    """At most ``most`` texts worth naming in a caption, in reading order: no marks, two letters or more.

    >>> legible([Word("EXIT", 0.99, (9, 5, 40, 17)), Word("www.alamy.com", 0.99, (9, 80, 60, 92))])
    ['EXIT']
    """
    texts: dict[str, str] = {}
    names = [fold(name) for name in _agencies(_tokens(words))]
    for word in in_reading_order([word for word in words if word.confidence >= min_confidence]):
        text, folded = word.text.strip(" .,:;-_'\"|*•·~`^<>[](){}®™"), fold(word.text)
        alike = (difflib.SequenceMatcher(None, folded, name).ratio() for name in names)
        foreign = folded in map(fold, _MARKS) or any(map(agency, text.split())) or max(alike, default=0) > 0.5
        foreign = foreign or _ADDRESS.search(text) or _CREDIT.match(word.text)
        foreign = foreign or re.fullmatch(r"\d{6,}", text)  # a picture's number
        if len(set(folded)) >= 2 and 2 * len(folded) >= len(text) and not foreign:
            texts.setdefault(folded, text)
    return list(texts.values())[:most]
