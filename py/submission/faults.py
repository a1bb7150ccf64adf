"""The faults found in a submission."""


class Faults:
    """All that is wrong, each with its place and remedy; of like faults the first 20 and a count."""

    SHOWN = 20

    def __init__(self) -> None:
        self.count = 0
        self.lines: list[str] = []
        self._told: set[str] = set()
        self._of_group: dict[str, int] = {}

    def add(self, place: str, what: str, group: str | None = None) -> None:
        """``what`` holds fault and remedy; ``group``: count it with others, as of the lines of one file."""
        if f"{place}: {what}" in self._told:
            return  # found in two ways
        self._told.add(f"{place}: {what}")
        self.count += 1
        if group:
            self._of_group[group] = self._of_group.get(group, 0) + 1
        if not group or self._of_group[group] <= self.SHOWN:
            self.lines.append(f"{place}: {what}")

    def report(self) -> list[str]:
        """One line a fault."""
        more = {group: seen - self.SHOWN for group, seen in self._of_group.items() if seen > self.SHOWN}
        return self.lines + [
            f"{group}: … and {count:,} more faults like these" for group, count in more.items()
        ]
