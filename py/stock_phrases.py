"""What stock agencies write about their wares, and captioners learned from them, taken out of a caption."""

import re

from watermarks import AGENCIES

_AGENCY = rf"(?:{AGENCIES.replace('.', '[.]').replace(' ', ' ?')})(?:\.com| ?photos?|s)?"
_MEDIUM = (
    r"(?:photo(?:graph|graphy)?|image|picture|pic|vector|illustration|footage|video|clip ?art|graphic|art)s?"
)
_STOCK = (
    r"(?:(?:free|premium|editorial|vector) )*(?:royalty[- ]free|"
    r"royalty(?= (?:stock|vector|illustration|clip ?art))|"
    rf"rights[- ]managed|(?<!in[- ])(?<!rolling )stock(?= {_MEDIUM}\b))(?: (?:stock|{_MEDIUM}))*"
    rf"(?:,?(?: and| or| &) (?:royalty[- ]free |stock )*{_MEDIUM})*"
    r"|(?:free )?vector (?:image|graphic|clip ?art|art)s?|vector eps(?: \d+)?|free vectors?"
)
_PHRASE = re.compile(
    rf"\((?:photo|image|picture|credit)[^()]*{_AGENCY}[^()]*\)"
    rf"|\b(?:photo|image|picture|credit)s?(?: by\b|:| from\b| via\b)[^.,;|()]{{0,60}}?{_AGENCY}\b"
    rf"|(?:©|\(c\)|\b(?:via|from|on|by|at|source:|courtesy of)) ?{_AGENCY}\b"
    r"|\b(?:(?:this is|download(?: (?:this|these|the|now))*|buy|get) )?(?:(?:an?|the|this|these) )?"
    rf"(?:{_STOCK}|{_AGENCY})\b(?: ?[-–—#:]? ?(?:images?\b|(?:id|no\.?)? ?#?\d{{5,}}))?(?: now| today)?"
    r"(?: (?:of|showing|featuring)\b)?"
    rf"|\bdownload (?:this|these)(?: {_MEDIUM})?(?: now| today)?(?=$|\s*[.,!|-])",
    re.I,
)
_GAP = r"[\s,;:.|/·•–—-]*"
_LOOSE = r"(?:\b(?:an?|the|from|on|by|via|at|in|as|for|with|of|and|or|is|&)\s+)*"


def strip_stock_phrases(caption: str) -> str:
    """``caption`` without what agencies write about their wares; "" if it says nothing else.

    >>> strip_stock_phrases("a red rose on white - stock photo | Shutterstock")
    'a red rose on white'
    """
    text, count = _PHRASE.subn("\0", caption)
    if not count:
        return caption
    text = re.sub(r"[(\[{\"'“]\s*\0\s*[)\]}\"'”]", "\0", text)
    text = re.sub(rf"{_LOOSE}(?:{_GAP}\0)+{_GAP}$|(?:{_GAP}\0)+{_GAP}", _mend, text).strip()
    text = re.sub(r"^(?:an? )?(?:images?|photos?|pictures?) of (?=\w)", "", text, flags=re.I)
    rest = re.sub(rf"\b(?:{_MEDIUM}|by|of|and|an?|the|free|download|now|more)\b", "", text, flags=re.I)
    return text if re.search(r"[^\W\d_]", rest) else ""


def _mend(gap: re.Match) -> str:
    """What stays where a phrase stood: nothing at either end, else one separator."""
    before, after = gap[0].split("\0")[0].strip(), gap[0].split("\0")[-1].strip()
    if gap.end() == len(gap.string) or gap.start() == 0:
        return after if after == "." and not before and gap.start() else ""
    mark = (before or after)[:1]
    return f"{mark} " if mark in (",", ";", ":", ".") else f" {mark} " if mark else " "
