"""Who takes part: organisations, recipients and their keys, people and their roles, delegations, gateways."""

from __future__ import annotations

import base64
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from extracts import signing
from extracts.catalogue.forms import clean_text
from extracts.catalogue.gateways import GatewayStatus, parse_gateways
from extracts.catalogue.parties import Parties, parse_parties, with_keys
from extracts.catalogue.people import Role
from extracts.catalogue.recipient_keys import KeyUse, RecipientKey, read_key, uses_of
from extracts.documents import Document, read
from extracts.errors import InvalidDocument
from tests.support.builders import EXAMPLES, the_parties

GOVERNANCE = EXAMPLES / "governance"
AGE = "age1" + "q" * 58


def ssh_key(kind: str = "ssh-ed25519") -> str:
    blob = len(kind).to_bytes(4, "big") + kind.encode() + b"\x00\x00\x00\x20" + b"k" * 32
    return f"{kind} {base64.b64encode(blob).decode()} somebody@somewhere"


def parties_with(name: str, edit: Any) -> Parties:
    documents = {n: read(GOVERNANCE / f"{n}.yaml") for n in ("parties", "gateways", "delegations")}
    edit(documents[name].value)
    return parse_parties(*documents.values())


# --- the sample files -----------------------------------------------------------------------------------------------


def test_the_sample_files_declare_who_the_sample_requests_need() -> None:
    parties = the_parties()
    assert {"social-security-scotland", "fife-council", "scottish-government-analysts"} <= set(parties.recipients)
    assert parties.versions == {"parties": "2026-01", "gateways": "2026-01", "delegations": "2026-01"}
    assert parties.organisation_of(parties.recipients["fife-council"]).name == "Fife Council"


def test_no_gateway_permits_domestic_abuse_safeguarding_by_a_recurring_extract() -> None:
    for gateway in the_parties().gateways.values():
        permits = "domestic-abuse-safeguarding" in gateway.purposes()
        assert not (permits and gateway.recurring), gateway.id
    assert "domestic-abuse-safeguarding" in the_parties().gateways["welfare-reform-act-2012-s131"].prohibited


def test_what_no_lawyer_confirmed_carries_nothing() -> None:
    for gateway in the_parties().gateways.values():
        assert gateway.is_in_force(date(2026, 11, 23)) == (gateway.status is GatewayStatus.CONFIRMED)


# --- people ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["board.chair@dwp.example", "BOARD.CHAIR@DWP.EXAMPLE", "board", " Board "])
def test_a_person_is_found_by_every_name_they_have(name: str) -> None:
    assert the_parties().person(name) == "Bhavna Boardchair"


def test_an_unknown_name_is_a_person_of_its_own() -> None:
    assert the_parties().person("Somebody") == "somebody"


def test_a_role_lasts_from_its_first_day_to_its_last() -> None:
    def limited(value: dict[str, Any]) -> None:
        value["principals"][3]["roles"] = [{"role": "board", "valid_from": "2026-02-01", "valid_until": "2026-03-01"}]

    principal = parties_with("parties", limited).principals["board.chair@dwp.example"]
    held = [principal.has_role(Role.BOARD, date(2026, m, d)) for m, d in ((1, 31), (2, 1), (3, 1), (3, 2))]
    assert held == [False, True, True, False]
    assert not principal.has_role(Role.CONTROLLER, date(2026, 2, 2))


# --- faults in the files --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "edit", "why"),
    [
        ("parties", lambda v: v["recipients"][0].update(organisation="acme"), "'acme' is not declared"),
        ("parties", lambda v: v["principals"][0].update(organisation="acme"), "'acme' is not declared"),
        ("parties", lambda v: v["recipients"][1].update(id="social-security-scotland"), "declared twice"),
        ("parties", lambda v: v["recipients"][1].update(folder="social-security-scotland"), "declared twice"),
        ("parties", lambda v: v["recipients"][1].update(folder="../other"), "right shape"),
        ("parties", lambda v: v["principals"][1].update(usernames=["AILEEN"]), "declared twice"),
        ("parties", lambda v: v["principals"][0]["roles"][0].update(role="king"), "not one of the words"),
        ("parties", lambda v: v["recipients"][0].update(status="friendly"), "Allowed: confirmed, suspended"),
        ("parties", lambda v: v["recipients"][0].update(colour="red"), "no field has this name"),
        ("gateways", lambda v: v["gateways"][0]["permits"][0].update(purposes=["fun"]), "'fun' is not declared"),
        ("gateways", lambda v: v["gateways"][0].update(prohibited={"fun": "no"}), "'fun' is not declared"),
        ("gateways", lambda v: v["gateways"].append(v["gateways"][0]), "declared twice"),
        ("gateways", lambda v: v["gateways"][0]["permits"][0].update(receiver=["friends"]), "not one of the words"),
        (
            "delegations",
            lambda v: v["delegations"][0].update(holder="nobody@dwp.example"),
            "not declared as a principal",
        ),
        ("delegations", lambda v: v["delegations"][0].update(valid_until="soon"), "2026-11-23"),
    ],
)
def test_a_fault_in_a_governance_file_is_told(name: str, edit: Any, why: str) -> None:
    with pytest.raises(InvalidDocument, match=why):
        parties_with(name, edit)


def test_a_fault_has_its_line() -> None:
    document = read(GOVERNANCE / "gateways.yaml")
    document.value["gateways"][1]["permits"][0]["purposes"] = ["fun"]
    with pytest.raises(InvalidDocument) as caught:
        parse_gateways(document)
    problem = caught.value.problems[0]
    assert problem.line is not None
    text = (GOVERNANCE / "gateways.yaml").read_text().splitlines()[problem.line - 1]
    assert "welfare-reform-act-2012-s131" in text


