from functools import reduce
from operator import getitem

from data_juicer.ops.base_op import OPERATORS, Selector

OP_NAME = "repeat_to_budget_selector"


@OPERATORS.register_module(OP_NAME)
class RepeatToBudgetSelector(Selector):
    """Repeats the records until there are `budget` of them; with as many or more already, changes nothing.

    All are repeated equally often; the remainder goes to those with the highest value in `field_key`, or
    without one to the first. The challenge allows repetition, and its best solutions used it.
    """

    def __init__(self, budget: int = 0, field_key: str = "", *args, **kwargs):
        """
        :param budget: how many records there shall be.
        :param field_key: column or nested field to rank by, parts separated by '.'.
        """
        super().__init__(*args, **kwargs)
        self.budget = budget
        self.field_key = field_key

    def process(self, dataset):
        count = len(dataset)
        if count == 0 or count >= self.budget:
            return dataset
        best_first = list(range(count))
        if self.field_key:
            column, *keys = self.field_key.split(".")
            values = [reduce(getitem, keys, value) for value in dataset[column]]
            best_first.sort(key=lambda row: -values[row])
        return dataset.select(list(range(count)) * (self.budget // count) + best_first[: self.budget % count])
