"""Policy and registers are bound by what they say: an edit under an unchanged version string changes nothing unseen."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from extracts.agreement.policy import assess, parse_policy
from extracts.agreement.published import Published, read_published
from extracts.catalogue.parties import Parties, parse_parties
from extracts.documents import Document, read
from extracts.errors import ApprovalMissing
from extracts.steps.approval import Approved
from extracts.steps.manifest_facts import agreement_facts
from extracts.steps.policy_review import check_policy
from extracts.steps.workplace import Workplace
from tests.support.builders import (
    EXAMPLES,
    TODAY,
    a_controller_signature,
    a_published_document,
    a_request,
    a_signature,
    an_assessment,
    the_datasets,
    the_parties,
    the_policy,
)

GOVERNANCE = EXAMPLES / "governance"


def parties_read_from(old: str = "", new: str = "") -> Parties:
    """The sample parties, with one text in gateways.yaml replaced; no version string changes."""
    path = GOVERNANCE / "gateways.yaml"
    text = path.read_text()
    assert old in text
    edited = read_text(text.replace(old, new) if old else text, str(path))
    return parse_parties(read(GOVERNANCE / "parties.yaml"), edited, read(GOVERNANCE / "delegations.yaml"))


def read_text(text: str, source: str) -> Document:
    from extracts.documents import parse

    return parse(text.encode(), source)


def a_laxer_policy() -> Any:
    rules = tuple(r for r in the_policy().rules if r.id != "N12")
    return the_policy().model_copy(update={"rules": rules})


def a_work(**changes: Any) -> Any:
    facts = {"policy": the_policy(), "datasets": the_datasets(), "parties": the_parties(), "today": lambda: TODAY}
    return SimpleNamespace(**(facts | changes))


def a_published() -> Published:
    return read_published(a_published_document())


def test_an_assessment_names_what_policy_and_registers_say() -> None:
    assert set(an_assessment().digests) == {"policy", "parties", "gateways", "delegations"}


def test_a_policy_edited_under_its_version_gives_another_assessment() -> None:
    request, policy = a_request(), parse_policy(read(GOVERNANCE / "policy.yaml"))
    softer = policy.model_copy(update={"rules": tuple(r.model_copy(update={"immediate": False}) for r in policy.rules)})
    one, other = (assess(request, the_datasets(), the_parties(), p, TODAY) for p in (policy, softer))
    assert one.policy_version == other.policy_version
    assert one.digests["policy"] != other.digests["policy"]


def test_a_gateway_edited_under_its_version_gives_another_assessment() -> None:
    edited = parties_read_from("note: Both directions", "note: In both directions")
    one, other = (assess(a_request(), the_datasets(), p, the_policy(), TODAY) for p in (the_parties(), edited))
    assert (one.versions, one.findings) == (other.versions, other.findings)
    assert one.digest != other.digest


def test_a_comment_in_a_register_changes_no_digest() -> None:
    assert parties_read_from("gateways:\n", "# checked\ngateways:\n").digests == the_parties().digests


def test_the_manifest_names_the_policy_it_was_assessed_by_beside_the_one_in_force() -> None:
    published = a_published()
    approved = Approved(
        published.plan,
        published.decision,
        published.request,
        a_signature(),
        datetime(2026, 1, 21, 12, tzinfo=UTC),
        a_controller_signature(),
        datetime(2026, 1, 21, 13, tzinfo=UTC),
        published,
    )
    found = agreement_facts(approved, a_laxer_policy())
    assert found.policy_version == the_policy().version
    assert found.policy_digest == the_policy().digest
    assert found.policy_in_force_digest == a_laxer_policy().digest != found.policy_digest


def test_an_agreement_under_unchanged_registers_runs() -> None:
    check_policy(a_work(), a_published())


def test_a_purpose_withdrawn_from_its_gateway_stops_a_run_whatever_the_versions_say() -> None:
    withdrawn = parties_read_from(
        "purposes: [scottish-child-payment, pension-age-winter-heating-payment, social-security-statistics]",
        "purposes: [scottish-child-payment, pension-age-winter-heating-payment]",
    )
    assert withdrawn.versions == the_parties().versions
    with pytest.raises(ApprovalMissing, match=r"L2: .* does not permit social-security-statistics"):
        check_policy(a_work(parties=withdrawn), a_published())


def test_a_recipient_whose_confirmation_lapsed_stops_a_run() -> None:
    recipients = {
        name: r.model_copy(update={"confirmed_on": TODAY.replace(year=2020)})
        for name, r in the_parties().recipients.items()
    }
    with pytest.raises(ApprovalMissing, match="L4"):
        check_policy(a_work(parties=replace(the_parties(), recipients=recipients)), a_published())


def test_the_day_is_that_of_people_here_after_midnight_in_summer() -> None:
    work: Any = SimpleNamespace(now=lambda: datetime(2026, 7, 31, 23, 30, tzinfo=UTC))
    assert Workplace.today(work).isoformat() == "2026-08-01"