def test_an_empty_parties_file_is_told_what_is_missing() -> None:
    gateways, delegations = read(GOVERNANCE / "gateways.yaml"), read(GOVERNANCE / "delegations.yaml")
    with pytest.raises(InvalidDocument, match="organisations: is missing"):
        parse_parties(Document("parties.yaml", {}), gateways, delegations)


# --- keys -----------------------------------------------------------------------------------------------------------


def test_keys_come_from_files_beside_the_list() -> None:
    parties = with_keys(the_parties(), {"fife-council": [ssh_key(), AGE, "", "# a comment"]})
    keys = parties.recipients["fife-council"].keys
    assert [k.public_key.split()[0][:11] for k in keys] == ["ssh-ed25519", "age1qqqqqqq"]
    assert the_parties().recipients["fife-council"].keys == ()
    assert [k.public_key for k in parties.recipients["fife-council"].keys_for(KeyUse.RECEIPT)] == [keys[0].public_key]


def test_a_key_is_added_once() -> None:
    once = with_keys(the_parties(), {"fife-council": [AGE, AGE]})
    again = with_keys(once, {"fife-council": [AGE]})
    assert len(again.recipients["fife-council"].keys) == 1


def test_keys_of_an_undeclared_recipient_are_refused() -> None:
    with pytest.raises(InvalidDocument, match="not declared"):
        with_keys(the_parties(), {"acme": [AGE]})


@pytest.mark.parametrize(
    "line",
    [
        "",
        "age1short",
        "AGE-SECRET-KEY-1QQQQ",
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        "ssh-ed25519 AAAB",
        "ssh-dss AAAAB3Nz",
    ],
)
def test_what_is_no_public_key_is_refused_and_not_repeated(line: str) -> None:
    with pytest.raises(InvalidDocument, match=r"is no public key|damaged SSH public key") as caught:
        read_key(line, "fife-council")
    assert not line or line not in str(caught.value)


def test_a_key_of_one_kind_under_the_name_of_another_is_refused() -> None:
    with pytest.raises(InvalidDocument):
        read_key(ssh_key("ssh-rsa").replace("ssh-rsa", "ssh-ed25519"), "fife-council")


@pytest.mark.parametrize(
    ("key", "uses"),
    [
        (AGE, {KeyUse.DECRYPT}),
        (ssh_key(), {KeyUse.DECRYPT, KeyUse.RECEIPT, KeyUse.LOGIN}),
        (ssh_key("sk-ssh-ed25519@openssh.com"), {KeyUse.RECEIPT, KeyUse.LOGIN}),
        (ssh_key("ecdsa-sha2-nistp256"), {KeyUse.RECEIPT, KeyUse.LOGIN}),
    ],
)
def test_a_key_serves_only_for_what_its_kind_can_do(key: str, uses: set[KeyUse]) -> None:
    assert set(uses_of(key)) == uses
    assert read_key(key, "x").uses == uses_of(key)


def test_a_hardware_key_cannot_be_declared_for_decryption() -> None:
    with pytest.raises(ValueError, match="cannot serve for: decrypt"):
        RecipientKey(public_key=ssh_key("sk-ssh-ed25519@openssh.com"), uses=(KeyUse.DECRYPT,))


def test_the_fingerprint_is_what_ssh_keygen_prints(tmp_path: Path) -> None:
    signing.generate_key(tmp_path / "key", "recipient@example")
    public = tmp_path / "key.pub"
    assert read_key(public.read_text(), "x").fingerprint == signing.key_fingerprint(public)


def test_a_line_declares_uses_and_days_and_a_key_counts_on_those_days_only() -> None:
    line = f"uses=receipt,login valid-from=2026-03-01 valid-until=2026-11-30 {ssh_key()} a comment"
    parties = with_keys(the_parties(), {"fife-council": [line, AGE]})
    fife = parties.recipients["fife-council"]
    (key, _) = fife.keys
    assert (key.uses, key.valid_until) == ((KeyUse.RECEIPT, KeyUse.LOGIN), date(2026, 11, 30))
    for day, counts in ((date(2026, 2, 28), 0), (date(2026, 3, 1), 1), (date(2026, 11, 30), 1), (date(2026, 12, 1), 0)):
        assert len(fife.keys_for(KeyUse.RECEIPT, day)) == counts
    assert [k.public_key for k in fife.keys_for(KeyUse.DECRYPT, date(2026, 6, 1))] == [AGE]


@pytest.mark.parametrize(
    "front",
    ["uses=everything", "uses=", "valid-from=soon", "valid-from=2026-02-01 valid-until=2026-01-01", "use=login"],
)
def test_what_stands_in_front_of_a_key_is_read_strictly(front: str) -> None:
    refused = front != "uses="  # says nothing, so it is every use that the key can serve
    try:
        assert read_key(f"{front} {ssh_key()}", "x").uses == uses_of(ssh_key())
        assert not refused
    except InvalidDocument:
        assert refused


# --- forms ----------------------------------------------------------------------------------------------------------


def test_text_is_kept_apart_from_spaces_around_and_between() -> None:
    assert clean_text("  a \t b\r\n c \n\n\n d ") == "a b c\n\nd"
    assert clean_text("\n\n") == ""


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\x7f", "\x85", "\u200b", "\u202e", "\ufeff", "\ue000"])
def test_characters_that_cannot_be_seen_are_refused(character: str) -> None:
    with pytest.raises(ValueError, match="invisible"):
        clean_text(f"a{character}b")
