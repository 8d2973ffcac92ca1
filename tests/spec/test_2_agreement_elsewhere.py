"""Agreements that run elsewhere: what is registered of one, what is refused, and where it stands."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from extracts.agreement.elsewhere import ElsewhereTerms, Standing, changes, elsewhere_terms, is_elsewhere_id
from extracts.agreement.notices import Audience, NoticeKind, notices
from extracts.errors import InvalidDocument
from extracts.scheduling.facts import REQUEST_ID
from tests.support.builders import the_parties
from tests.support.elsewhere import ID, OWNER, values

END = date(2027, 3, 31)


def terms(**changed: Any) -> ElsewhereTerms:
    return elsewhere_terms(values(**changed), the_parties())


def problems(**changed: Any) -> dict[str, str]:
    with pytest.raises(InvalidDocument) as refused:
        terms(**changed)
    return {p.field: str(p) for p in refused.value.problems}


# --- what is registered -----------------------------------------------------------------------------------------------


def test_it_has_an_owner_a_power_days_and_the_digest_of_a_scan() -> None:
    found = terms()
    assert (found.recipient, found.owner, found.valid_until) == ("fife-council", OWNER, END)
    assert found.document()["scan_digest"].startswith("sha256:")


def test_an_owner_may_be_named_by_user_name_only_as_a_principal() -> None:
    assert "owner" in problems(owner="owner")
    assert terms(owner=OWNER.upper()).owner == OWNER


def test_who_receives_is_declared_or_another_body_by_its_name() -> None:
    assert terms(recipient=None, recipient_name="NHS Fife").recipient == "NHS Fife"
    assert "not declared" in problems(recipient="nhs-fife")["recipient"]
    assert "name one" in problems(recipient_name="NHS Fife")["recipient"]
    assert "name one" in problems(recipient=None)["recipient"]


@pytest.mark.parametrize(
    "name", ["fife-council", "Fife Council, benefit advice team", "FIFE COUNCIL, BENEFIT ADVICE TEAM"]
)
def test_a_declared_recipient_is_named_by_its_id_so_that_everything_it_gets_is_found(name: str) -> None:
    assert "fife-council" in problems(recipient=None, recipient_name=name)["recipient_name"]


def test_text_is_text_whatever_it_looks_like() -> None:
    assert terms(title="<script>alert(1)</script>").title == "<script>alert(1)</script>"


def test_its_id_is_taken_for_no_request() -> None:
    assert is_elsewhere_id(ID)
    for other in (
        "SDDSB-2026-014",
        "elsewhere-26-1",
        f"{ID}\n",
        f"{ID}/..",
        "ELSEWHERE-2024-007",
        "elsewhere-2024-٠٠٧",
    ):
        assert not is_elsewhere_id(other), other
    assert REQUEST_ID.fullmatch("SDDSB-2026-014"), "requests have the other form"


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("gateway", "no-such-power", "is not declared"),
        ("gateway", "<b>wra</b>", "does not have the right shape"),
        ("owner", "nobody@dwp.example", "is not declared in parties.yaml"),
        ("owner", "extracts-service@dwp.example", "is a service"),
        ("carrier", "pigeon", "is not one of the words"),
        ("classes", [], "needs at least 1"),
        ("classes", ["name\x1b[31m"], "control or invisible"),
        ("title", "Blue\x00badge", "control or invisible"),
        ("title", "Blue\u202ebadge", "control or invisible"),
        ("title", "   ", "is empty"),
        ("title", "x" * 201, "200"),
        ("valid_until", "2024-03-31", "before it begins"),
        ("valid_until", "31/03/2027", "must be a date"),
        ("valid_until", "9999-12-31", "must be a day from 1900"),
        ("review_on", "2027-04-01", "outside of its days"),
        ("review_on", "2024-03-31", "outside of its days"),
        ("scan_digest", "sha256:abc", "does not have the right shape"),
        ("scan_digest", None, "is missing"),
        ("valid_until", None, "is missing"),
    ],
)
def test_bad_input_is_refused_by_field(field: str, value: Any, said: str) -> None:
    told = problems(**{field: value})
    where = next((name for name in told if name.startswith(field)), "")
    assert said in told[where], told


def test_every_fault_is_told_at_once() -> None:
    assert set(problems(gateway="no-such-power", owner="x@y.example", review_on="2031-01-01")) == {
        "gateway",
        "owner",
        "review_on",
    }


# --- where it stands --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "ended", "stands"),
    [
        (date(2024, 3, 31), None, Standing.NOT_BEGUN),
        (date(2024, 4, 1), None, Standing.IN_FORCE),
        (END, None, Standing.IN_FORCE),
        (END + timedelta(days=1), None, Standing.PAST_ITS_END),
        (date(2025, 6, 1), "2025-06-01", Standing.ENDED),
        (date(2025, 5, 31), "2025-06-01", Standing.IN_FORCE),
        (END + timedelta(days=1), "2025-06-01", Standing.ENDED),
    ],
)
def test_it_stands_by_its_days_and_past_its_end_is_not_ended(day: date, ended: str | None, stands: Standing) -> None:
    assert terms(ended_on=ended).standing(day) is stands


def test_a_revision_tells_what_it_changed() -> None:
    found = changes(terms(), terms(valid_until="2028-03-31", reasons="Extended by letter."))
    assert found == (("valid_until", "2027-03-31", "2028-03-31"),)


# --- its owner is told ------------------------------------------------------------------------------------------------


def test_its_owner_alone_is_reminded_and_once_per_last_day_whatever_else_is_corrected() -> None:
    first, second = (
        notices(NoticeKind.ENDS_ELSEWHERE, ID, revision, "2027-03-31:30", ends_on=END, days=30) for revision in (1, 2)
    )
    assert [n.audience for n in first] == [Audience.OWNER]
    assert first[0].notice_id == second[0].notice_id
    assert first[0].subject == f"{ID}: ends on 2027-03-31"
    assert "which runs elsewhere, revision 1" in first[0].body
