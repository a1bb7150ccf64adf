import math

from data_juicer.ops.base_op import OPERATORS

from errors import BadInput
from json_files import write_json

from .whole import WholeDataset, take, values_of

OP_NAME = "threshold_selector"


@OPERATORS.register_module(OP_NAME)
class ThresholdSelector(WholeDataset):
    """Keeps the records from a threshold of `field_key` on, given as a rank (share or count) or as a value.

    A rank carries over from one model to another, a value is what papers state; either way the value that
    divided kept from dropped stands in the ledger's summary. Of equal values the earlier records are kept.
    With `within` the share is taken of each group alone: the selection is proportional to the groups' sizes.
    """

    def __init__(
        self,
        field_key: str = "",
        min_value: float | None = None,
        top_ratio: float | None = None,
        top_count: int | None = None,
        within: str = "",
        report: str = "",
        *args,
        **kwargs,
    ):
        """
        :param field_key: column or nested field, parts separated by '.'.
        :param min_value: the least value that is kept.
        :param top_ratio: the share that is kept, 0 to 1, those with the highest values.
        :param top_count: how many are kept, those with the highest values.
        :param within: field whose values name the groups; empty: all records are one group.
        :param report: file for what was chosen (JSON).
        """
        super().__init__(*args, **kwargs)
        given = {"min_value": min_value, "top_ratio": top_ratio, "top_count": top_count}
        self.given = {name: value for name, value in given.items() if value is not None}
        if len(self.given) != 1:
            raise BadInput(f"{OP_NAME}: give one of min_value, top_ratio and top_count, not {self.given}")
        self.field_key, self.within, self.report = field_key, within, report

    def best(self, rows: list[int], values: list[float]) -> list[int]:
        """Those of ``rows`` that are kept."""
        [(by, limit)] = self.given.items()
        if by == "min_value":
            return [row for row in rows if values[row] >= limit]
        count = math.floor(limit * len(rows) + 0.5) if by == "top_ratio" else limit
        return sorted(rows, key=lambda row: -values[row])[:count]

    def process_table(self, table):
        values = values_of(table, self.field_key)
        groups: dict = {}
        for row, group in enumerate(values_of(table, self.within) if self.within else [0] * len(values)):
            groups.setdefault(group, []).append(row)
        kept = sorted(row for rows in groups.values() for row in self.best(rows, values))
        if self.report:
            chosen = min((values[row] for row in kept), default=None)
            about = {"statistic": self.field_key.split(".")[-1], "given": self.given, "within": self.within}
            write_json(self.report, {**about, "chosen": chosen, "kept": len(kept), "of": len(values)})
        return take(table, kept)
