from data_juicer.ops.base_op import OPERATORS

from .whole import WholeDataset, take, values_of

OP_NAME = "budget_selector"


@OPERATORS.register_module(OP_NAME)
class BudgetSelector(WholeDataset):
    """Brings the records to exactly `budget`: the best of too many, or too few repeated.

    All are repeated equally often; the remainder, like the choice among too many, goes to those with the
    highest value in `field_key`, or without one to the first. The challenge allows repetition, and its best
    solutions used it. With `within` each group gets its share of the budget, in proportion to its size.
    """

    def __init__(self, budget: int = 0, field_key: str = "", within: str = "", *args, **kwargs):
        """
        :param budget: how many records there shall be; 0: as they are.
        :param field_key: column or nested field to rank by, parts separated by '.'.
        :param within: field whose values name the groups; empty: all records are one group.
        """
        super().__init__(*args, **kwargs)
        self.budget = budget
        self.field_key = field_key
        self.within = within

    def process_table(self, table):
        count = table.num_rows
        if not count or not self.budget:
            return table
        rows = list(range(count))
        if self.field_key:
            values = values_of(table, self.field_key)
            rows.sort(key=lambda row: -values[row])
        groups: dict = {}
        labels = values_of(table, self.within) if self.within else [0] * count
        for row in rows:
            groups.setdefault(labels[row], []).append(row)
        shares = proportional({group: len(members) for group, members in groups.items()}, self.budget)
        rounds: dict[int, int] = {}
        for group, members in groups.items():
            times, rest = divmod(shares[group], len(members))
            rounds |= {row: times + (place < rest) for place, row in enumerate(members)}
        chosen = [row for turn in range(max(rounds.values())) for row in range(count) if turn < rounds[row]]
        return take(table, chosen)


def proportional(sizes: dict, total: int) -> dict:
    """``total`` divided in proportion to ``sizes``, in whole numbers, by the largest remainders.

    >>> proportional({"a": 2, "b": 1}, 4)
    {'a': 3, 'b': 1}
    """
    whole = sum(sizes.values())
    shares = {group: total * size // whole for group, size in sizes.items()}
    by_remainder = sorted(sizes, key=lambda group: -(total * sizes[group] % whole))
    for group in by_remainder[: total - sum(shares.values())]:
        shares[group] += 1
    return shares
