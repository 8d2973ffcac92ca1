"""Whatever a recipient is refused says in plain English what to do and whom to ask: all of it, gone over by tables."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from extracts import errors
from extracts.agreement.no_delivery import WORDS
from extracts.agreement.notices import TELLINGS, WHOM_TO_ASK, Audience, NoticeKind, Telling, notices
from extracts.errors import ExtractsError, UsageError, VerificationFailed
from extracts.handover import asking
from extracts.handover.findings import Verification, checked, failed
from extracts.handover.receipt_rules import OBJECTIONS, Objection
from extracts.settings import PROJECT

# All that `collect`, `attest-destroyed` and `verify` are made of.
SOURCES = (
    *sorted((PROJECT / "extracts" / "handover").rglob("*.py")),
    *(PROJECT / "extracts" / name for name in ("signing.py", "cli/collect.py", "cli/verify.py")),
)
CLASSES = {n for n, c in vars(errors).items() if isinstance(c, type) and issubclass(c, ExtractsError)}
# It says field by field what is wrong; whoever reads a recipient's files turns it into an error that says what to do.
CLASSES -= {"InvalidDocument"}
INTERNALS = re.compile(r"register|ledger|\bDAG\b|Airflow|SQL|sha256sum failed|traceback|exception|stderr", re.I)
DOES = re.compile(
    r"\b(ask|tell|collect|run|use|set|give|make|compare|destroy|delete|sign|write|read|report|install|name|move|free|put|try"
    r"|start|see|keep|wait|add|chmod|export|is it|is there|does)\b",
    re.I,
)


def refusals() -> Iterator[tuple[str, ast.Call]]:
    """Every place at which an error is made, by file and line."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CLASSES:
                yield f"{path.relative_to(PROJECT)}:{node.lineno}", node


REFUSALS = dict(refusals())


def test_there_are_refusals_to_go_over() -> None:
    assert len(REFUSALS) > 60


@pytest.mark.parametrize("place", REFUSALS)
def test_every_refusal_says_what_to_do(place: str) -> None:
    (advice,) = [k.value for k in REFUSALS[place].keywords if k.arg == "advice"] or [None]
    assert advice is not None, "an error without advice leaves its recipient alone"
    texts = [n.value for n in ast.walk(advice) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    names = [n for n in ast.walk(advice) if isinstance(n, ast.Name | ast.Attribute)]
    assert names or DOES.search(" ".join(texts)), texts


def test_whom_to_ask_is_added_once_to_all_but_slips_of_the_keyboard() -> None:
    with pytest.raises(VerificationFailed) as refused, asking.telling_whom_to_ask(), asking.telling_whom_to_ask():
        raise VerificationFailed("It differs.", advice="Use nothing of it.")
    assert str(refused.value) == f"It differs. Use nothing of it. {asking.WHOM_TO_ASK}"
    assert asking.in_full(VerificationFailed("It differs.")).endswith(asking.WHOM_TO_ASK)
    with pytest.raises(UsageError) as slip, asking.telling_whom_to_ask():
        raise UsageError("No such time.", advice="Write it like this.")
    assert str(slip.value) == "No such time. Write it like this."


@pytest.mark.parametrize("path", ["cli/collect.py", "cli/verify.py"])
def test_every_command_of_a_recipient_says_whom_to_ask(path: str) -> None:
    """What they call of the handover is called within the block that adds it, or told in full."""
    text = (PROJECT / "extracts" / path).read_text()
    for call in ("find_waiting(", "attest(source", "verify_all("):
        before, found, _ = text.partition(f" {call}")
        assert not found or "with telling_whom_to_ask():" in before[-260:], call
    assert "collect" not in path or "in_full(error)" in text


def test_a_verification_that_fails_says_what_to_do_and_whom_to_ask_and_one_that_holds_does_not() -> None:
    bad = Verification("X", (failed("was changed", "plan.json"),)).sentences()
    assert "open nothing" in bad[-1]
    assert asking.WHOM_TO_ASK in bad[-1]
    assert asking.WHOM_TO_ASK not in " ".join(Verification("X", (checked("holds"),)).sentences())


@pytest.mark.parametrize("objection", Objection)
def test_every_refused_receipt_says_what_to_do(objection: Objection) -> None:
    words = OBJECTIONS[objection]
    assert re.search(
        r"Sign it|Write it|nothing more|tell the contact|Read the id|Do not use|Collect|Set your|Run `", words
    )
    assert not INTERNALS.search(words)
    facts = {"about": "", "digest": "sha256:0", "why": words}
    (theirs,) = notices(NoticeKind.RECEIPT_REFUSED, "SDDSB-2026-021", 1, "c", (Audience.RECIPIENT,), **facts)
    assert words in theirs.body
    assert theirs.body.endswith(WHOM_TO_ASK)


TO_RECIPIENTS = {kind: t for kind, t in TELLINGS.items() if Audience.RECIPIENT in t.audiences}
# What a recipient can type; all other commands are for whoever has the register.
THEIRS = {"extracts collect", "extracts verify", "extracts attest-destroyed"}


@pytest.mark.parametrize("kind", TO_RECIPIENTS)
def test_every_notice_to_a_recipient_says_what_to_do_whom_to_ask_and_no_command_that_is_not_theirs(
    kind: NoticeKind,
) -> None:
    telling: Telling = TO_RECIPIENTS[kind]
    words = telling.words(Audience.RECIPIENT)
    assert words.endswith(WHOM_TO_ASK)
    assert set(re.findall(r"`(extracts [a-z-]+)", words)) <= THEIRS
    told = words.removesuffix(WHOM_TO_ASK)
    # {then}, {do} and {why} are said by the tables that fill them in, which are gone over here as well.
    assert re.search(r"`extracts|README\.txt|\{then\}|\{do\}|\{why\}|ask ", told), told
    assert not INTERNALS.search(told)


def test_others_are_told_in_their_own_words() -> None:
    for telling in TELLINGS.values():
        assert telling.words(Audience.ENGINEER) == telling.body


@pytest.mark.parametrize("reason", WORDS)
def test_every_reason_for_no_delivery_says_what_to_do_and_names_nothing_internal(reason: str) -> None:
    words = WORDS[reason]  # type: ignore[index]
    assert re.search(r"Nothing is needed|Ask the contact|Collect|Destroy", words.do)
    assert not INTERNALS.search(f"{words.why} {words.do}")


def test_what_was_taken_back_says_what_then() -> None:
    from extracts.steps import taking_back

    for then in (taking_back._ASK_AGAIN, taking_back._DESTROY):
        assert re.search(r"ask the contact|destroys it", then)
