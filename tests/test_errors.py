import pytest

from errors import BadInput, Problems


def test_all_problems_come_at_once_the_first_twenty_in_full():
    problems = Problems()
    for number in range(1, 34):
        problems.add(f"seed.jsonl:{number}: no image")
    with pytest.raises(BadInput) as error:
        problems.raise_if_any()
    lines = str(error.value).split("\n")
    assert (
        len(lines) == 21 and lines[19] == "seed.jsonl:20: no image" and lines[20] == "… and 13 more problems"
    )


def test_no_problem_raises_nothing():
    Problems().raise_if_any()
