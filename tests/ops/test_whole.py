"""The operators that need all records at once, through `run` as Data-Juicer calls them."""

import json

import pyarrow.feather as feather
import pytest
from data_juicer.core.data import NestedDataset
from datasets import Dataset

from errors import BadInput
from ops.budget_selector import BudgetSelector, proportional
from ops.ledger_pipeline import LedgerPipeline
from ops.rank_mapper import RankMapper
from ops.threshold_selector import ThresholdSelector

FIT = "__dj__stats__.fit"
GROUP = "__dj__stats__.group"


def dataset_of(*rows, in_order=True):
    """(id, fit, group) rows as Data-Juicer holds them."""
    records = [
        {
            "id": name,
            "text": f"text {name}",
            "seed_row": ord(name),
            "__dj__stats__": {"fit": fit, "group": group},
        }
        for name, fit, group in rows
    ]
    return NestedDataset(Dataset.from_list(records if in_order else records[::-1]))


def five(**options):
    return dataset_of(("a", 0.1, 1), ("b", 0.5, 1), ("c", 0.3, 2), ("d", 0.5, 1), ("e", 0.2, 2), **options)


def ids(dataset):
    return "".join(dataset["id"])


@pytest.mark.parametrize(
    ("given", "kept", "chosen"),
    [
        ({"min_value": 0.3}, "bcd", 0.3),
        ({"top_ratio": 0.4}, "bd", 0.5),
        ({"top_ratio": 0.2}, "b", 0.5),
        ({"top_count": 4}, "bcde", 0.2),
        ({"top_count": 9}, "abcde", 0.1),
        ({"top_ratio": 0.5, "within": GROUP}, "bcd", 0.3),
        ({"min_value": 9}, "", None),
    ],
)
def test_a_threshold_as_rank_or_value_keeps_the_best_in_the_seeds_order(tmp_path, given, kept, chosen):
    report = tmp_path / "report.json"
    for in_order in (True, False):
        selector = ThresholdSelector(field_key=FIT, report=str(report), **given)
        assert ids(selector.run(five(in_order=in_order))) == kept
    noted = json.loads(report.read_text())
    assert (noted["chosen"], noted["kept"], noted["of"]) == (chosen, len(kept), 5)
    assert noted["statistic"] == "fit"


@pytest.mark.parametrize("given", [{}, {"min_value": 0.1, "top_ratio": 0.5}])
def test_a_threshold_is_given_in_one_way(given):
    with pytest.raises(BadInput, match="give one of min_value, top_ratio and top_count"):
        ThresholdSelector(field_key=FIT, **given)


def test_a_statistic_that_nobody_noted_is_named():
    with pytest.raises(BadInput, match=r"asks for __dj__stats__\.gone, which no operator before has noted"):
        ThresholdSelector(field_key="__dj__stats__.gone", min_value=1.0).run(five())


@pytest.mark.parametrize(
    ("budget", "options", "expected"),
    [
        (0, {}, "abcde"),
        (2, {}, "ab"),
        (2, {"field_key": FIT}, "bd"),
        (5, {"field_key": FIT}, "abcde"),
        (10, {}, "abcdeabcde"),
        (12, {"field_key": FIT}, "abcdeabcdebd"),
        (5, {"within": GROUP, "field_key": FIT}, "abcde"),
        (3, {"within": GROUP, "field_key": FIT}, "bcd"),
        (10, {"within": GROUP, "field_key": FIT}, "abcdeabcde"),
    ],
)
def test_the_budget_is_met_by_the_best_or_by_repetition(budget, options, expected):
    assert ids(BudgetSelector(budget=budget, **options).run(five())) == expected


def test_shares_are_whole_proportional_and_add_up():
    assert proportional({"a": 1, "b": 1, "c": 1}, 4) == {"a": 2, "b": 1, "c": 1}
    assert proportional({"a": 997, "b": 2, "c": 1}, 10) == {"a": 10, "b": 0, "c": 0}


def test_ranks_run_from_the_worst_to_the_best_and_a_tie_goes_to_the_earlier_record():
    ranked = RankMapper(field_key=FIT).run(five())
    ranks = {row["id"]: row["__dj__stats__"]["fit_rank"] for row in ranked}
    assert ranks == {"a": 0.0, "e": 0.2, "c": 0.4, "d": 0.6, "b": 0.8}
    assert ranked[0]["__dj__stats__"]["group"] == 1, "what was noted before stays"


def test_what_a_whole_dataset_operator_gives_the_next_operators_can_use():
    ranked = RankMapper(field_key=FIT).run(five())
    ranked = ranked.map(lambda row: {"__dj__stats__": row["__dj__stats__"] | {"more": "text"}}, num_proc=0)
    assert ids(ThresholdSelector(field_key="__dj__stats__.fit_rank", min_value=0.4).run(ranked)) == "bcd"


def test_the_ledger_notes_everything_and_changes_nothing(tmp_path):
    before = five()
    after = LedgerPipeline(path=str(tmp_path / "trace.0")).run(before)
    assert after.to_list() == before.to_list()
    table = feather.read_table(tmp_path / "trace.0")
    assert table.column_names == ["id", "text", "__dj__stats__"] and table["id"].to_pylist() == list("abcde")
    last = LedgerPipeline(path=str(tmp_path / "trace.1"), last=True)
    assert last.run(before).column_names == ["id", "text"], "what nothing reads any more is not exported"
