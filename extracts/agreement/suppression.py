"""Counts of people as others may see them: small ones are hidden, the rest is rounded (ONS "10-5").

Rules:
1. A count below the threshold, none included, is told as "fewer than 10". Every other is rounded to the nearest 5.
2. A total is the sum of what was told, never of what was counted: else the difference would give the hidden part away.
3. A share is made from what was told, and says 0 or 100 where one of the two sides is small.

So whatever is told of a set of cells that do not overlap stays the same when a hidden one takes any other small value.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

ROUNDED_TO = 5
DEFAULT_THRESHOLD = 10


@dataclass(frozen=True)
class SafeCount:
    """A count that may be told: rounded, or None if there are fewer than `below`."""

    value: int | None
    below: int

    def __str__(self) -> str:
        return f"fewer than {self.below}" if self.value is None else f"{self.value:,}"


@dataclass(frozen=True)
class Suppression:
    """What hides small counts. The threshold is a multiple of 5: at 12, a count told as 10 could only be 12."""

    threshold: int = DEFAULT_THRESHOLD

    def __post_init__(self) -> None:
        if self.threshold < ROUNDED_TO or self.threshold % ROUNDED_TO:
            raise ValueError(f"small counts are those below a multiple of {ROUNDED_TO}")

    def count(self, number: int) -> SafeCount:
        """`7` -> fewer than 10; `4312` -> 4310."""
        return SafeCount(None if number < self.threshold else _rounded(number), self.threshold)

    def total(self, parts: Iterable[int]) -> SafeCount:
        """The sum of the parts as they are told; a hidden part adds nothing."""
        told = [_rounded(n) for n in parts if n >= self.threshold]
        return SafeCount(sum(told) if told else None, self.threshold)

    def percent(self, part: int, whole: int) -> int | None:
        """The share of `part`, in whole percent; None if the whole is small. `part` lies within `whole`."""
        if whole < self.threshold:
            return None
        if part < self.threshold:
            return 0
        if whole - part < self.threshold:
            return 100
        return min(99, max(1, 100 * _rounded(part) // _rounded(whole)))


def _rounded(number: int) -> int:
    return (number + ROUNDED_TO // 2) // ROUNDED_TO * ROUNDED_TO
