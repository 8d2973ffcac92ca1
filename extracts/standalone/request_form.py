"""The request form as one page: the catalogue, every field of the published schema, and a program that checks both.

What the program needs stands in the page as data: the schema itself, the catalogue, the treatments, the bodies. It asks
nobody for more, and what was typed leaves the page in a file that its reader saves, and in no other way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from extracts.agreement.request import request_schema
from extracts.catalogue.offered import Offered
from extracts.catalogue.parties import Parties
from extracts.catalogue.treatments import TREATMENTS
from extracts.standalone.frame import policy_of, render, script_data

SCRIPTS = (
    "form_schema.js",
    "form_rules.js",
    "form_yaml.js",
    "form_controls.js",
    "form_datasets.js",
    "form_fields.js",
    "form_page.js",
)
SERVED = (*SCRIPTS, "form_send.js")


def request_form_page(
    offered: Sequence[Offered], parties: Parties, today: date, begun: Mapping[str, Any] | None = None
) -> str:
    """The page as HTML text. `begun`: a request to go on with, as plain values."""
    return render(
        "request_form.html",
        style="request_form.css",
        scripts=SCRIPTS,
        title="Ask for data",
        offered=offered,
        today=today,
        facts=script_data(form_facts(offered, parties, begun)),
    )


@dataclass(frozen=True)
class Sending:
    """Where a form that a server hands out leads back to. `asks`: whether whoever sees it may ask; `rooms`: (address,
    words) of the pages beside it."""

    token: str
    asks: bool
    check: str
    submit: str
    rooms: tuple[tuple[str, str], ...]


def served_form_page(
    offered: Sequence[Offered], parties: Parties, today: date, begun: Mapping[str, Any] | None, sending: Sending
) -> tuple[str, str]:
    """The same page for whoever is signed in, who sends it from there; and its policy, for the server's header."""
    text = render(
        "served_form.html",
        style="request_form.css",
        scripts=SERVED,
        sends=True,
        title="Ask for data",
        offered=offered,
        today=today,
        facts=script_data(form_facts(offered, parties, begun)),
        sending=sending,
    )
    return text, policy_of(SERVED, sends=True)


def form_facts(offered: Sequence[Offered], parties: Parties, begun: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What the page's program works with."""
    gateways = {p.gateway: p.title for one in offered for p in one.powers}
    purposes = {code: title for one in offered for p in one.powers for code, title in p.purposes.items()}
    return {
        "schema": request_schema(),
        "datasets": [asdict(one) for one in offered],
        "treatments": {
            t.name: {"plain": t.plain, "parameters": t.parameters, "example": t.example_parameters}
            for t in TREATMENTS.values()
        },
        "choices": {
            "organisations": {o.id: o.name for o in parties.organisations.values()},
            "recipients": {r.id: r.name for r in parties.recipients.values()},
            "gateways": gateways,
            "purposes": purposes,
            "datasets": {one.name: one.title for one in offered},
        },
        "begun": begun,
    }
