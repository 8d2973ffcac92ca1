"""Who takes part: organisations, recipients with their keys, people with their roles, delegations, gateways.

Rules:
1. Who is not declared here cannot receive, request, sign or decide.
2. A recipient is confirmed at a date and can be suspended; a suspended one gets nothing, whatever was approved.
3. A key says what it may be used for: not every SSH key that logs in can also decrypt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from pydantic import Field

from extracts.canonical import digest
from extracts.catalogue.forms import Day, Email, Flag, Form, Line, OnsCode, OptionalText, Slug, fill
from extracts.catalogue.gateways import BodyKind, Gateway, GatewayRegister, Purpose, parse_gateways
from extracts.catalogue.people import Delegation, Principal
from extracts.catalogue.recipient_keys import KeyUse, RecipientKey, read_key
from extracts.documents import Document
from extracts.errors import InvalidDocument, Problem


class RecipientStatus(StrEnum):
    """Whether a recipient may be sent anything."""

    CONFIRMED = "confirmed"
    SUSPENDED = "suspended"


class Organisation(Form):
    """A body. `territory` is empty for one that is not limited to an area."""

    id: Slug
    name: Line
    kind: BodyKind
    public_authority: Flag = True
    territory: tuple[OnsCode, ...] = ()


class RecipientPerson(Form):
    """Somebody of a recipient's whom one asks by name. `telephone` was known before any key came."""

    name: Line
    telephone: OptionalText = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.telephone})" if self.telephone else self.name


class Recipient(Form):
    """Who collects: a team of an organisation, with a folder of its own in the transfer area.

    `people`: where they are declared, only they speak for it when keys are compared.
    """

    id: Slug
    name: Line
    organisation: Slug
    folder: Slug
    contact: Email
    status: RecipientStatus
    confirmed_on: Day
    people: tuple[RecipientPerson, ...] = ()
    keys: tuple[RecipientKey, ...] = ()

    def keys_for(self, use: KeyUse, on: date | None = None) -> tuple[RecipientKey, ...]:
        """The keys declared for this use; with a day, those that count on it."""
        return tuple(k for k in self.keys if (use in k.uses if on is None else k.serves(use, on)))


class _PartiesFile(Form):
    version: Line
    organisations: tuple[Organisation, ...] = Field(min_length=1)
    recipients: tuple[Recipient, ...]
    principals: tuple[Principal, ...]


class _DelegationsFile(Form):
    version: Line
    delegations: tuple[Delegation, ...]


@dataclass(frozen=True)
class Parties:
    """Everyone and every power that is declared, by id.

    `versions` are what the three files call themselves; `digests` are over what they say, comments and layout apart.
    """

    versions: Mapping[str, str]
    digests: Mapping[str, str]
    organisations: Mapping[str, Organisation]
    recipients: Mapping[str, Recipient]
    principals: Mapping[str, Principal]
    gateways: Mapping[str, Gateway]
    purposes: Mapping[str, Purpose]
    delegations: Mapping[str, Delegation]

    def principal(self, name: str) -> Principal | None:
        """The principal with this id or user name, whatever its case; None if nobody is declared by it."""
        wanted = name.strip().lower()
        found = (p for p in self.principals.values() if wanted in (p.id.lower(), *(u.lower() for u in p.usernames)))
        return next(found, None)

    def person(self, name: str) -> str:
        """The person behind a principal or user name; the name itself, in lower case, where none is declared."""
        found = self.principal(name)
        return found.person if found else name.strip().lower()

    def organisation_of(self, recipient: Recipient) -> Organisation:
        """The body that a recipient belongs to."""
        return self.organisations[recipient.organisation]


def parse_parties(parties: Document, gateways: Document, delegations: Document) -> Parties:
    """The three governance files as one value. Raises InvalidDocument, also for references to nobody."""
    people = fill(_PartiesFile, parties)
    register = parse_gateways(gateways)
    delegated = fill(_DelegationsFile, delegations)
    _refuse(parties.source, _double_ids(people) + _unknown_organisations(parties, people))
    _refuse(delegations.source, _unknown_holders(delegations, delegated, people))
    return _joined(people, register, delegated)


def with_keys(parties: Parties, keys: Mapping[str, Sequence[str]]) -> Parties:
    """The parties with recipients' public keys added: recipient id -> lines of `age1...` or `ssh-... ...`.

    Raises InvalidDocument for a recipient that is not declared and for a line that is no public key.
    """
    _refuse("recipients' keys", [_no_recipient(name, parties) for name in keys if name not in parties.recipients])
    recipients = dict(parties.recipients)
    for name, lines in keys.items():
        added = tuple(read_key(line, name) for line in lines if line.strip() and not line.startswith("#"))
        once = {k.public_key: k for k in (*added, *recipients[name].keys)}
        recipients[name] = recipients[name].model_copy(update={"keys": tuple(once.values())})
    return replace(parties, recipients=recipients)


def _no_recipient(name: str, parties: Parties) -> Problem:
    return Problem(name, "keys for a recipient that is not declared", allowed=tuple(parties.recipients))


def _joined(people: _PartiesFile, register: GatewayRegister, delegated: _DelegationsFile) -> Parties:
    files: dict[str, _PartiesFile | GatewayRegister | _DelegationsFile]
    files = {"parties": people, "gateways": register, "delegations": delegated}
    return Parties(
        versions={name: file.version for name, file in files.items()},
        digests={name: digest(file.model_dump(mode="json")) for name, file in files.items()},
        organisations={o.id: o for o in people.organisations},
        recipients={r.id: r for r in people.recipients},
        principals={p.id: p for p in people.principals},
        gateways={g.id: g for g in register.gateways},
        purposes=register.purposes,
        delegations={d.id: d for d in delegated.delegations},
    )


def _double_ids(people: _PartiesFile) -> list[Problem]:
    found = []
    for name, ids in (
        ("organisations", [o.id for o in people.organisations]),
        ("recipients", [r.id for r in people.recipients]),
        ("recipients", [f"folder {r.folder}" for r in people.recipients]),
        ("principals", [p.id.lower() for p in people.principals]),
        ("principals", [f"user name {u.lower()}" for p in people.principals for u in p.usernames]),
    ):
        found += [Problem(name, f"{i!r} is declared twice") for i in sorted({i for i in ids if ids.count(i) > 1})]
    return found


def _unknown_organisations(document: Document, people: _PartiesFile) -> list[Problem]:
    known = tuple(o.id for o in people.organisations)
    named = [(f"recipients.{n}.organisation", r.organisation) for n, r in enumerate(people.recipients)]
    named += [(f"principals.{n}.organisation", p.organisation) for n, p in enumerate(people.principals)]
    return [document.problem(path, f"{name!r} is not declared", known) for path, name in named if name not in known]


def _unknown_holders(document: Document, delegated: _DelegationsFile, people: _PartiesFile) -> list[Problem]:
    known = tuple(p.id for p in people.principals)
    return [
        document.problem(f"delegations.{n}.holder", f"{d.holder!r} is not declared as a principal", known)
        for n, d in enumerate(delegated.delegations)
        if d.holder not in known
    ]


def _refuse(source: str, problems: list[Problem]) -> None:
    if problems:
        raise InvalidDocument(source, problems)
