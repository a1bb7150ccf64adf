from data_juicer.ops.base_op import OPERATORS

from .answers import Answers
from .clip import Clip, table_features
from .images import Pictures
from .whole import WholeDataset, with_stats

OP_NAME = "clip_cluster_mapper"


@OPERATORS.register_module(OP_NAME)
class ClipClusterMapper(WholeDataset):
    """Sorts the images into clusters by CLIP's embedding (spherical k-means): the statistic `cluster`.

    For `threshold_selector` and `budget_selector` to select within. Clusters are numbered by size, the
    largest first; the same records give the same clusters.
    """

    _accelerator = "cuda"

    def __init__(
        self,
        hf_clip: str = "openai/clip-vit-base-patch32",
        clusters: int = 100,
        random_seed: int = 1024,
        model_batch_size: int = 64,
        store: str = "",
        *args,
        **kwargs,
    ):
        """
        :param hf_clip: folder of a CLIPModel with its tokenizer and image processor.
        :param clusters: how many, at most one to four records.
        :param random_seed: of the first centres.
        :param model_batch_size: images per forward.
        :param store: path of the store of answers; embeddings that it lacks are computed in this process.
        """
        super().__init__(*args, **kwargs)
        self.clusters = clusters
        self.random_seed = random_seed
        self.clip = Clip(self, hf_clip, store, model_batch_size)

    def questions(self, samples: dict) -> list[tuple[Answers, list[bytes]]]:
        """What would be asked for ``samples``, for `make store`."""
        return [(self.clip.images, self.clip.image_questions(Pictures.of(samples)))]

    def process_table(self, table):
        import faiss
        import numpy as np

        features = table_features(self.clip, table)  # (N, D)
        count = max(min(self.clusters, len(features) // 4), 1)
        kmeans = faiss.Kmeans(
            features.shape[1],
            count,
            niter=20,
            seed=self.random_seed,
            spherical=True,
            min_points_per_centroid=1,
        )
        kmeans.train(features)
        found = kmeans.assign(features)[1]
        by_size = np.argsort(-np.bincount(found, minlength=count), kind="stable")
        number = np.empty(count, dtype=int)
        number[by_size] = np.arange(count)
        return with_stats(table, cluster=number[found].tolist())
