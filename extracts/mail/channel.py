"""What a channel takes and does.

Rules:
1. `send` returns only when the channel has answered for the letter: it is on disk, or the mail server took it.
2. Sending the same letter twice must do no harm: it has one id for ever (a file's name, a Message-ID).
3. Failures are told by what failed and its code. What a server said is withheld: it may repeat an address or more.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class Letter:
    """A notice on its way. `to` is an address for mail, and says in words who is meant where there is none."""

    id: str
    to: str
    subject: str
    body: str
    written_at: datetime


class Open(Protocol):
    """A channel that is ready."""

    def send(self, letter: Letter) -> None:
        """Hand it over. Raises NoticeNotTaken for this one, ChannelUnreachable for all."""


class Channel(Protocol):
    """One way to reach people."""

    @property
    def name(self) -> str:
        """What the outbox calls it."""

    def check(self) -> None:
        """Raises SettingMissing for settings with which it cannot work. Nothing is opened."""

    def open(self) -> AbstractContextManager[Open]:
        """Get ready, once for many letters. Raises ChannelUnreachable."""
