"""Starts programs in sessions of their own, and ends whatever is left of them, also from another command.

Rules:
1. A program's children move to other process groups (Airflow's task runners do), but a session keeps them together,
   and outlives the program itself. What left the session is found as long as its parent lives.
2. A process number alone proves nothing, since the system gives it out again: the record holds when the program
   started, and a session whose leader started at another time is not ours and is left alone.
3. First everybody is asked to end, then made to; afterwards nothing is left, or an error says so.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from extracts.errors import TechnicalFailure
from extracts.local.passwords import write_secret
from extracts.local.processes import wait_until

_CLOCK_TOLERANCE_S = 2.0  # the system's clock may be set between two looks at one process


@dataclass(frozen=True)
class Session:
    """A program that was started: its name, process number, start (seconds since 1970) and log file."""

    name: str
    pid: int
    started: float
    log: str

    def is_alive(self) -> bool:
        """Whether the program itself runs (its children may do so without it)."""
        return _leader(self) == "ours"


def launch(name: str, command: list[str], folder: Path, environment: Mapping[str, str], log: Path) -> Session:
    """Starts a program in `folder`; what it says is appended to `log` (0600)."""
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as stream:
        child = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
            umask=0o077,
        )
    child.returncode = 0  # psutil collects it; without this, Popen warns that nobody waited for it
    return Session(name, child.pid, psutil.Process(child.pid).create_time(), str(log))


def exit_code(session: Session) -> int | None:
    """Waits for a program that this process started; its exit code, None if somebody else collected it."""
    try:
        code: int | None = psutil.Process(session.pid).wait()
    except psutil.NoSuchProcess:
        return None
    return code


def save(sessions: Iterable[Session], record: Path) -> None:
    """Remembers sessions in a file, for another command to end them."""
    record.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_secret(record, json.dumps([asdict(session) for session in sessions], indent=1))


def load(record: Path) -> list[Session]:
    """The sessions of a record; none if there is no record."""
    return [Session(**entry) for entry in json.loads(record.read_text())] if record.exists() else []


def end(sessions: list[Session], patience_s: float = 10) -> None:
    """Ends every process of these sessions. Raises TechnicalFailure if one stays."""
    left = members(sessions)
    for ending, patience in ((signal.SIGTERM, patience_s), (signal.SIGKILL, 5.0)):
        for process in left:
            _send(process, ending)
        # Those who left the session are known only from before their parents ended.
        wait_until(lambda left=left: not (_living(left) | members(sessions)), patience, 0.1)  # type: ignore[misc]
        left = _living(left) | members(sessions)
    if left:
        raise TechnicalFailure(f"Processes {sorted(process.pid for process in left)} do not end.")


def members(sessions: Iterable[Session]) -> set[psutil.Process]:
    """Every living process of these sessions, and their children in other sessions."""
    ours = {session.pid: session for session in sessions if _leader(session) != "somebody else"}
    found = {process for process in _processes() if _belongs(process, ours)}
    return _living(found | {child for process in found for child in _children(process)})


def _leader(session: Session) -> str:
    try:
        process = psutil.Process(session.pid)
        if abs(process.create_time() - session.started) > _CLOCK_TOLERANCE_S:
            return "somebody else"
        return "ours" if _living({process}) else "gone"
    except psutil.NoSuchProcess:
        return "gone"


def _belongs(process: psutil.Process, ours: Mapping[int, Session]) -> bool:
    try:
        session = ours.get(os.getsid(process.pid))
        return session is not None and process.create_time() >= session.started - _CLOCK_TOLERANCE_S
    except (psutil.Error, OSError):
        return False


def _processes() -> Iterator[psutil.Process]:
    for pid in psutil.pids():
        try:
            yield psutil.Process(pid)
        except psutil.Error:
            continue


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return list(process.children(recursive=True))
    except psutil.Error:
        return []


def _living(processes: set[psutil.Process]) -> set[psutil.Process]:
    """Those that have not ended; our own children that did are collected."""
    living = set()
    for process in processes:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                process.wait(0)
            elif process.is_running():
                living.add(process)
        except (psutil.Error, OSError):
            continue
    return living


def _send(process: psutil.Process, ending: signal.Signals) -> None:
    try:
        process.send_signal(ending)
    except psutil.Error:
        return  # gone by itself, or another user's; what stays is reported
