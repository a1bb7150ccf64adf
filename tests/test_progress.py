"""Progress is lines at most every few seconds, with done and total, rate and time left."""

from progress import Progress


def test_a_line_says_done_total_rate_and_time_left():
    seconds, lines = [0.0], []
    progress = Progress("a.zip", 10_000_000, 1_000_000, now=lambda: seconds[0], print_line=lines.append)
    for _ in range(12):
        seconds[0] += 1
        progress.add(250_000)
    progress.end()
    assert lines == [
        "a.zip: 2.2 MB of 10.0 MB, 250.0 kB/s, 31 s left",
        "a.zip: 3.5 MB of 10.0 MB, 250.0 kB/s, 26 s left",
        "a.zip: 4.0 MB in 12 s",
    ]


def test_what_is_done_at_once_prints_nothing():
    lines = []
    progress = Progress("a.zip", None, now=lambda: 1.0, print_line=lines.append)
    progress.add(5)
    progress.end()
    assert not lines
