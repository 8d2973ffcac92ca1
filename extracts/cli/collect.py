"""`extracts collect`: what a recipient runs; works with the recipient extra alone, on any system."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from extracts.cli.options import Json
from extracts.cli.output import answer, err, out
from extracts.errors import ExtractsError, UsageError

if TYPE_CHECKING:
    from extracts.handover.collection.collecting import Collected, Means

Signers = Annotated[
    Path, typer.Option(help="Your own copy of the controller's allowed_signers; never one that came along.")
]
Place = Annotated[
    str, typer.Argument(help="sftp://account@host:port, or the folder with your deliveries.", metavar="AREA")
]
LoginKey = Annotated[Path | None, typer.Option(help="For sftp://: the SSH key that logs you in.")]
KnownHosts = Annotated[Path | None, typer.Option(help="For sftp://: a file with the server's host key.")]


def collect(
    area: Place,
    signers: Signers,
    into: Annotated[Path, typer.Option(help="The folder to collect into; what was collected before is found there.")],
    identity: Annotated[
        Path | None, typer.Option(help="Your age identity or unencrypted SSH key: opens the data.")
    ] = None,
    receipt_key: Annotated[
        Path | None,
        typer.Option(help="The SSH key that signs receipts; a .pub if your agent has it. Default: an SSH --identity."),
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Write each file as CSV too.")] = False,
    login_key: LoginKey = None,
    known_hosts: KnownHosts = None,
    again: Annotated[str, typer.Option(help="Collect this delivery again, receipt included.")] = "",
    as_json: Json = False,
) -> None:
    """Collect what waits, and acknowledge it. Nothing that does not verify is opened."""
    from extracts.handover.asking import WHOM_TO_ASK, in_full, telling_whom_to_ask
    from extracts.handover.collection.area import open_area
    from extracts.handover.collection.collecting import Means
    from extracts.handover.collection.waiting import find_waiting

    means = Means(
        signers=signers,
        into=into,
        identity=identity,
        receipt_key=receipt_key or _signing_half(identity),
        as_csv=as_csv,
        now=lambda: datetime.now(UTC),
        progress=(lambda *_: None) if as_json else _progress,
    )
    with telling_whom_to_ask():
        source = open_area(area, login_key, known_hosts)
        found = find_waiting(source, into, signers, means.now(), again=again)
    problems = {name: f"{problem} {WHOM_TO_ASK}" for name, problem in found.problems.items()}
    done: list[Collected] = []
    for waiting in found.waiting:
        try:
            done.append(_one(source, waiting, means, as_json))
        except ExtractsError as error:
            problems[waiting.delivery_id] = in_full(error)
    missing = {f"{n.request_id}.{n.period}": n.says for n in found.not_coming}
    document = {"collected": [_document(c) for c in done], "stale": found.stale, "problems": problems}
    document["not_coming"] = missing
    answer(document, as_json, lambda: _summary(len(done), found.stale, problems, missing))
    if problems:
        raise typer.Exit(1)


def attest_destroyed(
    area: Place,
    deliveries: Annotated[list[str], typer.Argument(help="Ids of the deliveries.", metavar="DELIVERY...")],
    into: Annotated[Path, typer.Option(help="The folder that they were collected into.")],
    key: Annotated[Path, typer.Option(help="The SSH key that signs receipts; a .pub if your agent has it.")],
    method: Annotated[str, typer.Option(help="How every copy was destroyed, backups included.")],
    by: Annotated[str, typer.Option(help="Who destroyed them.")],
    on: Annotated[str, typer.Option(help="When the last copy was destroyed: 2027-02-20T16:00Z. Default: now.")] = "",
    login_key: LoginKey = None,
    known_hosts: KnownHosts = None,
    as_json: Json = False,
) -> None:
    """Certify that every copy of deliveries is destroyed."""
    from extracts.handover.asking import telling_whom_to_ask
    from extracts.handover.collection.area import open_area
    from extracts.handover.collection.attesting import attest

    now = datetime.now(UTC)
    at = _moment(on) if on else now
    source = open_area(area, login_key, known_hosts)
    with telling_whom_to_ask():
        path = attest(source, into, deliveries, key, method=method, by=by, destroyed_at=at, now=now)
    said = f"Certified: {', '.join(deliveries)}. The certificate is in your inbox, and here: {path}"
    answer({"certificate": str(path), "deliveries": deliveries}, as_json, lambda: out.print(said, markup=False))


def _moment(text: str) -> datetime:
    """A time with its zone. Raises UsageError."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise UsageError("--on is no time with a zone.", advice="Write it like 2027-02-20T16:00Z.")
    return found


def _signing_half(identity: Path | None) -> Path | None:
    """An unencrypted SSH key decrypts and signs; an age identity cannot sign."""
    if identity is None or not identity.is_file():
        return None
    return identity if b"-----BEGIN" in identity.read_bytes()[:100] else None


def _one(source: Any, waiting: Any, means: Means, as_json: bool) -> Collected:
    from extracts.handover.collection.collecting import collect as collect_one

    collected = collect_one(source, waiting, means)
    if not as_json:
        out.print(collected.about, markup=False)
        for finding in (*collected.verification.not_checked, *collected.expectations):
            out.print(f"{finding.result}: {finding}", markup=False)
        for path in collected.opened:
            out.print(f"opened: {path}", markup=False)
        said = f"receipt: {collected.receipt}" if collected.receipt else _NO_RECEIPT
        out.print(said, markup=False)
    return collected


_NO_RECEIPT = "No receipt was written, so it still counts as not collected: give --receipt-key."


def _summary(count: int, stale: dict[str, str], problems: dict[str, str], missing: dict[str, str]) -> None:
    for says in missing.values():
        out.print(f"No delivery, says the controller: {says}", markup=False)
    for delivery_id, why in stale.items():
        err.print(f"{delivery_id} {why}.", markup=False)
    if stale and not problems:
        from extracts.handover.asking import WHOM_TO_ASK

        err.print(WHOM_TO_ASK, markup=False)
    for name, problem in problems.items():
        err.print(f"{name}: {problem}", markup=False)
    out.print(f"Collected: {count}." if count or problems else "Nothing waits.")


def _document(collected: Collected) -> dict[str, Any]:
    manifest = collected.manifest
    findings = (*collected.verification.findings, *collected.expectations)
    return {
        "delivery": manifest.delivery.id,
        "destroy_by": manifest.handling.destroy_by,
        "conditions": [*manifest.handling.special_conditions, *manifest.handling.conditions],
        "opened": [str(p) for p in collected.opened],
        "receipt": str(collected.receipt) if collected.receipt else "",
        "findings": [{"result": f.result, "file": f.file, "what": f.what} for f in findings],
    }


def _progress(name: str, done: int, total: int) -> None:
    """One line that is written over, on a terminal only, and only for what takes a while."""
    if err.is_terminal and total > (8 << 20):
        percent = 100 * done // total
        err.print(f"\r  {name}: {percent:3d} % of {total >> 20} MB", end="\n" if done == total else "", markup=False)
