from data_juicer.ops.base_op import OPERATORS, TAGGING_OPS, Mapper
from data_juicer.utils.constant import Fields

import records

OP_NAME = "put_back_mapper"


@TAGGING_OPS.register_module(OP_NAME)
@OPERATORS.register_module(OP_NAME)
class PutBackMapper(Mapper):
    """Puts the caption of before back where a captioner made it worse by a statistic.

    A new caption stays if its `after` is higher than the old one's `before` and reaches `min_value`. Where
    the old one is put back, `after` becomes its value, and the meta field `caption_check` "put back".
    """

    _batched_op = True

    def __init__(
        self,
        before: str = "seed_similarity",
        after: str = "image_text_similarity",
        min_value: float = -1.0,
        *args,
        **kwargs,
    ):
        """
        :param before: statistic of the old caption.
        :param after: statistic of the new caption.
        :param min_value: what a new caption must reach to stay.
        """
        super().__init__(*args, **kwargs)
        self.before, self.after, self.min_value = before, after, min_value

    def process_batched(self, samples):
        for row, (stats, meta) in enumerate(zip(samples[Fields.stats], samples[Fields.meta], strict=True)):
            old, new = stats[self.before], stats[self.after]
            if meta["caption_check"] == "ok" and (new <= old or new < self.min_value):
                meta["caption_rejected"] = records.caption_of(samples[self.text_key][row])
                samples[self.text_key][row] = records.text_of(meta["caption_before"])
                meta["caption_check"] = "put back"
                stats[self.after] = old
        return samples
