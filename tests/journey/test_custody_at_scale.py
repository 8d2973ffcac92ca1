"""A thousand deliveries that wait, and many receipts: one round of the clocks stays short."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from extracts import signing
from extracts.handover.receipt import Receipt, ReceiptResult, ReceivedFile
from extracts.record import register
from extracts.record.transaction import reading
from extracts.steps.custody_clocks import tick
from tests.support.world import FIFE, World, copied

MANY = 1_000
# A round is to take under 10 s. Of this process's own time, since the machine may be busy with other things.
BOUND_S = 10
_COPIES = f"""
INSERT INTO register.delivery (delivery_id, request_id, version, period, period_first, period_last, revision, recipient,
    decision_digest, run_id, reason, state, path, manifest_digest, rows, bytes, files, created_at, published_at,
    destroy_by)
SELECT d.request_id || '.many-' || n || '.r1', d.request_id, d.version, 'many-' || n, d.period_first, d.period_last, 1,
    d.recipient, d.decision_digest, d.run_id, '', 'published', d.path, d.manifest_digest, d.rows, d.bytes, d.files,
    d.created_at, d.published_at, d.destroy_by
FROM register.delivery d, generate_series(1, {MANY}) AS n WHERE d.request_id = '{FIFE}'
"""


@pytest.fixture(scope="module")
def crowded(published_world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("crowded") / "home"
    with copied(published_world.home, folder, published_world.register) as world:
        with world.home.postgres.superuser(world.register) as connection:
            connection.execute(_COPIES.encode())
        yield world


def timed(world: World) -> tuple[float, dict[str, int]]:
    began = time.process_time()
    done = tick(world.work)
    assert done.problems == []
    return time.process_time() - began, {n: count for n, count in done.counts.items() if count and n != "not_delivered"}


@pytest.mark.slow
def test_a_round_with_a_thousand_deliveries_that_wait_is_short(crowded: World) -> None:
    seconds, done = timed(crowded)
    assert (done, seconds < BOUND_S) == ({}, True), seconds
    crowded.later(days=9)
    reminding, done = timed(crowded)
    assert (done, reminding < BOUND_S) == ({"reminded": MANY + 3}, True), reminding
    crowded.later(days=-9)


def test_many_receipts_are_taken_in_one_round(crowded: World) -> None:
    with reading(crowded.work.register) as view:
        entries = [d for d in register.list_deliveries(view, request_id=FIFE) if "many" in d.delivery_id]
    inbox: Path = crowded.work.places.drop_zone / "fife-council" / "inbox"
    key = crowded.home.people.receipt_key("fife-council")
    some = entries[:60]  # signing them takes as long as judging does
    for entry in some:
        files = tuple(ReceivedFile(f.name, f.sha256) for f in entry.files)
        now = crowded.work.now()
        receipt = Receipt(
            "fife-council", entry.delivery_id, entry.manifest_digest, files, ReceiptResult.DECRYPTED, now, "x"
        )
        name = f"{entry.delivery_id}.receipt.json"
        (inbox / name).write_bytes(receipt.text())
        (inbox / f"{name}.sig").write_text(signing.sign(receipt.text(), key, signing.RECEIPT))
    seconds, done = timed(crowded)
    assert (done, seconds < BOUND_S) == ({"taken": len(some)}, True), seconds
