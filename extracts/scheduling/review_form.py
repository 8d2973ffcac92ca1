"""The form by which Airflow asks for a review: its fields, its words, who is asked, and how its answer is read.

Rules:
1. What a requester wrote is shown as text: nothing in it becomes markup.
2. Whoever is asked is named by what Airflow calls them (`usernames` of parties.yaml). If there is nobody, nobody is
   asked: an empty list would let everybody answer.
3. Airflow lets nobody answer before every field is filled in that may not be null: what may be left out says so.
4. Nothing that comes back is believed to have a shape: Airflow checks neither types nor lengths of an answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from extracts.agreement.request_words import ReviewOutcome
from extracts.agreement.review_answer import ReviewAnswer, answer_in_lines
from extracts.catalogue.reviewers import ReviewKind
from extracts.errors import InvalidDocument, Problem
from extracts.scheduling.links import page

if TYPE_CHECKING:
    from extracts.agreement.request import Request
    from extracts.catalogue.parties import Parties
    from extracts.catalogue.reviewers import Standing

OPTIONS = [outcome.value for outcome in ReviewOutcome]
FIELDS: Mapping[str, tuple[str, str]] = {
    "reasons": ("Reasons", "Why you recommend this; Board and Controller read it."),
    "refuse": ("Columns to refuse", "One a line, each with its reason: `address: letters can go through the office`."),
    "conditions": ("Conditions", "One a line; they go with `supports with conditions`, and only with it."),
}
_MOST = 50
MAY_BE_LEFT_OUT = ("refuse", "conditions")
BOARD_FIELDS: Mapping[str, tuple[str, str]] = {
    "present": ("Members who were there", "One a line, by their principals, the chair among them."),
}


def fields_of(review: ReviewKind) -> Mapping[str, tuple[str, str]]:
    """(title, description) of each field of a review's form, by name."""
    return {**FIELDS, **BOARD_FIELDS} if review is ReviewKind.BOARD else FIELDS


def read_form(request: Request, chosen: Any, given: Any) -> ReviewAnswer:
    """The answer in what Airflow stored. Raises InvalidDocument, whatever that is."""
    if not isinstance(given, Mapping) or not isinstance(chosen, list) or len(chosen) != 1:
        raise InvalidDocument("form", [Problem("answer", "is not what the form asks for")])
    unknown = sorted(set(map(str, given)) - {*FIELDS, *BOARD_FIELDS})
    problems = [Problem("answer", "has a field that the form does not have")] if unknown else []
    problems += [Problem(str(n), "must be text") for n, v in given.items() if v is not None and not isinstance(v, str)]
    if problems or not isinstance(chosen[0], str):
        raise InvalidDocument("form", problems or [Problem("answer", "must be text")])
    texts = {name: given.get(name) or "" for name in (*FIELDS, *BOARD_FIELDS)}
    return answer_in_lines(request, chosen[0], **texts)


def users_of(assigned: tuple[Standing, ...], parties: Parties) -> list[dict[str, str]]:
    """Whoever is assigned, as Airflow knows them."""
    found = (parties.principals[s.principal] for s in assigned)
    return [{"id": name, "name": p.person} for p in found for name in p.usernames]


def subject_of(review: ReviewKind, request: Request) -> str:
    """One line for the list of what waits."""
    what = "Recommendation of the Board" if review is ReviewKind.BOARD else f"{review.value.capitalize()} review"
    return f"{what}: {request.request_id} version {request.version}"


def body_of(
    review: ReviewKind,
    request: Request,
    clause: str,
    said: list[str],
    refused: str,
    changed: Sequence[str] = (),
    again: str = "",
) -> str:
    """What stands above the form, in Markdown. `said`: the other answers; `refused`: why the last one did not count;
    `changed`: how this version differs from the one before; `again`: by whom a carried answer was set aside, and why.
    """
    columns = [
        f"- `{d.dataset}.{c.name}`: {' '.join([c.treatment.name, *map(str, c.treatment.parameters)])}"
        for d in request.datasets
        for c in d.columns
    ]
    parts = [
        f"An answer did not count ({escaped(refused)}), so the review is asked for again." if refused else "",
        f"**{escaped(again[:1].upper() + again[1:])}**" if again else "",
        f"**{escaped(request.title)}**, asked by {escaped(request.requester.name)} for "
        f"`{', '.join(request.recipient_ids)}`, {request.identifiability.value}.",
        f"Purpose: {escaped(request.purpose.text)}",
        f"Why you are asked: {escaped(clause)}",
        "Columns and treatments:\n\n" + "\n".join(columns),
        _listed("What changed since the version before", changed),
        _listed("What was answered", said),
        f"All of it, with the briefing: [the page of the request]({page('request', request.request_id)}), or "
        f"`extracts request show {request.request_id}`. You advise; Board and Controller decide, by their signatures.",
    ]
    return "\n\n".join(part for part in parts if part)


def _listed(title: str, lines: Sequence[str]) -> str:
    shown = [f"- {escaped(line)}" for line in lines[:_MOST]]
    more = [f"- and {len(lines) - _MOST} more"] if len(lines) > _MOST else []
    return "\n".join([f"{title}:", "", *shown, *more]) if lines else ""


def escaped(text: str) -> str:
    """Text that Markdown and HTML show as it is."""
    flat = " ".join(text.split())
    html = flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_{}\[\]()#+!|~])", r"\\\1", html)
