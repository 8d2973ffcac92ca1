"""How fast and in how much memory a delivery is published over SFTP, beside plain `sftp put` in the same run.

python -m benchmarks.transfer                 5 GB, as root, with an OpenSSH server of its own on 127.0.0.1
python -m benchmarks.transfer --megabytes 500 --runs 3

Publishing sends every byte, reads every byte back and hashes it; `sftp put` and `sftp get` do half of that each, and
check nothing. Encryption is measured apart: `age` by the same library as in a run. Memory is the peak of a process of
its own, whose libraries alone take some 90 MB.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.support.sftp_area import SftpArea

RECIPIENT = "scottish-government-analysts"
_CHUNK = 1 << 20


def main() -> None:
    """Measure and print a table, one line for each way."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.transfer")
    parser.add_argument("--megabytes", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--one", choices=["encrypt", "publish"], help=argparse.SUPPRESS)
    parser.add_argument("--job", default="{}", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        sys.stdout.write(json.dumps(_one(asked.one, json.loads(asked.job))))
        return
    with tempfile.TemporaryDirectory() as folder:
        _report(asked.megabytes, _measure(Path(folder), asked.megabytes, asked.runs))


def _measure(folder: Path, megabytes: int, runs: int) -> dict[str, list[tuple[float, float]]]:
    from extracts.canonical import digest_file
    from tests.support.deliveries import an_age_identity
    from tests.support.keys import make_keys
    from tests.support.sftp_area import an_area

    clear, encrypted = folder / "clear", folder / "encrypted.age"
    _random_file(clear, megabytes)
    job: dict[str, Any] = {"clear": str(clear), "encrypted": str(encrypted), "keys": str(folder / "keys")}
    job["digest"] = digest_file(clear)
    job["public"] = an_age_identity(folder / "identity")
    keys = make_keys(folder / "keys")
    found: dict[str, list[tuple[float, float]]] = {"encrypt": [], "sftp put": [], "sftp get": [], "publish": []}
    for _ in range(runs):
        encrypted.unlink(missing_ok=True)
        found["encrypt"].append(_apart("encrypt", job))
        clear.unlink() if _ == runs - 1 else None
        with an_area(RECIPIENT) as area:
            address = area.address()
            job["address"] = [address.user, address.port, str(address.key), str(address.known_hosts)]
            put = f"put {encrypted} {RECIPIENT}/deliveries/plain"
            found["sftp put"].append(_timed(partial(_sftp, area, "publisher", put)))
            _sftp(area, "publisher", f"chmod 640 {RECIPIENT}/deliveries/plain")
            found["sftp get"].append(_timed(partial(_sftp, area, RECIPIENT, "get deliveries/plain /dev/null")))
            (area.room(RECIPIENT) / "deliveries" / "plain").unlink()
            job["staged"] = str(_staged(folder, encrypted, keys))
            found["publish"].append(_apart("publish", job))
    return found


def _staged(folder: Path, encrypted: Path, keys: Any) -> Path:
    """A delivery whose file is the large one: linked, not copied, with a manifest signed over it."""
    from dataclasses import replace

    from extracts.canonical import digest_file
    from extracts.handover.delivery import Approval, assemble
    from extracts.handover.manifest import read_manifest
    from tests.support.deliveries import a_delivery

    small = a_delivery(folder / f"small-{time.monotonic_ns()}", keys)
    manifest = read_manifest((small.folder / "manifest.json").read_bytes())[0]
    file = replace(manifest.files[0], sha256=digest_file(encrypted), bytes=encrypted.stat().st_size)
    target = small.folder.parent / "large" / small.id
    target.mkdir(parents=True)
    os.link(encrypted, target / file.name)
    read = {n: (small.folder / n).read_text() for n in ("decision.board.sig", "decision.controller.sig")}
    approval = Approval(
        (small.folder / "decision.json").read_bytes(), *read.values(), (small.folder / "plan.json").read_bytes()
    )
    assemble(
        target,
        replace(manifest, files=(file,)),
        approval,
        lambda data: keys.sign(data, "service", "extract-manifest"),
    )
    return target


def _one(what: str, job: dict[str, Any]) -> tuple[float, float]:
    """(seconds, peak megabytes) of this process, without the time that importing its libraries takes."""
    seconds, _ = _timed(_encrypting(job) if what == "encrypt" else _publishing(job))
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _encrypting(job: dict[str, Any]) -> Callable[[], object]:
    from extracts.handover.encryption import encrypt

    clear, target, digest = Path(job["clear"]), Path(job["encrypted"]), job["digest"]
    return lambda: encrypt(clear, target, (job["public"],), clear_sha256=digest)


def _publishing(job: dict[str, Any]) -> Callable[[], object]:
    import asyncssh  # noqa: F401

    from extracts.handover.dropzone.sftp import SftpDropZone
    from extracts.handover.dropzone.sftp_address import SftpAddress
    from tests.support.deliveries import an_index_signer
    from tests.support.keys import Keys

    user, port, key, known = job["address"]
    zone = SftpDropZone(SftpAddress(user, "127.0.0.1", port, PurePosixPath("/"), Path(key), Path(known)))
    signer = an_index_signer(Keys(Path(job["keys"])))
    return lambda: zone.publish(Path(job["staged"]), signer, datetime.now(UTC))


def _apart(what: str, job: dict[str, Any]) -> tuple[float, float]:
    words = [sys.executable, "-m", "benchmarks.transfer", "--one", what, "--job", json.dumps(job)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    seconds, megabytes = json.loads(done.stdout)
    return seconds, megabytes


def _timed(act: Callable[[], object]) -> tuple[float, float]:
    started = time.monotonic()
    act()
    return time.monotonic() - started, 0.0


def _sftp(area: SftpArea, name: str, command: str) -> None:
    done = area.sftp(name, command, seconds=3600)
    if done.returncode:
        raise SystemExit(done.stderr)


def _random_file(path: Path, megabytes: int) -> None:
    with path.open("wb") as stream, Path("/dev/urandom").open("rb") as source:
        for _ in range(megabytes):
            stream.write(source.read(_CHUNK))


def _report(megabytes: int, found: dict[str, list[tuple[float, float]]]) -> None:
    put = statistics.median(seconds for seconds, _ in found["sftp put"])
    sys.stdout.write(f"{megabytes:,} MB\n| way | seconds | MB/s | of `sftp put` | peak MB |\n|---|---|---|---|---|\n")
    for way, runs in found.items():
        seconds, peak = statistics.median(s for s, _ in runs), max(p for _, p in runs)
        told = f"{peak:.0f}" if peak else ""
        sys.stdout.write(f"| {way} | {seconds:.1f} | {megabytes / seconds:.0f} | {seconds / put:.2f} | {told} |\n")


if __name__ == "__main__":
    if os.geteuid() != 0 or not shutil.which("sftp"):
        raise SystemExit("Run it as root, with openssh-server installed: it makes rooms and accounts.")
    main()
