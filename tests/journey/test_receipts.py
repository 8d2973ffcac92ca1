"""From published to acknowledged: collected by one command, taken in, and everything that is not a true receipt."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from extracts import signing
from extracts.agreement.custody import Custody
from extracts.canonical import canonical_json, digest_bytes
from extracts.handover.manifest import MANIFEST, Manifest, read_manifest
from extracts.handover.receipt import Receipt, ReceiptResult, receipt_for
from extracts.record import custody
from extracts.record import notices as outbox
from extracts.record.transaction import reading
from extracts.steps.receipts import TakenIn, take_receipts
from tests.support.command_line import Said, extracts
from tests.support.world import ANALYSTS, FIFE, World, copied

COUNCIL = "fife-council"
_numbers = count(1)


@pytest.fixture(scope="module")
def published(published_world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Every delivery waits; no test of this module but the last leaves one collected."""
    with copied(published_world.home, tmp_path_factory.mktemp("receipts") / "home", published_world.register) as world:
        yield world


def collect(world: World, into: Path, *more: str | Path, recipient: str = COUNCIL) -> Said:
    people = world.home.people
    return extracts(
        None,
        "collect",
        world.work.places.drop_zone / recipient,
        "--signers",
        people.allowed_signers,
        "--into",
        into,
        "--identity",
        people.identity(recipient),
        "--receipt-key",
        people.receipt_key(recipient),
        *more,
        EXTRACTS_HOME=str(into),
    )


def the_manifest(world: World, request_id: str = FIFE) -> tuple[Manifest, str]:
    (folder,) = world.deliveries(request_id)
    data = (folder / MANIFEST).read_bytes()
    return read_manifest(data)[0], digest_bytes(data)


def state(world: World, delivery_id: str) -> Custody:
    with reading(world.work.register) as view:
        return custody.custody_now(view, delivery_id).state


def inbox(world: World, recipient: str = COUNCIL) -> Path:
    return world.work.places.drop_zone / recipient / "inbox"


# --- what is no true receipt ------------------------------------------------------------------------------------------


def a_receipt(world: World, request_id: str = FIFE, **changes: Any) -> Receipt:
    manifest, digest = the_manifest(world, request_id)
    tool = f"by hand {next(_numbers)}"  # or those of one second would be one and the same
    return replace(receipt_for(manifest, digest, ReceiptResult.DECRYPTED, world.work.now(), tool), **changes)


def put(
    world: World, data: bytes, *, signer: str = COUNCIL, into: str = COUNCIL, namespace: str = signing.RECEIPT
) -> None:
    """A signed document in an inbox, as somebody might put it there."""
    name = f"{digest_bytes(data)[7:20]}.receipt.json"
    (inbox(world, into) / name).write_bytes(data)
    signature = signing.sign(data, world.home.people.receipt_key(signer), namespace)
    (inbox(world, into) / f"{name}.sig").write_text(signature)


def refused(world: World) -> tuple[TakenIn, str]:
    """What one round made of it: it must be one refusal, recorded, with nothing moved, and the inbox empty."""
    before = len(world.ledger("receipt.refused"))
    done = take_receipts(world.work)
    assert (len(done.taken), len(done.refused)) == (0, 1)
    assert len(world.ledger("receipt.refused")) == before + 1
    assert not list(inbox(world).iterdir())
    for request_id in (FIFE, ANALYSTS):
        assert state(world, the_manifest(world, request_id)[0].delivery.id) is Custody.PUBLISHED
    return done, told(world, done.refused[0].digest)


def told(world: World, digest: str) -> str:
    """What the recipient was told about a document; and nobody else's agreement is named to them."""
    with reading(world.work.register) as view:
        found = [k.notice for k in outbox.list_notices(view) if digest in k.notice.cause]
    (to_them,) = [n for n in found if n.audience == "recipient"]
    return to_them.body


def objection(done: TakenIn) -> str:
    return done.refused[0].objection


