"""Numbers for people: bytes, operations, durations."""


def scaled(number: float, unit: str) -> str:
    """Three digits and a prefix of thousands.

    >>> scaled(6_038_332_288, "B"), scaled(12.3e15, "FLOP"), scaled(0, "B")
    ('6.04 GB', '12.3 PFLOP', '0 B')
    """
    prefixes = ["", "k", "M", "G", "T", "P", "E"]
    thousands = 0
    while number >= 999.5 and thousands < len(prefixes) - 1:
        number, thousands = number / 1000, thousands + 1
    return f"{number:.3g} {prefixes[thousands]}{unit}"


def size(count: float) -> str:
    """Bytes.

    >>> size(24_146_608_128)
    '24.1 GB'
    """
    return scaled(count, "B")


def duration(seconds: float) -> str:
    """Hours and minutes, minutes, or seconds.

    >>> duration(4_500), duration(1_300), duration(42)
    ('1 h 15 min', '22 min', '42 s')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"
