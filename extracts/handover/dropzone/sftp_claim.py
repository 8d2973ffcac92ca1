"""Who publishes an agreement's deliveries now: an SFTP server has no locks, so a claim is a folder of one's own.

    <root>/.incoming/<recipient>.<request id>.<token>/       everything unfinished of one publisher

Rules:
1. Make one's own folder, then look: whoever sees no living rival may go on. Of two who look at the same time at least
   one sees the other, and steps back.
2. A living publisher's folder is young: its time is set anew while bytes move. Ages are told by the server's own clock,
   as the time of the folder that one just made.
3. A dead publisher's folder is renamed away, then removed. Everything that a publisher makes visible is renamed out of
   its own folder; so one who was taken for dead, and was not, can do nothing any more: its folder is gone.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field

from extracts.errors import Busy
from extracts.handover.dropzone.sftp_connection import Declined, Missing
from extracts.handover.dropzone.sftp_session import Session

INCOMING = ".incoming"
_SIGN_OF_LIFE_SECONDS = 5.0


@dataclass
class Claim:
    """One publisher's claim on an agreement. It outlasts connections: the token is what it is known by.

    `patience_seconds`: how long a folder may be without a sign of life before its publisher is taken for dead.
    """

    incoming: str
    agreement: str
    patience_seconds: float
    token: str = field(default_factory=lambda: secrets.token_hex(8))
    held: bool = False
    _server_time: float = 0.0
    _measured_at: float = 0.0
    _told_at: float = 0.0

    @property
    def folder(self) -> str:
        """Where this publisher writes what is not finished."""
        return f"{self.incoming}/{self._name}"

    @property
    def _name(self) -> str:
        return f"{self.agreement}.{self.token}"

    def hold(self, session: Session, wait_seconds: float) -> None:
        """Returns when nobody else publishes deliveries of the agreement. Raises Busy, also if the claim was lost."""
        if self.held:
            return self.sign_of_life(session, force=True)
        until = time.monotonic() + wait_seconds
        while not self._try(session):
            if time.monotonic() >= until:
                raise Busy(
                    f"Another run is publishing a delivery of {self.agreement.partition('.')[2]}.",
                    advice="Wait until it has ended; `extracts why` shows it.",
                )
            time.sleep(0.05 + secrets.randbelow(200) / 1000)
        self.held = True
        return None

    def sign_of_life(self, session: Session, *, force: bool = False) -> None:
        """To be called while bytes move. Raises Busy if another publisher took this one for dead."""
        now = time.monotonic()
        if not force and now - self._told_at < _SIGN_OF_LIFE_SECONDS:
            return
        try:
            session.set_time(self.folder, self._server_time + now - self._measured_at)
        except Missing:
            raise Busy(
                "This run was silent for so long that another publisher took its place.",
                advice="Nothing of it can be seen. Run it again.",
            ) from None
        self._told_at = now

    def release(self, session: Session) -> None:
        """Nothing of this publisher is left."""
        session.remove_folder(self.folder)
        self.held = False

    def _try(self, session: Session) -> bool:
        session.make_folder(self.folder, 0o700)
        found = session.listing(self.incoming)
        if self._name not in found:
            return False
        self._server_time, self._measured_at = found[self._name].modified, time.monotonic()
        born = {name: entry.modified for name, entry in found.items() if name != self._name}
        for name in dead(born, self._server_time, self.patience_seconds):
            self._bury(session, name)
            del born[name]
        if any(name.rpartition(".")[0] == self.agreement for name in born):
            session.remove_folder(self.folder)
            return False
        return True

    def _bury(self, session: Session, name: str) -> None:
        grave = f"{self.incoming}/removed.{secrets.token_hex(8)}"
        try:
            session.rename(f"{self.incoming}/{name}", grave)
        except (Missing, Declined):
            return  # another publisher was faster
        session.remove_folder(grave)


def dead(born: dict[str, int], now: float, patience_seconds: float) -> list[str]:
    """The names without a sign of life for so long. `born`: name -> its last one."""
    return sorted(name for name, modified in born.items() if now - modified > patience_seconds)