STRANGER = "scottish-government-analysts"
WRONG: dict[str, tuple[Callable[[World], None], str, str]] = {
    "forged by a stranger's key": (
        lambda w: put(w, a_receipt(w).text(), signer=STRANGER),
        "not signed by a key of yours",
        "Sign it with your receipt key",
    ),
    "signed as something else": (
        lambda w: put(w, a_receipt(w).text(), namespace=signing.DESTROYED),
        "not signed by a key of yours",
        "for this kind of document",
    ),
    "signed in a rehearsal": (
        lambda w: put(w, a_receipt(w).text(), namespace=signing.test_namespace(signing.RECEIPT)),
        "not signed by a key of yours",
        "for this kind of document",
    ),
    "made out for another recipient": (
        lambda w: put(w, a_receipt(w, ANALYSTS).text()),
        "for another recipient",
        "somebody else can write into your inbox",
    ),
    "about another recipient's delivery": (
        lambda w: put(w, a_receipt(w, ANALYSTS, recipient=COUNCIL).text()),
        "no such delivery",
        "not published to you",
    ),
    "about a delivery that there is not": (
        lambda w: put(w, a_receipt(w, delivery_id=f"{FIFE}.2031-01.r1").text()),
        "no such delivery",
        "Read the id again",
    ),
    "of another manifest": (
        lambda w: put(w, a_receipt(w, manifest_digest=the_manifest(w, ANALYSTS)[1]).text()),
        "other digests",
        "Do not use the files",
    ),
    "of other files": (lambda w: put(w, a_receipt(w, files=()).text()), "other digests", "collect them again"),
    "from before the delivery was published": (
        lambda w: put(w, a_receipt(w, at=w.work.now() - timedelta(days=1)).text()),
        "made before the delivery was published",
        "write a new one",
    ),
    "from the future": (
        lambda w: put(w, a_receipt(w, at=w.work.now() + timedelta(hours=1)).text()),
        "made in the future",
        "Set your machine's clock",
    ),
    "not in the form": (lambda w: put(w, b"Thank you for the data."), "cannot be read", "README.txt"),
    "with a field that no receipt has": (
        lambda w: put(w, a_receipt(w).text().replace(b'{"at"', b'{"QQ123456C":"x","at"')),
        "cannot be read",
        "sign it again",
    ),
    "far too large": (lambda w: put(w, b" " * 300_000 + a_receipt(w).text()), "not signed by a key of yours", "Sign"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_true_receipt_is_refused_recorded_and_answered(published: World, case: str) -> None:
    offer, objected, says = WRONG[case]
    offer(published)
    done, words = refused(published)
    assert objection(done) == objected
    assert says in words
    assert done.refused[0].digest in words
    assert "QQ123456C" not in words
    assert ANALYSTS not in words


def test_the_same_refusal_again_is_recorded_and_told_once(published: World) -> None:
    data = a_receipt(published, files=()).text()
    put(published, data)
    refused(published)
    before = len(published.ledger("receipt.refused"))
    put(published, data)
    assert len(take_receipts(published.work).refused) == 1
    assert len(published.ledger("receipt.refused")) == before


def test_what_is_still_being_written_waits(published: World) -> None:
    data = a_receipt(published).text()
    signature = signing.sign(data, published.home.people.receipt_key(COUNCIL), signing.RECEIPT)
    folder = inbox(published)
    for name, content in {
        "x.receipt.json": data,
        "x.receipt.json.sig": signature[:80].encode(),
        "note.txt": b"!",
    }.items():
        (folder / name).write_bytes(content)
    (folder / "link.receipt.json").symlink_to(published.work.places.service_key or "/etc/passwd")
    try:
        done = take_receipts(published.work)
        assert (done.dealt, done.waiting) == ((), 3)
    finally:
        for path in list(folder.iterdir()):
            path.unlink()


def test_a_receipt_key_counts_on_its_days_only(published: World) -> None:
    keys = published.work.places.recipient_keys / f"{COUNCIL}.pub"
    before, today = keys.read_text(), published.work.today()
    try:
        keys.write_text(before.replace("uses=receipt,login", f"uses=receipt valid-until={today - timedelta(days=1)}"))
        put(published, a_receipt(published).text())
        done = take_receipts(published.work.afresh())
        assert objection(done) == "not signed by a key of yours"
    finally:
        keys.write_text(before)


# --- at the recipient's end -------------------------------------------------------------------------------------------


def test_killed_in_mid_collect_it_goes_on_where_it_was(published: World, tmp_path: Path) -> None:
    from extracts.handover.collection import area, collecting, fetching
    from extracts.handover.collection.waiting import find_waiting

    people, top = published.home.people, area.FolderArea(published.work.places.drop_zone / COUNCIL)
    into = tmp_path / "council"
    passed: list[str] = []

    def killed_after(place: int) -> Callable[[str, int, int], None]:
        def progress(name: str, done: int, total: int) -> None:
            passed.append(name)
            if len(passed) == place:
                raise KeyboardInterrupt

        return progress

    def means(progress: fetching.Progress) -> collecting.Means:
        return collecting.Means(
            people.allowed_signers, into, published.work.now, people.identity(COUNCIL), None, True, progress
        )

    (waiting,) = find_waiting(top, into, people.allowed_signers, published.work.now()).waiting
    for place in (1, 5, 12):
        passed.clear()
        with pytest.raises(KeyboardInterrupt):
            collecting.collect(top, waiting, means(killed_after(place)))
        assert not waiting.folder(into).exists(), "whole or not at all"
    partial = waiting.folder(into).with_name(f".{waiting.delivery_id}.partial")
    (encrypted,) = partial.glob("*.age")
    encrypted.write_bytes(encrypted.read_bytes()[: encrypted.stat().st_size // 2])
    (partial / "README.txt").write_bytes(b"X" * (partial / "README.txt").stat().st_size)
    done = collecting.collect(top, waiting, means(lambda *_: None))
    assert done.verification.passed
    assert [p.suffix for p in done.opened] == [".parquet", ".csv"]
    assert done.receipt is None
    assert not partial.exists()


def test_a_delivery_that_was_changed_is_not_opened_and_not_acknowledged(published: World, tmp_path: Path) -> None:
    area = tmp_path / "area"
    shutil.copytree(published.work.places.drop_zone / COUNCIL, area / COUNCIL)
    (delivery,) = (area / COUNCIL / FIFE).glob("*/manifest.json")
    decision = json.loads((delivery.parent / "decision.json").read_bytes())
    decision["conditions"] = ["None."]
    (delivery.parent / "decision.json").write_bytes(canonical_json(decision))
    people = published.home.people
    said = extracts(
        None, "collect", area / COUNCIL, "--signers", people.allowed_signers, "--into", tmp_path / "council",
        "--identity", people.identity(COUNCIL), "--receipt-key", people.receipt_key(COUNCIL), "--json",
    )  # fmt: skip
    assert said.code == 1
    assert said.json["collected"] == []
    assert "does not arrive as the delivery's own list of digests says" in str(said.json["problems"])
    assert not list((area / COUNCIL / "inbox").iterdir())
    assert not list((tmp_path / "council").rglob("*.parquet"))


def test_an_old_index_put_back_stops_the_agreement(published: World, tmp_path: Path) -> None:
    into = tmp_path / "council"
    said = collect(published, into, "--json")
    assert said.code == 0, said.text
    for path in list(inbox(published).iterdir()):
        path.unlink()
    kept = into / FIFE / "index.json"
    kept.write_bytes(kept.read_bytes().replace(b'"number": 1', b'"number": 9'))
    said = collect(published, into, "--json")
    assert said.code == 1
    assert "an older one than was seen here before" in said.json["problems"][FIFE]


# --- from published to acknowledged; these come last, for they move what the others leave ----------------------------


def test_one_command_takes_a_delivery_from_published_to_acknowledged(published: World, tmp_path: Path) -> None:
    world = published
    said = collect(world, tmp_path / "council", "--csv")
    assert said.code == 0, said.text
    manifest, digest = the_manifest(world)
    name = manifest.delivery.id
    assert f"Destroy by: {manifest.handling.destroy_by}" in said.out
    assert "WHAT YOU MUST AND MUST NOT DO" in said.out
    opened = tmp_path / "council" / FIFE / f"{name}.opened"
    assert sorted(p.name for p in opened.iterdir()) == ["benefit_cap.csv", "benefit_cap.parquet"]
    assert sorted(p.name for p in inbox(world).iterdir()) == [f"{name}.receipt.json", f"{name}.receipt.json.sig"]
    assert state(world, name) is Custody.PUBLISHED
    taken = extracts(world, "receipts", "take")
    assert (taken.code, f"{COUNCIL}: taken: {name}" in taken.out) == (0, True), taken.text
    assert state(world, name) is Custody.ACKNOWLEDGED
    assert not list(inbox(world).iterdir())
    (event,) = world.ledger("delivery.acknowledged")
    assert (event.subject, event.actor, event.payload["manifest_digest"]) == (name, COUNCIL, digest)
    again = collect(world, tmp_path / "council")
    assert (again.code, again.out.strip()) == (0, "Nothing waits.")


def test_a_receipt_counts_once_and_a_copy_of_it_is_refused(published: World, tmp_path: Path) -> None:
    world, name = published, the_manifest(published)[0].delivery.id
    receipt = tmp_path / "council" / FIFE / f"{name}.receipt.json"
    assert collect(world, tmp_path / "council").code == 0, "another folder knows of no receipt"
    assert len(take_receipts(world.work).taken) == 1, "another true receipt is kept"
    assert len(world.ledger("receipt.taken")) == 1, "and moves nothing"
    for path in (receipt, receipt.with_name(f"{receipt.name}.sig")):
        shutil.copy(path, inbox(world))
    assert objection(take_receipts(world.work)) == "taken before"
    assert "It needs nothing more from you" in told(world, digest_bytes(receipt.read_bytes()))
    assert len(world.ledger("delivery.acknowledged")) == 1


def test_the_commands_of_the_readme_do_the_same_by_hand(published: World, tmp_path: Path) -> None:
    """`age` needs its own program; here ours decrypts, and everything else is typed as it stands."""
    (delivered,) = published.deliveries(ANALYSTS)
    people, folder = published.home.people, Path(shutil.copytree(delivered, tmp_path / delivered.name))
    shutil.copy(people.allowed_signers, folder / "allowed_signers")
    text = (folder / "README.txt").read_text()
    for said, meant in {
        "YOUR_SIGNING_KEY": people.receipt_key(STRANGER),
        "YOUR_KEY": people.identity(STRANGER),
        "age --decrypt": f"{sys.executable} -m tests.support.age --decrypt",
    }.items():
        text = text.replace(said, str(meant))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    for command in commands_of(text):
        done = subprocess.run(["sh", "-c", command], cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, (command, done.stderr)
    (clear,) = folder.glob("*.parquet")
    assert f"{digest_bytes(clear.read_bytes())[7:]}  {clear.name}" in text
    for name in (f"{delivered.name}.receipt.json", f"{delivered.name}.receipt.json.sig"):
        shutil.copy(tmp_path / name, inbox(published, STRANGER))
    assert take_receipts(published.work).taken[0].deliveries == (delivered.name,)
    assert state(published, delivered.name) is Custody.ACKNOWLEDGED


def commands_of(text: str) -> list[str]:
    """Every command of a README.txt, in order, without the tool's own: indented by four, perhaps over several lines."""
    lines = text.replace("\\\n", "").splitlines()
    programs = ("sha256sum", "ssh-keygen", sys.executable, "printf")
    return [line.strip() for line in lines if line.startswith("    ") and line.strip().startswith(programs)]
