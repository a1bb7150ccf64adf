"""Numbers and verdicts as the page words them."""

from markupsafe import Markup

from leaderboard.verdicts import BETTER, UNDECIDED, WORSE

NO_VERDICT = "no verdict"
SIGNS = {BETTER: "▲", WORSE: "▼", UNDECIDED: "◆", NO_VERDICT: "–"}


def word_of(told: dict | None) -> str:
    """The verdict in a word; with one run each, where only the questions' scatter is known, there is none."""
    if told is None:
        return ""
    return NO_VERDICT if told["scatter"] == "questions" else told["verdict"]


def probability(p: float) -> str:
    """Two digits of a small probability, in as many places as it needs down to a thousandth.

    >>> probability(0.0312), probability(0.00004), probability(0.4)
    ('0.031', '< 0.001', '0.40')
    """
    return "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def span(interval: list[float] | None, digits: int = 1, sign: str = "") -> str:
    """``57.0 to 65.3``; empty without an interval."""
    return "" if interval is None else " to ".join(signed(side, digits, sign) for side in interval)


def signed(value: float | None, digits: int = 1, sign: str = "+") -> str:
    """A number with its sign, a true minus; a dash for what is undefined.

    >>> signed(-3.26), signed(2), signed(0.04), signed(None)
    ('−3.3', '+2.0', '0.0', '–')
    """
    if value is None:
        return "–"
    text = f"{abs(value):.{digits}f}"
    if not float(text):
        return text
    return f"−{text}" if value < 0 else f"{sign}{text}"


def named(recipe: str) -> Markup:
    """A recipe's name within a sentence, escaped."""
    return Markup("<code>{}</code>").format(recipe)


def listed(parts: list[str]) -> Markup:
    """``a, b and c``, escaped."""
    parts = [Markup(", ").join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts
    return Markup(" and ").join(parts)


def sentence(text: str, **parts: object) -> Markup:
    """``text`` of our own, with ``parts`` escaped where they are not yet."""
    return Markup(text).format(**parts)


def few_words(text: str, most: int) -> str:
    """At most ``most`` letters, for an axis."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def counted(number: int, noun: str) -> str:
    """``1 run``, ``2 runs``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
