"""Who acts, for the record: whoever is signed in, and the name that they gave.

A name that is given is taken on trust, so it never hides the one who gave it: both stand in the record, and whatever
one person may not do twice is asked of both.
"""

from __future__ import annotations

_AS = " as "


def acting_as(signed_in: str, name: str) -> str:
    """`signed_in`, or `signed_in as name` if another name was given."""
    return f"{signed_in}{_AS}{name}" if name and name != signed_in else signed_in


def names_of(actor: str) -> tuple[str, ...]:
    """Every name in it; the one that they acted under comes last."""
    return tuple(actor.split(_AS))
