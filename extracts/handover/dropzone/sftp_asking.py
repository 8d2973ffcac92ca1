"""Questions to an SFTP server over one connection, which is made anew after a cut."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Self, TypeVar

from extracts.handover.dropzone.sftp_address import SftpAddress
from extracts.handover.dropzone.sftp_connection import Cut, area_errors, unreachable
from extracts.handover.dropzone.sftp_session import Session

T = TypeVar("T")


class Asking:
    """Every question may be asked more than once. Close it, or use `with`.

    pauses: seconds before each further connection. Raises DropZoneUnreachable after the last, HostKeyRefused.
    """

    def __init__(self, address: SftpAddress, answer_seconds: float = 60.0, pauses: tuple[float, ...] = (0,)) -> None:
        self._address, self._answer_seconds, self._pauses = address, answer_seconds, pauses
        self._session: Session | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection, if there is one."""
        session, self._session = self._session, None
        if session is not None:
            session.__exit__(None, None, None)

    def asked(self, question: Callable[[Session], T]) -> T:
        """The answer."""
        why = ""
        for pause in (0.0, *self._pauses):
            time.sleep(pause)
            try:
                return self._once(question)
            except Cut as cut:
                why = str(cut)
                self.close()
        raise unreachable(self._address, why) from None

    def _once(self, question: Callable[[Session], T]) -> T:
        with area_errors(self._address):
            if self._session is None:
                self._session = Session(self._address, self._answer_seconds).__enter__()
            return question(self._session)
