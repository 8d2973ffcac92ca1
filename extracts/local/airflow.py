"""Runs Airflow on this machine, part by part, for the demo, `extracts up`, `extracts cluster` and the tests.

Rules:
1. Each part is a session of its own with its own log; all of them end together, and nothing of them stays behind, not
   even a task that was running. (`airflow standalone` leaves orphans.)
2. One Airflow per EXTRACTS_HOME: whoever started it holds a lock. Without a holder, what still runs was left by a
   command that was killed, and is ended before a new start.
3. A part that dies is reported with its name and the end of its log, secrets blanked out.
"""

from __future__ import annotations

import fcntl
import os
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from extracts.errors import TechnicalFailure
from extracts.local.airflow_client import AirflowClient
from extracts.local.installation import HOST, Installation, Part
from extracts.local.processes import wait_until
from extracts.local.queue_program import queue_program
from extracts.local.sessions import Session, end, exit_code, launch, load, save

_HEALTHY_WITHIN_S: Final = 180
_LAST_LINES = 8


def _silent(_: str) -> None:
    return None


def stop_airflow(home: Path) -> None:
    """Ends the Airflow of `home`, whoever started it. Nothing happens if there is none."""
    record = _record(home)
    end(load(record))
    record.unlink(missing_ok=True)


@dataclass
class LocalAirflow:
    """One Airflow. Without a `port` a free one is found at each start. `stop` may be called while it starts."""

    config: Installation
    port: int | None = None
    _sessions: list[Session] = field(default_factory=list, init=False, repr=False)
    _lock: int | None = field(default=None, init=False, repr=False)
    _url: str = field(default="", init=False, repr=False)
    _launching: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    _stopped: bool = field(default=False, init=False, repr=False)

    @property
    def url(self) -> str:
        """Where the UI and the API are."""
        return self._url

    @property
    def logs(self) -> Path:
        """One log per part."""
        return self.config.folder / "logs"

    def client(self, user: str) -> AirflowClient:
        """The API, signed in as this user."""
        return AirflowClient(self.url, user, self.config.passwords()[user])

    def start(self, progress: Callable[[str], None] = _silent) -> None:
        """Starts every part and waits until all are healthy. Raises TechnicalFailure, and leaves nothing running."""
        self._take_lock()
        self._stopped = False
        try:
            stop_airflow(self.config.home)
            port = free_port(self.port)
            self._url = f"http://{HOST}:{port}"
            self.config.write(port)
            progress("preparing Airflow's database")
            self._migrate()
            self._launch(progress)
            self._wait(progress)
        except BaseException:
            self.stop()
            raise

    def check(self) -> None:
        """Raises TechnicalFailure if a part has ended (its name, and the end of its log), or all were stopped."""
        if self._stopped:
            raise TechnicalFailure("Airflow was stopped.")
        for session in self._sessions:
            if not session.is_alive():
                raise TechnicalFailure(f"Airflow's {session.name} ended.", advice=self._last_words(Path(session.log)))

    def stop(self) -> None:
        """Ends every part and every task. Raises TechnicalFailure if something stays."""
        with self._launching:
            self._stopped = True
        try:
            stop_airflow(self.config.home)
        finally:
            self._sessions = []
            lock, self._lock = self._lock, None
            if lock is not None:
                os.close(lock)

    def _take_lock(self) -> None:
        for folder in (self.config.home, self.config.folder, self.logs, _record(self.config.home).parent):
            folder.mkdir(mode=0o700, exist_ok=True)
        lock = os.open(_record(self.config.home).with_suffix(".lock"), os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise TechnicalFailure(
                f"Another command runs Airflow in {self.config.home}.", advice="End it first: `extracts down`."
            ) from None
        self._lock = lock

    def _migrate(self) -> None:
        log = self.logs / "migrate.log"
        log.unlink(missing_ok=True)
        code = exit_code(self._start_part(self.config.migration(), log))
        self._sessions.clear()
        if code != 0:
            raise TechnicalFailure(
                f"Airflow could not prepare its database (exit code {code}).", advice=self._last_words(log)
            )

    def _launch(self, progress: Callable[[str], None]) -> None:
        progress(f"starting Airflow on {self.url}")
        for part in self.config.parts():
            self._start_part(part, self.logs / f"{part.name}.log")

    def _start_part(self, part: Part, log: Path) -> Session:
        with self._launching:
            if self._stopped:
                raise TechnicalFailure("Airflow was stopped.")
            session = launch(part.name, _command(part.command), self.config.folder, part.environment, log)
            self._sessions.append(session)
            save(self._sessions, _record(self.config.home))
        return session

    def _wait(self, progress: Callable[[str], None]) -> None:
        healthy: set[str] = set()

        def all_healthy() -> bool:
            self.check()
            for part in sorted(self.config.healthy(self.url) - healthy):
                healthy.add(part)
                progress(f"Airflow's {part} is healthy")
            return self.config.awaited <= healthy

        if not wait_until(all_healthy, _HEALTHY_WITHIN_S, every_s=0.2):
            so_far = ", ".join(sorted(healthy)) or "nothing"
            raise TechnicalFailure(
                f"Airflow is not healthy after {_HEALTHY_WITHIN_S} s; only {so_far} is.",
                advice=f"Its logs are in {self.logs}.",
            )

    def _last_words(self, log: Path) -> str:
        lines = log.read_text(errors="replace").splitlines()[-_LAST_LINES:] if log.exists() else []
        return f"The end of {log}:\n" + "\n".join(self.config.blank_out(line) for line in lines)


def _command(command: Sequence[str]) -> list[str]:
    """A part's command with the program of this environment, whatever is on the path."""
    program, *arguments = command
    if program == "airflow":
        return [sys.executable, "-m", "airflow", *arguments]
    return [queue_program() if program == "valkey-server" else program, *arguments]


def _record(home: Path) -> Path:
    return home / "run" / "airflow.json"


def free_port(wanted: int | None) -> int:
    """The wanted port, or any. Raises TechnicalFailure if it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, wanted or 0))
        except OSError:
            raise TechnicalFailure(
                f"Port {wanted} on {HOST} is taken.",
                advice="End what uses it, or choose another: `make up PORT=8081`, `extracts up --port 8081`.",
            ) from None
        return int(probe.getsockname()[1])
