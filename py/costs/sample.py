"""A sample as the reckoning sees it: no text, no pixels, only how much of each."""

from typing import NamedTuple


class Sample(NamedTuple):
    """One sample: ``length`` positions, picture included, ``labelled`` of them with a label."""

    length: float
    labelled: float
    has_image: bool = True
