"""What every step works in: places, limits, addresses, and the clock, handed in once.

Light on purpose: a DAG file imports it at parse, so databases and catalogues are opened only when first asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from extracts.errors import NotFound, SettingMissing, UsageError
from extracts.steps.lineage_catalogue import NO_CATALOGUE, Catalogue

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from extracts.agreement.policy import Policy
    from extracts.catalogue.contract import Dataset
    from extracts.catalogue.parties import Parties
    from extracts.catalogue.reviewers import Reviewers
    from extracts.handover.dropzone.sftp_address import SftpAddress
    from extracts.mail.channel import Channel

LOCAL = ZoneInfo("Europe/London")


@dataclass(frozen=True)
class Places:
    """Where things lie. `keys` and `staging` are 0700 and stay on this machine; `drop_zone` is what recipients see."""

    home: Path
    expectations: Path
    sql: Path
    governance: Path
    published: Path
    drop_zone: Path | SftpAddress
    staging: Path
    runs: Path
    keys: Path
    allowed_signers: Path
    service_key: Path | None
    passfile: Path | None
    canaries: Path | None = None
    kept: Path | None = None

    @property
    def taken_back(self) -> Path:
        """Encrypted deliveries that expired, to be published again; 0700, and one folder for all workers."""
        return self.kept or self.home / "taken-back"

    @property
    def lineage(self) -> Path:
        """OpenLineage events of runs, and those that a catalogue has not taken yet; 0700."""
        return self.home / "lineage"

    @property
    def drop_zone_folder(self) -> Path:
        """The drop zone, where it has to be a folder. Raises UsageError."""
        if isinstance(self.drop_zone, Path):
            return self.drop_zone
        raise UsageError(f"The drop zone is no folder here, but {self.drop_zone}.", advice="Set EXTRACTS_DROP_ZONE.")

    @property
    def recipient_keys(self) -> Path:
        """Public keys of recipients, one file each: `<recipient id>.pub`."""
        return self.allowed_signers.parent / "recipients"


@dataclass(frozen=True)
class Limits:
    """Limits of this installation; those of an agreement are in its plan.

    allow_query: whether a source may be entered as another role than the agreement's, so that our query minimises.
    """

    hold_max_age_hours: int = 24
    memory_limit_mb: int = 400
    threads: int = 2
    small_count: int = 10
    allow_query: bool = False


@dataclass(frozen=True)
class Workplace:
    """Settings made concrete. `sources` maps a system's name to its libpq keywords, without user and password;
    `channels` are the ways by which notices are sent, `lineage` is the catalogue that is told of runs.
    """

    places: Places
    limits: Limits
    sources: Mapping[str, str]
    register_url: str = field(repr=False)
    register_owner_url: str = field(repr=False)
    recovery_recipient: str
    image_digest: str
    now: Callable[[], datetime]
    channels: tuple[Channel, ...] = ()
    lineage: Catalogue = NO_CATALOGUE

    def today(self) -> date:
        """The day it is for people here (Europe/London), by which requests, policies and periods are judged.

        The dates of a signed decision are UTC instead: recipients check them offline.
        """
        return self.now().astimezone(LOCAL).date()

    @cached_property
    def register(self) -> Engine:
        """The engine of register and ledger. Raises SettingMissing."""
        from extracts.record.boundary import open_engine

        if not self.register_url:
            raise SettingMissing(
                "EXTRACTS_REGISTER_URL is not set: there is no register.", advice="Set it, or run `extracts demo`."
            )
        return open_engine(self.register_url)

    @cached_property
    def datasets(self) -> Mapping[str, Dataset]:
        """All contracts, by dataset name. Raises InvalidDocument."""
        from extracts.catalogue.odcs import load_datasets

        return load_datasets(self.places.expectations, self.places.sql)

    @cached_property
    def parties(self) -> Parties:
        """Organisations, recipients with their keys, gateways and delegations. Raises InvalidDocument."""
        from extracts.steps.governance import load_parties

        return load_parties(self.places)

    @cached_property
    def reviewers(self) -> Reviewers:
        """Who answers which review of a request. Raises InvalidDocument."""
        from extracts.steps.governance import load_reviewers

        return load_reviewers(self.places, self.parties)

    @cached_property
    def policy(self) -> Policy:
        """The policy statement in force. Raises InvalidDocument."""
        from extracts.steps.governance import load_policy

        return load_policy(self.places)

    def afresh(self) -> Workplace:
        """The same with nothing remembered but its connections: contracts, parties and policy are read again."""
        again = replace(self)
        if self.register_url:
            again.__dict__["register"] = self.register
        return again

    def dataset(self, name: str) -> Dataset:
        """The contract of this dataset. Raises NotFound."""
        if name not in self.datasets:
            raise NotFound(f"No dataset {name!r} is declared.", advice=f"Declared: {', '.join(sorted(self.datasets))}.")
        return self.datasets[name]

    def source(self, system: str) -> str:
        """The libpq keywords of a system. Raises SettingMissing."""
        found = self.sources.get(system.lower().replace("-", "_"))
        if not found:
            name = f"EXTRACTS_SOURCE_{system.upper().replace('-', '_')}"
            raise SettingMissing(f"The address of source {system!r} is not set.", advice=f"Set {name}.")
        return found

    def service_key(self) -> Path:
        """The path of the key that signs manifests. Raises SettingMissing."""
        if self.places.service_key is None or not self.places.service_key.is_file():
            raise SettingMissing("EXTRACTS_SERVICE_KEY names no key file: manifests cannot be signed.")
        return self.places.service_key
