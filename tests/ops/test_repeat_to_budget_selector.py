import pytest
from data_juicer.core.data.dj_dataset import NestedDataset
from datasets import Dataset

from ops.repeat_to_budget_selector import RepeatToBudgetSelector


def repeated(budget, **kwargs):
    rows = [{"id": name, "__dj__stats__": {"fit": fit}} for name, fit in (("a", 0.1), ("b", 0.3), ("c", 0.2))]
    dataset = NestedDataset(Dataset.from_list(rows))
    return list(RepeatToBudgetSelector(budget=budget, **kwargs).process(dataset)["id"])


@pytest.mark.parametrize(("budget", "expected"), [(2, "abc"), (3, "abc"), (6, "abcabc"), (8, "abcabcab")])
def test_records_repeat_equally_until_the_budget_is_reached(budget, expected):
    assert repeated(budget) == list(expected)


def test_the_remainder_goes_to_the_best():
    assert repeated(8, field_key="__dj__stats__.fit") == [*list("abcabc"), "b", "c"]
