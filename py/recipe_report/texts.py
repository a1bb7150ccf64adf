"""Texts as the page shows them: numbers, what is long shortened, two captions with their difference."""

from difflib import SequenceMatcher

from markupsafe import Markup

MOST_LETTERS = 400


def number(value: object) -> str:
    """Four digits of a number, yes or no of a truth value, anything else as it is."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else shorten(str(value), 80)


def shorten(text: str, most: int = MOST_LETTERS) -> str:
    """At most ``most`` letters of ``text``, and how many there are if these aren't all."""
    return text if len(text) <= most else f"{text[:most].rstrip()} … ({len(text):,} letters)"


def word_diff(before: str, after: str) -> tuple[Markup, Markup]:
    """Both captions, escaped: words that only the first has in <del>, that only the second has in <ins>.

    >>> word_diff("a red cube", "a blue cube")[1]
    Markup('a <ins>blue</ins> cube')
    """
    old, new = before.split(), after.split()
    left, right = [], []
    for tag, *spans in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        for parts, words, mark in (
            (left, old[slice(*spans[:2])], "del"),
            (right, new[slice(*spans[2:])], "ins"),
        ):
            text = Markup.escape(" ".join(words))
            if words:
                parts.append(text if tag == "equal" else Markup("<{0}>{1}</{0}>").format(Markup(mark), text))
    return Markup(" ").join(left), Markup(" ").join(right)
