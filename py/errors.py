"""What a person must mend, told in messages that can be read whole."""

LONGEST_LINE = 1000  # letters of a message's line


def brief(message: str) -> str:
    """``message`` without the middle of a line that nobody could read: an id may have a million letters.

    >>> brief("seed.jsonl:1: id " + 5000 * "7" + ": no image; remove it")[-50:]
    '77777777777777777777777777777: no image; remove it'
    """
    lines = message.split("\n")
    for number, line in enumerate(lines):
        if len(line) > LONGEST_LINE:
            half = LONGEST_LINE // 2
            lines[number] = f"{line[:half]} … ({len(line) - 2 * half:,} more) … {line[-half:]}"
    return "\n".join(lines)


class BadInput(ValueError):
    """Data or usage that a person must mend; the message says what, where (file, line or id) and how."""

    def __init__(self, message: object) -> None:
        super().__init__(brief(str(message)))


class Problems:
    """Faults of one file, gathered so that a person sees them together: the first 20 and a count."""

    SHOWN = 20

    def __init__(self) -> None:
        self.count = 0
        self.messages: list[str] = []

    def add(self, message: str) -> None:
        self.count += 1
        if self.count <= self.SHOWN:
            self.messages.append(message)

    def raise_if_any(self) -> None:
        """Raise `BadInput` with every message kept, one a line, if there was any."""
        if self.count:
            more = [f"… and {self.count - self.SHOWN} more problems"] if self.count > self.SHOWN else []
            raise BadInput("\n".join(self.messages + more))
