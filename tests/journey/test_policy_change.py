"""A new policy version: what runs already is reviewed, and only an immediate rule stops it."""

from pathlib import Path

from extracts.errors import Outcome
from extracts.settings import open_workplace
from extracts.steps.policy_review import review_running
from tests.support.world import ANALYSTS, FIFE, World


def _under_a_new_policy(world: World, folder: Path, immediate: bool) -> World:
    from dataclasses import replace

    source = world.work.places.governance
    folder.mkdir()
    for file in source.glob("*.yaml"):
        text = file.read_text()
        if file.name == "policy.yaml":
            before, rule, after = text.partition("  - id: R3\n")
            assert rule
            head, _, rest = after.partition("\n  - id: ")
            assert "identified_max_days: 400" in head or "400" in head
            head = head.replace("400", "30") + ("\n    immediate: true" if immediate else "")
            text = before.replace('version: "2026-01"', 'version: "2026-02"', 1) + rule + head + "\n  - id: " + rest
        (folder / file.name).write_text(text)
    environ = {"EXTRACTS_HOME": str(world.home.home), "EXTRACTS_GOVERNANCE": str(folder)}
    work = replace(open_workplace(environ), register_url=world.work.register_url, now=world.work.now)
    return replace(world, work=work)


def test_a_new_rule_lists_running_agreements_for_review_and_lets_them_run(world: World, tmp_path: Path) -> None:
    changed = _under_a_new_policy(world, tmp_path / "governance", immediate=False)
    found = review_running(changed.work, "a test")
    assert FIFE in {a.request_id for a in found.to_review}
    assert not found.to_stop
    assert changed.run(FIFE)["outcome"] == Outcome.DELIVERED


def test_an_unreadable_agreement_hides_no_other_and_the_ledger_is_told_once(world: World, tmp_path: Path) -> None:
    changed = _under_a_new_policy(world, tmp_path / "governance", immediate=False)
    (changed.work.places.published / f"{ANALYSTS}.json").write_text("{}")
    for _ in range(2):
        found = review_running(changed.work, "a test")
        assert FIFE in {a.request_id for a in found.to_review}
        assert [request_id for request_id, _ in found.unreadable] == [ANALYSTS]
        changed.later(days=1)
    assert len([e for e in changed.ledger("policy.review") if e.subject == FIFE]) == 1
    stricter = _under_a_new_policy(world, tmp_path / "stricter", immediate=True)
    review_running(stricter.work, "a test")
    assert len([e for e in stricter.ledger("policy.stop") if e.subject == FIFE]) == 1


def test_an_immediate_rule_stops_them_at_the_next_gate(world: World, tmp_path: Path) -> None:
    changed = _under_a_new_policy(world, tmp_path / "governance", immediate=True)
    assert FIFE in {a.request_id for a in review_running(changed.work, "a test").to_stop}
    found = changed.run(FIFE)
    assert (found["outcome"], found["gate"]) == (Outcome.STOPPED, "check_approval")
    assert "R3" in found["reason"]
    assert not changed.deliveries()
