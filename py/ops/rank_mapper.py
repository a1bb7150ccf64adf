from data_juicer.ops.base_op import OPERATORS

from .whole import WholeDataset, values_of, with_stats

OP_NAME = "rank_mapper"


@OPERATORS.register_module(OP_NAME)
class RankMapper(WholeDataset):
    """Gives each record the rank of its `field_key` among all: `<statistic>_rank`, 0 for the worst, below 1.

    So that a later operator can treat the worst share of the records otherwise. Of equal values the earlier
    record ranks higher.
    """

    def __init__(self, field_key: str = "", *args, **kwargs):
        """
        :param field_key: column or nested field, parts separated by '.'.
        """
        super().__init__(*args, **kwargs)
        self.field_key = field_key

    def process_table(self, table):
        values = values_of(table, self.field_key)
        ranks = [0.0] * len(values)
        for place, row in enumerate(sorted(range(len(values)), key=lambda row: (values[row], -row))):
            ranks[row] = round(place / len(values), 6)
        return with_stats(table, **{f"{self.field_key.split('.')[-1]}_rank": ranks})
