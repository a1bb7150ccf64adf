import json

import pytest

from bad_records import exact
from errors import BadInput

IDS = [f"{n:03d}" for n in range(10)]


def shout(samples):
    """A mapper that changes what it gets, record by record, and raises at those marked."""
    for row, text in enumerate(samples["text"]):
        if "bad" in text:
            raise ValueError("no luck")
        samples["text"][row] = text + "!"
        samples["stats"][row]["seen"] = True
    return samples


def judge(samples):
    """A filter's verdicts."""
    if any("bad" in text for text in samples["text"]):
        raise KeyError("score")
    return (text != "drop" for text in samples["text"])


def batch(*bad):
    texts = ["bad" if n in bad else f"text {n}" for n in range(10)]
    return {"id": list(IDS), "text": texts, "stats": [{} for _ in IDS]}


def noted(path):
    return [json.loads(line) for file in path.parent.glob("bad.*") for line in file.read_text().splitlines()]


def test_without_an_error_nothing_is_done_twice(tmp_path):
    done = exact(shout, tmp_path / "bad", "shout", drop=True)(batch())
    assert done["text"] == [f"text {n}!" for n in range(10)] and noted(tmp_path / "bad") == []


@pytest.mark.parametrize("bad", [(0,), (9,), (4,), (2, 3), (1, 5, 8)])
def test_dropping_costs_exactly_the_bad_records(tmp_path, bad):
    done = exact(shout, tmp_path / "bad", "shout", drop=True)(batch(*bad))
    good = [n for n in range(10) if n not in bad]
    assert done["id"] == [IDS[n] for n in good]
    assert done["text"] == [f"text {n}!" for n in good], "each once, though the batch was done in parts"
    assert done["stats"] == [{"seen": True}] * len(good)
    assert noted(tmp_path / "bad") == [
        {"id": IDS[n], "op": "shout", "error": f"id {IDS[n]}: ValueError: no luck"} for n in bad
    ]


def test_failing_names_the_first_bad_record(tmp_path):
    with pytest.raises(BadInput, match=r"^shout: id 003: ValueError: no luck$"):
        exact(shout, tmp_path / "bad", "shout", drop=False)(batch(3, 7))
    assert noted(tmp_path / "bad") == []


def test_a_filters_verdicts_stay_with_their_records(tmp_path):
    samples = batch(2)
    samples["text"][5] = "drop"
    verdicts = exact(judge, tmp_path / "bad", "judge", drop=True)(samples)
    assert verdicts == [n not in (2, 5) for n in range(10)]
    assert [row["id"] for row in noted(tmp_path / "bad")] == ["002"]


def test_an_error_of_no_single_record_is_fatal_and_says_between_which_it_lies(tmp_path):
    def too_many(samples):
        if len(samples["id"]) > 4:
            raise ValueError("too much at once")
        return samples

    with pytest.raises(BadInput, match=r"too much at once \(in records 000 to 009, in none alone\)"):
        exact(too_many, tmp_path / "bad", "op", drop=True)(batch())


@pytest.mark.parametrize("size", [1, 3, 10])
def test_dropping_does_not_depend_on_the_batch_size(tmp_path, size):
    samples, act, done = batch(0, 9), exact(shout, tmp_path / "bad", "shout", drop=True), []
    for start in range(0, 10, size):
        done += act({key: values[start : start + size] for key, values in samples.items()})["id"]
    assert done == IDS[1:9] and [row["id"] for row in noted(tmp_path / "bad")] == ["000", "009"]


def test_a_filter_that_raises_on_a_whole_batch_drops_it(tmp_path):
    samples = {key: values[:1] for key, values in batch(0).items()}
    assert exact(judge, tmp_path / "bad", "judge", drop=True, judges=True)(samples) == [False]


def test_an_operator_that_raises_on_most_records_is_broken_itself(tmp_path):
    samples = {"id": [str(n) for n in range(200)], "text": ["bad"] * 200, "stats": [{}] * 200}
    with pytest.raises(BadInput, match="op: raises on most records: id 0: ValueError: no luck"):
        exact(shout, tmp_path / "bad", "op", drop=True)(samples)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (BadInput("the captioner is broken"), r"^op: the captioner is broken$"),
        (OSError(28, "No space left on device"), "^op: OSError: .*No space left"),
        (OSError(24, "Too many open files"), "^op: OSError: .*Too many open files"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "^op: RuntimeError: Default"),
        (MemoryError(), "^op: MemoryError: ; set model_batch_size in the recipe lower$"),
    ],
)
def test_an_error_of_the_model_or_the_machine_is_fatal_at_once(tmp_path, error, message):
    calls = []

    def broken(samples):
        calls.append(1)
        raise error

    for drop in (True, False):
        with pytest.raises(BadInput, match=message):
            exact(broken, tmp_path / "bad", "op", drop=drop)(batch())
    assert len(calls) == 2 and noted(tmp_path / "bad") == []


def test_the_first_bad_record_is_found_in_few_attempts(tmp_path):
    calls = []

    def counting(samples):
        calls.append(1)
        return shout(samples)

    samples = {"id": [str(n) for n in range(256)], "text": ["bad" if n == 200 else "x" for n in range(256)]}
    samples["stats"] = [{} for _ in range(256)]
    with pytest.raises(BadInput, match="op: id 200: ValueError"):
        exact(counting, tmp_path / "bad", "op", drop=False)(samples)
    assert len(calls) <= 10
