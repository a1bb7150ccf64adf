from data_juicer.ops.base_op import OPERATORS, Filter
from data_juicer.utils.constant import Fields

OP_NAME = "watermark_filter"


@OPERATORS.register_module(OP_NAME)
class WatermarkFilter(Filter):
    """Drops images on which `rapidocr_mapper` recognised a watermark; statistic `watermarked`, 0 or 1."""

    _batched_op = True

    def __init__(self, max_value: int = 0, *args, **kwargs):
        """
        :param max_value: 0: drop watermarked images; 1: only note them.
        """
        super().__init__(*args, **kwargs)
        self.max_value = max_value

    def compute_stats_batched(self, samples):
        for stats, meta in zip(samples[Fields.stats], samples[Fields.meta], strict=True):
            stats["watermarked"] = int(bool(meta["watermark"]))
        return samples

    def process_batched(self, samples):
        return [stats["watermarked"] <= self.max_value for stats in samples[Fields.stats]]
