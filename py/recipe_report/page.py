"""The page itself: every section's content, and the template that sets it."""

from math import ceil
from typing import NamedTuple

from recipe_report import figures, plots, survey
from recipe_report.cards import Card, Gallery

USUAL_CHECKS = ("ok", "not asked")  # a new caption was taken, or none was wanted
OWN_PLACE = ("caption_check", "watermark")  # notes that have a section
MOST_GROUPS = 8


class Group(NamedTuple):
    """Cards under a heading; ``count``: how many records there are of this kind."""

    label: str
    count: int
    cards: list


def per_group(samples: int, groups: int, shares: int) -> int:
    """How many cards each of ``groups`` gets, so that together they are about ``shares`` × ``samples``."""
    return min(ceil(samples / 2), max(1, shares * samples // max(groups, 1)))


def groups_of(
    found: survey.Survey,
    gallery: Gallery,
    section: str,
    shares: int,
    leave_out: tuple = (),
    words: bool = False,
) -> list[Group]:
    """A few cards of each of the section's commonest labels; ``words``: with those read in the pictures."""
    counts = [(label, n) for label, n in found.counts[section].most_common() if label not in leave_out]
    most = per_group(found.samples, min(len(counts), MOST_GROUPS), shares)
    return [
        Group(label, count, [gallery.card(line, words) for line in found.shown(section, label)[:most]])
        for label, count in counts[:MOST_GROUPS]
    ]


def twin_pairs(
    found: survey.Survey, gallery: Gallery, originals: dict[str, dict]
) -> list[tuple[Card, Card | None]]:
    """Near-duplicates beside the record that they duplicate."""
    pairs = []
    for line in found.shown("near_duplicates")[: ceil(found.samples / 2)]:
        original = originals.get(line["notes"]["near_duplicate_of"])
        pairs.append((gallery.card(line), gallery.card(original) if original else None))
    return pairs


def ranked_by(found: survey.Survey) -> str:
    """The statistic that best and worst go by: the last one that judges similarity, or ""."""
    return next((name for name in survey.RANKED_BY if found.shown("best", name)), "")


def shown_ids(found: survey.Survey, originals: dict[str, dict]) -> set[str]:
    """Ids of all records that the page may show."""
    groups = [group for by_label in found.groups.values() for group in by_label.values()]
    return {
        line["id"] for group in groups for line in group.lines() if line["id"] is not None
    } | originals.keys()


def counts_and_plots(found: survey.Survey, summary: dict) -> dict:
    """What the template tells without pictures of records."""
    steps, thresholds, notes = (summary.get(name) for name in ("steps", "thresholds", "notes"))
    return {
        "found": found,
        "judged": found.judged,
        "summary": summary,
        "dropped": sum(summary["dropped"].values()),
        "steps": steps,
        "funnel": plots.funnel(steps) if steps else None,
        "thresholds": thresholds,
        "figures": figures.before_after_figures(found) + figures.statistic_figures(found, thresholds or []),
        "small_counts": figures.small_counts(found),
        "checks": found.counts["caption_check"].most_common(),
        "other_notes": {name: counts for name, counts in (notes or {}).items() if name not in OWN_PLACE},
        "repeated": sorted(found.repeated.items()),
        "watermarks": found.counts["watermark"].most_common(),
    }


def records_shown(found: survey.Survey, gallery: Gallery, originals: dict[str, dict]) -> dict:
    """The template's cards; pictures are made in the page's order, for their number is limited."""
    by, few = ranked_by(found), ceil(found.samples / 2)

    def cards(section: str, label: str = "", most: int = found.samples, words: bool = False) -> list[Card]:
        return [gallery.card(line, words) for line in found.shown(section, label)[:most]]

    return {
        "ranked_by": by,
        "random": cards("random"),
        "best": cards("best", by) if by else [],
        "worst": cards("worst", by) if by else [],
        "recaptioned": cards("recaptioned"),
        "rejected": groups_of(found, gallery, "rejected", 2),
        "checked": groups_of(found, gallery, "caption_check", 1, USUAL_CHECKS),
        "most_repeated": cards("repeated", most=few) if max(found.repeated, default=0) > 1 else [],
        "twins": twin_pairs(found, gallery, originals),
        "ocr": cards("ocr", words=True),
        "watermarked": groups_of(found, gallery, "watermark", 1, words=True),
        "bad": groups_of(found, gallery, "bad", 1),
    }
