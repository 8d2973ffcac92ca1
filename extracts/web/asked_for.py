"""Reads what a visitor asks a list for from the address: filters, words, page. Whatever is no such thing is ignored.

A filter's value is data, compared in the database as a bound value; it never becomes a path or SQL.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from extracts.agreement.status import Status
from extracts.record.overview import Wanted

IN_FORCE = "agreement in force"
OVERDUE = "overdue"
HERE, ELSEWHERE = "here", "elsewhere"
PAGE_SIZE = 50
_LONGEST = 100
_WORDS = 6
_PAGES = 100_000


@dataclass(frozen=True)
class Pager:
    """Where in a list a page is. `others` are the addresses of the page before and after, empty at either end."""

    total: int
    number: int
    before: str
    after: str

    @property
    def first(self) -> int:
        """The number of the first line, from 1; 0 of an empty list."""
        return min(self.total, (self.number - 1) * PAGE_SIZE + 1)

    @property
    def last(self) -> int:
        """The number of the last line."""
        return min(self.total, self.number * PAGE_SIZE)


def text_of(query: Mapping[str, str], name: str) -> str:
    """One value, as a line of printable text and never long."""
    return "".join(c for c in query.get(name, "")[:_LONGEST] if c.isprintable()).strip()


def page_of(query: Mapping[str, str]) -> int:
    """The page's number, from 1."""
    number = query.get("page", "")
    return min(max(int(number), 1), _PAGES) if number.isascii() and number.isdigit() and len(number) < 9 else 1


def wanted_of(query: Mapping[str, str]) -> Wanted:
    """What the register's list is narrowed to."""
    status = text_of(query, "status")
    return Wanted(
        recipient=text_of(query, "recipient"),
        status=status if status in set(Status) else "",
        in_force=status == IN_FORCE,
        dataset=text_of(query, "dataset"),
        gateway=text_of(query, "gateway"),
        words=tuple(text_of(query, "words").split()[:_WORDS]),
    )


def pager(total: int, number: int, kept: Mapping[str, str]) -> Pager:
    """Where page `number` stands. `kept`: the filters, which the neighbours' addresses repeat."""
    last = max(1, -(-total // PAGE_SIZE))
    here = min(number, last)

    def address(other: int) -> str:
        chosen = {name: value for name, value in kept.items() if value}
        return f"?{urlencode({**chosen, 'page': other})}" if 1 <= other <= last and other != here else ""

    return Pager(total, here, address(here - 1), address(here + 1))
