"""A filter by one number, which notes it and, without limits, drops nothing and looks at no record twice."""

from typing import Any

from data_juicer.ops.base_op import Filter
from data_juicer.utils.constant import Fields


class StatisticFilter(Filter):
    """Base of filters whose statistic has the name that the recipe gives; a subclass computes it."""

    RANGE = (0.0, 1.0)  # of all possible values

    def __init__(self, statistic: str, min_value: float, max_value: float, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.statistic = statistic
        self.min_value, self.max_value = min_value, max_value

    def process_batched(self, samples: dict) -> list[bool]:
        """Whether each record's value lies within the limits."""
        values = [stats[self.statistic] for stats in samples[Fields.stats]]
        return [self.get_keep_boolean(value, self.min_value, self.max_value) for value in values]

    def run(self, dataset: Any, *, exporter: Any = None, tracer: Any = None, reduce: bool = True) -> Any:
        """As Data-Juicer's, but where no record can be dropped, none is looked at or written once more.

        Whatever comes out has its statistics in the next operator's ledger; the export is for what does not.
        """
        limited = (self.min_value, self.max_value) != self.RANGE
        exporter = exporter if limited else None
        return super().run(dataset, exporter=exporter, tracer=tracer, reduce=reduce and limited)
