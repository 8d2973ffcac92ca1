"""`collect`, killed with SIGKILL at any moment and run again: complete in the end, and never taken for whole before."""

from __future__ import annotations

import os
import random
import signal
import sys
from pathlib import Path

from extracts.canonical import digest_file
from extracts.handover.collection.area import FolderArea
from extracts.handover.collection.collecting import Means, collect
from extracts.handover.collection.waiting import find_waiting
from extracts.handover.verify import verify_delivery
from tests.support.collection import a_true_plan, an_area
from tests.support.deliveries import NOW, a_delivery
from tests.support.keys import Keys

_ROUNDS = 3


def in_a_process(area: FolderArea, how: Means, killed_at: int, counted: Path) -> bool:
    """A process of its own collects; at its so manyth call of a function it is killed. Whether it was.

    One that comes to its end writes how many calls that took.
    """
    child = os.fork()
    if child == 0:  # nothing of the test's own runs on in here, whatever happens
        calls = 0

        def passing(*_: object) -> None:
            nonlocal calls
            calls += 1
            if calls == killed_at:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            sys.setprofile(passing)
            for waiting in find_waiting(area, how.into, how.signers, NOW).waiting:
                collect(area, waiting, how)
            sys.setprofile(None)
            counted.write_text(str(calls))
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def test_killed_at_random_points_it_is_complete_in_the_end_and_never_corrupt(tmp_path: Path, keys: Keys) -> None:
    made = a_delivery(tmp_path / "made", keys, plan=a_true_plan(), rows=200)
    area, counted = FolderArea(an_area(tmp_path, keys, made)), tmp_path / "calls"

    def means(name: str) -> Means:
        identity, receipts = made.identity, keys.private("recipient")
        return Means(keys.allowed_signers, tmp_path / name, lambda: NOW, identity, receipts, as_csv=True)

    assert not in_a_process(area, means("whole"), -1, counted)
    whole = {p.relative_to(tmp_path / "whole"): digest_file(p) for p in (tmp_path / "whole").rglob("*") if p.is_file()}
    assert len(whole) > 12
    calls, chance, killed = int(counted.read_text()), random.Random(20_261_128), 0
    for number in range(_ROUNDS):
        for path in (area.root / "inbox").iterdir():
            path.unlink()
        how = means(f"round-{number}")
        (waiting,) = find_waiting(area, how.into, how.signers, NOW).waiting
        target = waiting.folder(how.into)
        for share in (1.0, 0.4):
            killed += in_a_process(area, how, int(chance.uniform(0.05, share) * calls), counted)
            if target.exists():
                assert verify_delivery(target, how.signers, NOW).passed, "whole or not at all"
            for clear in target.with_name(f"{target.name}.opened").glob("[!.]*.parquet"):
                assert digest_file(clear) == made.assembled.manifest.files[0].clear_sha256, "whole or not at all"
        assert not in_a_process(area, how, -1, counted)
        there = {p.relative_to(how.into): digest_file(p) for p in how.into.rglob("*") if p.is_file()}
        assert {n: there.get(n) for n in whole if ".receipt." not in n.name} == {
            n: digest for n, digest in whole.items() if ".receipt." not in n.name
        }
        receipts = {p.name for p in (area.root / "inbox").iterdir() if not p.name.startswith(".")}
        assert receipts == {f"{waiting.delivery_id}.receipt.json", f"{waiting.delivery_id}.receipt.json.sig"}
        assert find_waiting(area, how.into, how.signers, NOW).waiting == ()
    assert killed > _ROUNDS, "most of them were killed while they worked"
