"""The attacks are counted by table: one a test, or as many as it says; only what passed has survived."""

import pytest

from tally import Count, count, table


def report(nodeid: str, when: str, outcome: str, **told: object) -> pytest.TestReport:
    properties = list(told.items())
    return pytest.TestReport(nodeid, ("f", 1, "t"), {}, outcome, None, when, user_properties=properties)


def passed(nodeid: str, **told: object) -> list[pytest.TestReport]:
    return [report(nodeid, when, "passed", **told) for when in ("setup", "call", "teardown")]


def test_each_attack_counts_once_and_other_tests_do_not():
    reports = [*passed("a", attack="faults"), *passed("b", attack="faults"), *passed("c")]
    assert count(reports) == {"faults": Count(survived=2)}


def test_a_test_of_many_cases_counts_as_many():
    assert count(passed("a", attack="mutations", cases=500)) == {"mutations": Count(survived=500)}


@pytest.mark.parametrize("when", ["setup", "call", "teardown"])
def test_whatever_fails_is_lost(when):
    reports = passed("a", attack="kills")
    reports[["setup", "call", "teardown"].index(when)] = report("a", when, "failed", attack="kills")
    assert count(reports) == {"kills": Count(lost=1)}


def test_of_many_cases_a_failure_is_one():
    reports = [
        *passed("a", attack="mutations", cases=9)[:1],
        report("a", "call", "failed", attack="mutations", cases=9),
    ]
    assert count(reports) == {"mutations": Count(survived=8, lost=1)}


def test_what_is_skipped_is_neither():
    assert count([report("a", "setup", "skipped", attack="faults")]) == {"faults": Count(skipped=1)}


def test_the_table_has_the_tables_in_order_and_their_sum():
    counts = {"faults": Count(3, 1, 2), "kills": Count(1200)}
    assert table(counts).splitlines()[2:] == [
        "| faults | 4 | 3 | 1 |",
        "| kills | 1,200 | 1,200 | 0 |",
        "| all | 1,204 | 1,203 | 1 |",
    ]
