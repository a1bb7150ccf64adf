from data_juicer.ops.base_op import OPERATORS

from json_files import write_json

from .answers import Answers
from .clip import Clip, table_features
from .images import Pictures
from .whole import WholeDataset, take, values_of

OP_NAME = "clip_near_duplicate_deduplicator"
EXACT_UP_TO = 20_000  # records; beyond, only the nearest of sqrt(N) cells are searched


@OPERATORS.register_module(OP_NAME)
class ClipNearDuplicateDeduplicator(WholeDataset):
    """Drops images that are nearly another one: by CLIP's cosine to a better record that is kept.

    Better is a higher `field_key`, or without one an earlier place. Which record each dropped one resembles,
    and how much, stands in the ledger as `near_duplicate_of` and `near_duplicate_similarity`.
    """

    _accelerator = "cuda"

    def __init__(
        self,
        hf_clip: str = "openai/clip-vit-base-patch32",
        min_similarity: float = 0.97,
        field_key: str = "",
        model_batch_size: int = 64,
        store: str = "",
        report: str = "",
        *args,
        **kwargs,
    ):
        """
        :param hf_clip: folder of a CLIPModel with its tokenizer and image processor.
        :param min_similarity: cosine from which on two images are one, 0 to 1.
        :param field_key: column or nested field that says which record is kept, parts separated by '.'.
        :param model_batch_size: images per forward.
        :param store: path of the store of answers; embeddings that it lacks are computed in this process.
        :param report: file for what was found (JSON).
        """
        super().__init__(*args, **kwargs)
        self.min_similarity = min_similarity
        self.field_key = field_key
        self.report = report
        self.clip = Clip(self, hf_clip, store, model_batch_size)

    def questions(self, samples: dict) -> list[tuple[Answers, list[bytes]]]:
        """What would be asked for ``samples``, for `make store`."""
        return [(self.clip.images, self.clip.image_questions(Pictures.of(samples)))]

    def process_table(self, table):
        features = table_features(self.clip, table)  # (N, D)
        order = list(range(len(features)))
        if self.field_key:
            values = values_of(table, self.field_key)
            order.sort(key=lambda row: -values[row])
        twin = twins(features[order], self.min_similarity)
        ids = table["id"].to_pylist()
        dropped = {order[place]: (ids[order[of]], cosine) for place, (of, cosine) in twin.items()}
        kept = [row for row in range(len(features)) if row not in dropped]
        if self.report:
            write_json(
                self.report,
                {
                    "statistic": "near_duplicate_similarity",
                    "given": {"min_similarity": self.min_similarity},
                    "kept": len(kept),
                    "of": len(features),
                    "near_duplicates": {ids[row]: list(found) for row, found in sorted(dropped.items())},
                },
            )
        return take(table, kept)


def twins(features, min_similarity: float) -> dict[int, tuple[int, float]]:
    """{row: (an earlier kept row, their cosine)} of unit vectors (N, D), for each row that has such a one."""
    import faiss

    count, width = features.shape
    index = exact = faiss.IndexFlatIP(width)
    if count > EXACT_UP_TO:
        index = faiss.IndexIVFFlat(exact, width, int(count**0.5), faiss.METRIC_INNER_PRODUCT)
        index.train(features)
        index.nprobe = 8
    index.add(features)
    found: dict[int, tuple[int, float]] = {}
    for start in range(0, count, 1000):
        limits, cosines, rows = index.range_search(features[start : start + 1000], min_similarity)
        for place in range(len(limits) - 1):
            row, some = start + place, slice(limits[place], limits[place + 1])
            near = zip(rows[some].tolist(), cosines[some].tolist(), strict=True)
            earlier = [(-cosine, other) for other, cosine in near if other < row and other not in found]
            if earlier:
                cosine, other = min(earlier)
                found[row] = (other, round(-cosine, 4))
    return found
