"""One line of the doctor's: what was looked at, whether it is well, and what to do if it is not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from extracts.errors import ExtractsError


@dataclass(frozen=True)
class Condition:
    """One thing that was looked at. `detail` says what was found, and what to do if it is not well."""

    subject: str
    passed: bool
    detail: str


def look_at(subject: str, look: Callable[[], str]) -> Condition:
    """What `look` found, or what it raised: whatever that is, the next thing is looked at."""
    try:
        return Condition(subject, True, look())
    except Exception as error:
        return Condition(subject, False, _told(error))


def each(subject: str, found: Iterable[Condition]) -> Iterator[Condition]:
    """These conditions, and one about `subject` if looking for them came to an end."""
    try:
        yield from found
    except Exception as error:
        yield Condition(subject, False, _told(error))


def _told(error: Exception) -> str:
    if isinstance(error, ExtractsError):
        return str(error)
    if isinstance(error, OSError):
        return f"cannot be examined: {error.strerror}"
    return f"cannot be examined ({type(error).__name__})"  # a foreign message may hold a credential
