"""Recipients' keys are confirmed out of band before they count: somebody compared the fingerprint with them.

Rules:
1. A key counts for nothing, neither to encrypt to nor to acknowledge by, before it is confirmed under the name that its
   organisation has today. Whoever can write the lists alone can therefore not put a key of theirs beside a recipient's.
2. While a key that is declared for today is not confirmed, nothing is delivered to its recipient: a key that appears,
   or a name that changes, is a reason to ask before anything leaves.
3. Who compared it, with whom, by which channel and when is on record. Where the recipient's people are declared, it is
   compared with one of them. Whoever belongs to the recipient's own body cannot confirm it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from extracts.catalogue.forms import readable
from extracts.catalogue.parties import Recipient, RecipientPerson
from extracts.errors import NotFound, NotPermitted, Refused
from extracts.record import recipients as kept
from extracts.record.recipients import Confirmation
from extracts.record.transaction import Reading, reading, unit_of_work
from extracts.steps.actor import names_of

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace


class Channel(StrEnum):
    """How it was compared: never by the way on which the key itself came."""

    TELEPHONE = "telephone"
    VIDEO_CALL = "video call"
    IN_PERSON = "in person"
    POST = "post"


@dataclass(frozen=True)
class Unconfirmed:
    """A recipient with keys that are declared for today and not confirmed.

    `people`: who speaks for it, as declared; `renamed`: the keys were confirmed, under another name.
    """

    recipient: str
    organisation: str
    fingerprints: tuple[str, ...]
    people: tuple[RecipientPerson, ...]
    renamed: bool

    @property
    def what(self) -> str:
        """What is so."""
        keys = ", ".join(self.fingerprints)
        why = f", since its organisation is now called {self.organisation}" if self.renamed else ""
        return f"Recipient {self.recipient} has keys that nobody has confirmed with them{why}: {keys}."

    @property
    def advice(self) -> str:
        """What to do. It ends in the ledger, so it names nobody: who speaks for a recipient stands in parties.yaml."""
        return (
            "Nothing is delivered there until then. Ring those whom parties.yaml names for it, on a number that was "
            "known before, compare each fingerprint, and say so: "
            f"`extracts keys confirm-recipient {self.recipient}`."
        )


def confirmed_keys(work: Workplace, view: Reading, recipient: Recipient) -> frozenset[str]:
    """The fingerprints that were confirmed under the name that the organisation has today."""
    name = work.parties.organisation_of(recipient).name
    return frozenset(c.fingerprint for c in kept.list_confirmations(view, recipient.id) if c.organisation == name)


def unconfirmed(work: Workplace, recipient: Recipient) -> Unconfirmed | None:
    """What is not confirmed of a recipient's keys that are declared for today; None if all is."""
    today, name = work.today(), work.parties.organisation_of(recipient).name
    declared = [k.fingerprint for k in recipient.keys if any(k.serves(use, today) for use in k.uses)]
    with reading(work.register) as view:
        there = kept.list_confirmations(view, recipient.id)
    known = {c.fingerprint for c in there if c.organisation == name}
    missing = tuple(f for f in declared if f not in known)
    if not missing:
        return None
    renamed = any(c.fingerprint in missing for c in there)
    return Unconfirmed(recipient.id, name, missing, recipient.people, renamed)


def check_confirmed(work: Workplace, recipient: Recipient) -> None:
    """Raises Refused if a key that is declared for today is not confirmed."""
    found = unconfirmed(work, recipient)
    if found is not None:
        raise Refused(found.what, advice=found.advice)


def confirm_recipient(
    work: Workplace, recipient_id: str, fingerprints: Sequence[str], channel: Channel, spoken_with: str, actor: str
) -> tuple[str, ...]:
    """Put on record that these fingerprints, as the recipient read them out, are those of its keys; the new ones.

    Raises NotFound (no such recipient), NotPermitted (one of theirs), Refused (no key of theirs has it, or nobody of
    theirs is called so), UsageError.
    """
    recipient = work.parties.recipients.get(recipient_id)
    if recipient is None:
        known = ", ".join(sorted(work.parties.recipients))
        raise NotFound(f"No recipient {recipient_id!r} is declared.", advice=f"Declared: {known}.")
    person, now = readable("--spoke-with", spoken_with), work.now()
    _must_be_another_body(work, recipient, actor)
    _must_speak_for(recipient, person)
    _must_be_theirs(recipient, fingerprints)
    name = work.parties.organisation_of(recipient).name
    entries = [Confirmation(recipient_id, name, f, channel, person, actor, now) for f in dict.fromkeys(fingerprints)]
    with unit_of_work(work.register) as unit:
        new = tuple(e.fingerprint for e in entries if kept.save_confirmation(unit, e))
        if new:
            told = {"keys": list(new), "channel": channel, "organisation": name}
            unit.event(now, "recipient.confirmed", recipient_id, actor, told)
    return new


def _must_be_another_body(work: Workplace, recipient: Recipient, actor: str) -> None:
    for name in names_of(actor):
        principal = work.parties.principal(name)
        if principal is not None and principal.organisation == recipient.organisation:
            raise NotPermitted(
                f"{name} belongs to {recipient.organisation}: nobody confirms the keys of their own body.",
                advice="Somebody of the controller's compares them, by a channel that was known before.",
            )


def _must_speak_for(recipient: Recipient, person: str) -> None:
    if recipient.people and person.casefold() not in (p.name.casefold() for p in recipient.people):
        declared = " or ".join(map(str, recipient.people))
        raise Refused(
            f"{person} is not declared as somebody who speaks for {recipient.id}.",
            advice=f"Compare the keys with {declared}, or have the person declared first.",
        )


def _must_be_theirs(recipient: Recipient, fingerprints: Sequence[str]) -> None:
    theirs = {k.fingerprint for k in recipient.keys}
    strange = [f for f in fingerprints if f not in theirs]
    if strange:
        raise Refused(
            f"No key that is declared for {recipient.id} has the fingerprint {', '.join(strange)}.",
            advice="If they read it out so, the key that lies here is not theirs: take it out, and report it. "
            f"Declared: {', '.join(sorted(theirs)) or 'none'}.",
        )
