"""Loads what the organisation declares: parties, gateways, delegations, recipients' keys, reviewers, and the policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extracts.documents import read

if TYPE_CHECKING:
    from extracts.agreement.policy import Policy
    from extracts.catalogue.parties import Parties
    from extracts.catalogue.reviewers import Reviewers
    from extracts.steps.workplace import Places


def load_parties(places: Places) -> Parties:
    """Everyone and every power that is declared, with the recipients' public keys. Raises InvalidDocument.

    Keys come from parties.yaml and from `<recipient id>.pub` files beside the allowed signers.
    """
    from extracts.catalogue.parties import parse_parties, with_keys

    folder = places.governance
    parties = parse_parties(
        read(folder / "parties.yaml"), read(folder / "gateways.yaml"), read(folder / "delegations.yaml")
    )
    keys = {p.stem: p.read_text().splitlines() for p in sorted(places.recipient_keys.glob("*.pub"))}
    return with_keys(parties, keys)


def load_policy(places: Places) -> Policy:
    """The policy statement in force. Raises InvalidDocument."""
    from extracts.agreement.policy import parse_policy

    return parse_policy(read(places.governance / "policy.yaml"))


def load_reviewers(places: Places, parties: Parties) -> Reviewers:
    """Who answers reviews. Where there is no such file, nobody does. Raises InvalidDocument."""
    from extracts.catalogue.reviewers import NOBODY, parse_reviewers

    file = places.governance / "reviewers.yaml"
    return parse_reviewers(read(file), parties) if file.exists() else NOBODY
