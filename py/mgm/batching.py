"""Which questions are answered together: those of one picture, then those of like length."""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence


def batches_by_picture(
    pictures: Sequence[Hashable | None], lengths: Sequence[int], batch_size: int
) -> Iterator[list[int]]:
    """Cut the questions into batches of at most ``batch_size``; yields their indices.

    ``pictures`` names each question's picture (None: it has none), ``lengths`` says how long its text is.
    The questions of a picture share a batch, so that it is read once, unless they are more than
    ``batch_size``. Groups of like length stand together, so that little is padding, and the longest come
    first: if memory does not suffice, it shows at once.
    """
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for i, picture in enumerate(pictures):
        groups[(i,) if picture is None else ("of", picture)].append(i)
    cut = [g[k : k + batch_size] for g in groups.values() for k in range(0, len(g), batch_size)]
    cut.sort(key=lambda group: -max(lengths[i] for i in group))
    batch: list[int] = []
    for group in cut:
        if len(batch) + len(group) > batch_size:
            yield batch
            batch = []
        batch += group
    if batch:
        yield batch
