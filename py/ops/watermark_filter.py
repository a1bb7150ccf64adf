from data_juicer.ops.base_op import OPERATORS, Filter
from data_juicer.utils.constant import Fields

OP_NAME = "watermark_filter"


@OPERATORS.register_module(OP_NAME)
class WatermarkFilter(Filter):
    """Drops images on which `rapidocr_mapper` recognised a watermark; the statistic is `watermarked`."""

    _batched_op = True

    def __init__(self, keep: bool = False, *args, **kwargs):
        """
        :param keep: keep watermarked images, and only note them.
        """
        super().__init__(*args, **kwargs)
        self.keep = keep

    def compute_stats_batched(self, samples):
        for stats, meta in zip(samples[Fields.stats], samples[Fields.meta], strict=True):
            stats["watermarked"] = bool(meta["watermark"])
        return samples

    def process_batched(self, samples):
        return [self.keep or not stats["watermarked"] for stats in samples[Fields.stats]]
