"""A recipient's key counts once somebody compared its fingerprint with them; a new key or name stops deliveries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from extracts import signing
from extracts.agreement.custody import Custody
from extracts.canonical import digest_bytes
from extracts.errors import NotPermitted, Outcome, Refused
from extracts.handover.manifest import MANIFEST, read_manifest
from extracts.handover.receipt import ReceiptResult, receipt_for
from extracts.record import custody
from extracts.record.transaction import reading
from extracts.steps.receipts import take_receipts
from extracts.steps.recipients import Channel, confirm_recipient
from extracts.steps.transfer import decryption_keys
from extracts.steps.workplace import Workplace
from tests.support.command_line import Said, extracts
from tests.support.world import ANALYSTS, FIFE, World, copied

COUNCIL = "fife-council"


@pytest.fixture(scope="module")
def confirmed(published_world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Deliveries of confirmed recipients wait. Each test adds a key of its own, and takes it away again."""
    with copied(published_world.home, tmp_path_factory.mktemp("confirmed") / "home", published_world.register) as world:
        yield world


@pytest.fixture
def new_key(confirmed: World, tmp_path: Path) -> Iterator[Path]:
    """A further key of the council's, which somebody put beside the others."""
    key = tmp_path / "new"
    signing.generate_key(key, "data.team@fife.example")
    file = confirmed.work.places.recipient_keys / f"{COUNCIL}.pub"
    before = file.read_text()
    file.write_text(before + key.with_name("new.pub").read_text())
    yield key
    file.write_text(before)


def fingerprint(key: Path) -> str:
    return signing.key_fingerprint(key.with_name(f"{key.name}.pub"))


def confirm(world: World, *fingerprints: str, **more: str) -> Said:
    options = {"channel": "telephone", "spoke-with": "A. Steward", "as-user": "engineer"} | more
    told = [word for f in fingerprints for word in ("--fingerprint", f)]
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    return extracts(world, "keys", "confirm-recipient", COUNCIL, *told, *words)


def test_a_new_key_stops_deliveries_until_it_is_confirmed(confirmed: World, new_key: Path) -> None:
    told = fingerprint(new_key)
    found = confirmed.run(FIFE, reason="A correction.")
    assert (found["outcome"], found["gate"]) == (Outcome.STOPPED, "check_approval")
    assert f"has keys that nobody has confirmed with them: {told}" in found["reason"]
    written = [found["reason"], *(str(e.payload) for e in confirmed.ledger("run.ended"))]
    assert not [text for text in written if "Steward" in text or "01632" in text], "no name or number is kept for ever"
    assert told in extracts(confirmed, "why", FIFE).text
    unwell = [c for c in extracts(confirmed, "doctor", "--json").json if not c["passed"]]
    assert [told in c["detail"] for c in unwell if c["subject"] == "recipients' keys"] == [True]

    with pytest.raises(Refused, match="nobody has confirmed"):
        decryption_keys(confirmed.work.afresh(), COUNCIL)
    assert decryption_keys(confirmed.work.afresh(), "scottish-government-analysts"), "nobody else waits"

    said = confirm(confirmed, told)
    assert (said.code, "All keys of fife-council count now" in said.text) == (0, True), said.text
    event = confirmed.ledger("recipient.confirmed")[-1]
    assert (event.subject, event.payload["keys"], event.payload["channel"]) == (COUNCIL, [told], "telephone")
    assert "Steward" not in str(event.payload), "what was typed is in the register alone"
    assert confirm(confirmed, told).text.startswith("Confirmed: nothing new.")
    assert told in [k.fingerprint for k in decryption_keys(confirmed.work.afresh(), COUNCIL)]


def test_a_changed_name_of_the_organisation_asks_for_every_key_again(confirmed: World) -> None:
    work = confirmed.work.afresh()
    there = work.parties.organisations[COUNCIL]
    renamed = there.model_copy(update={"name": "The Council of Fife"})
    work.__dict__["parties"] = replace(work.parties, organisations={**work.parties.organisations, COUNCIL: renamed})
    with pytest.raises(Refused, match="now called The Council of Fife"):
        decryption_keys(work, COUNCIL)
    keys = [k.fingerprint for k in work.parties.recipients[COUNCIL].keys]
    confirm_recipient(work, COUNCIL, keys, Channel.IN_PERSON, "A. Steward", "engineer")
    assert decryption_keys(work, COUNCIL)
    assert decryption_keys(confirmed.work.afresh(), COUNCIL), "under the old name it was confirmed before"


def receipt(world: World, key: Path) -> None:
    """The council's receipt, signed with a key of its choice, in its inbox."""
    (folder,) = world.deliveries(FIFE)
    data = (folder / MANIFEST).read_bytes()
    manifest = read_manifest(data)[0]
    said = receipt_for(manifest, digest_bytes(data), ReceiptResult.DECRYPTED, world.work.now(), "by hand").text()
    inbox = Path(world.work.places.drop_zone) / COUNCIL / "inbox"
    (inbox / "x.receipt.json").write_bytes(said)
    (inbox / "x.receipt.json.sig").write_text(signing.sign(said, key, signing.RECEIPT))


def test_a_receipt_by_a_key_that_is_not_confirmed_does_not_count(confirmed: World, new_key: Path) -> None:
    receipt(confirmed, new_key)
    assert [d.objection for d in take_receipts(confirmed.work.afresh()).dealt] == ["not signed by a key of yours"]
    confirm(confirmed, fingerprint(new_key))
    receipt(confirmed, new_key)
    (taken,) = take_receipts(confirmed.work.afresh()).taken
    with reading(confirmed.work.register) as view:
        assert custody.custody_now(view, taken.deliveries[0]).state is Custody.ACKNOWLEDGED


def test_only_fingerprints_that_are_declared_are_confirmed_and_not_by_their_own_body(
    confirmed: World, new_key: Path, tmp_path: Path
) -> None:
    signing.generate_key(tmp_path / "other", "somebody")
    said = confirm(confirmed, fingerprint(new_key), fingerprint(tmp_path / "other"))
    assert (said.code, "the key that lies here is not theirs" in said.text) == (1, True)
    said = confirm(confirmed, fingerprint(new_key), **{"spoke-with": "A. Stranger"})
    assert (said.code, "A. Stranger is not declared" in said.text, "A. Steward (01632 960012)" in said.text) == (
        1,
        True,
        True,
    ), said.text
    work: Workplace = confirmed.work.afresh()
    with pytest.raises(NotPermitted, match="their own body"):
        confirm_recipient(
            work, COUNCIL, [fingerprint(new_key)], Channel.POST, "A. Steward", "root as callum.requester@fife.example"
        )
    assert confirm(confirmed, fingerprint(new_key), channel="e-mail").code == 2
    assert confirm(confirmed, fingerprint(new_key), **{"spoke-with": " "}).code == 2
    with pytest.raises(Refused, match="nobody has confirmed"):
        decryption_keys(work, COUNCIL)


def test_other_agreements_go_on(confirmed: World, new_key: Path) -> None:
    assert confirmed.run(ANALYSTS)["outcome"] == Outcome.NOTHING_DUE, "its period was delivered; nothing else stops it"
