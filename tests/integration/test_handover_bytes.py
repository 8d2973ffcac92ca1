"""Any changed byte in any file of a delivery is found, and the file is named; by hand and by `extracts verify`."""

from __future__ import annotations

import base64
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extracts import signing
from extracts.canonical import digest_bytes, digest_file
from extracts.handover.armour import is_exact_armour
from extracts.handover.findings import Finding
from extracts.handover.manifest import read_manifest
from extracts.handover.reading import Contents, read_contents
from extracts.handover.receipt import ReceiptResult, read_receipt, receipt_for
from extracts.handover.trust import DeliveryRules
from extracts.handover.verify import judge_by, verify_delivery
from tests.support.deliveries import NOW, MadeDelivery, a_delivery
from tests.support.keys import Keys

FILES = (
    "README.txt",
    "SHA256SUMS",
    "contract.yaml",
    "decision.board.sig",
    "decision.controller.sig",
    "decision.json",
    "manifest.json",
    "manifest.json.sig",
    "openlineage.json",
    "pension_credit_award.parquet.age",
    "plan.json",
)
SHA256SUMS_DOES_NOT_LIST_ITSELF = {"SHA256SUMS"}


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory, keys: Keys) -> MadeDelivery:
    return a_delivery(tmp_path_factory.mktemp("bytes"), keys)


@pytest.fixture
def copy(delivery: MadeDelivery, tmp_path: Path) -> Path:
    return Path(shutil.copytree(delivery.folder, tmp_path / delivery.folder.name))


@pytest.fixture(scope="module")
def judged(delivery: MadeDelivery, keys: Keys) -> Callable[[str, bytes], list[Finding]]:
    """The rules applied to the delivery with other bytes in one file. ssh-keygen judges each signature once."""
    contents = read_contents(delivery.folder)
    judge = cache(judge_by(keys.allowed_signers))
    whole = {p.name: p.read_bytes() for p in delivery.folder.iterdir()}

    def failures(name: str, data: bytes) -> list[Finding]:
        documents = {**contents.documents, name: data} if name in contents.documents else contents.documents
        changed = Contents({**contents.digests, name: digest_bytes(data)}, documents, {})
        rules = DeliveryRules(changed, judge, NOW)
        rules.apply()
        return [f for f in rules.findings if f.result.value == "failed"]

    assert not failures("README.txt", whole["README.txt"])
    return failures


@pytest.mark.parametrize("name", FILES)
def test_every_flipped_byte_is_found_and_its_file_named(
    delivery: MadeDelivery, judged: Callable[[str, bytes], list[Finding]], name: str
) -> None:
    data = (delivery.folder / name).read_bytes()
    step = 1 if len(data) < 1000 else max(1, len(data) // 300)
    for at in range(0, len(data), step):
        changed = bytes([*data[:at], data[at] ^ (1 << at % 8), *data[at + 1 :]])
        found = judged(name, changed)
        assert found, f"byte {at} of {name}"
        assert name in {f.file for f in found}, f"byte {at} of {name}: {found}"


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("how", ["first", "middle", "last", "cut", "longer", "empty"])
def test_a_changed_file_on_the_disk_is_named(copy: Path, keys: Keys, name: str, how: str) -> None:
    path = copy / name
    data = path.read_bytes()
    at = {"first": 0, "middle": len(data) // 2, "last": len(data) - 1}.get(how, 0)
    flipped = bytes([*data[:at], data[at] ^ 1, *data[at + 1 :]])
    path.write_bytes({"cut": data[:-1], "longer": data + b"\n", "empty": b""}.get(how, flipped))
    found = verify_delivery(copy, keys.allowed_signers, NOW)
    assert not found.passed
    assert name in {f.file for f in found.failed}


@settings(max_examples=150, deadline=None)
@given(
    name=st.sampled_from(FILES),
    change=st.data(),
)
def test_no_other_content_of_a_file_passes(
    delivery: MadeDelivery, judged: Callable[[str, bytes], list[Finding]], name: str, change: st.DataObject
) -> None:
    data = (delivery.folder / name).read_bytes()
    start = change.draw(st.integers(0, len(data)))
    end = change.draw(st.integers(start, min(len(data), start + 20)))
    changed = data[:start] + change.draw(st.binary(max_size=20)) + data[end:]
    assert bool(judged(name, changed)) == (changed != data)


# --- signature files: many texts, one signature ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "rewrite",
    [
        lambda text: text + "\n",
        lambda text: text + "and more\n",
        lambda text: text.replace("\n", "\r\n"),
        lambda text: _rewrapped(text, 76),
        lambda text: _rewrapped(text, 60),
    ],
    ids=["blank line", "text after it", "other line ends", "longer lines", "shorter lines"],
)
def test_a_signature_file_that_ssh_keygen_still_accepts_is_named_when_changed(
    copy: Path, keys: Keys, rewrite: Callable[[str], str]
) -> None:
    path = copy / "manifest.json.sig"
    text = path.read_text()
    changed = rewrite(text)
    assert changed != text
    path.write_bytes(changed.encode())
    found = verify_delivery(copy, keys.allowed_signers, NOW)
    assert "manifest.json.sig" in {f.file for f in found.failed}


def test_ssh_keygen_really_accepts_such_files(copy: Path, keys: Keys) -> None:
    """Why the exact text is checked at all: without it this change would pass."""
    data = (copy / "manifest.json").read_bytes()
    text = (copy / "manifest.json.sig").read_text()
    for changed in (text + "and more\n", _rewrapped(text, 60)):
        assert signing.verify(data, changed, signing.MANIFEST, keys.allowed_signers, NOW)
        assert not is_exact_armour(changed.encode())
    assert is_exact_armour(text.encode())


@pytest.mark.parametrize("namespace", [signing.RECEIPT, signing.DESTROYED, signing.DECISION_CONTROLLER])
def test_stray_bits_before_the_padding_are_not_the_exact_text(keys: Keys, namespace: str) -> None:
    text = keys.sign(b"document", "service", namespace)
    assert is_exact_armour(text.encode())
    assert "=\n-----END" in text
    assert not is_exact_armour(_stray_bits(text).encode())


@given(st.binary(max_size=60))
def test_any_bytes_in_the_place_of_a_signature_are_judged_and_only_whole_ones_pass(data: bytes) -> None:
    blob = b"SSHSIG\0\0\0\1" + data
    code = base64.b64encode(blob).decode()
    lines = [code[i : i + 70] for i in range(0, len(code), 70)]
    text = "\n".join(["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----", ""])
    assert is_exact_armour(text.encode()) == (data == b"\0" * 20)


def test_a_signature_with_something_in_its_reserved_field_is_not_the_exact_text() -> None:
    """ssh-keygen passes over that field, so anything could be written there."""
    assert is_exact_armour(_armoured(b""))
    assert not is_exact_armour(_armoured(b"anything"))


def _armoured(reserved: bytes) -> bytes:
    fields = (b"key", b"extract-manifest", reserved, b"sha512", b"signature")
    blob = b"SSHSIG\0\0\0\1" + b"".join(len(f).to_bytes(4, "big") + f for f in fields)
    code = base64.b64encode(blob).decode()
    lines = [code[i : i + 70] for i in range(0, len(code), 70)]
    return "\n".join(["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----", ""]).encode()


def _rewrapped(text: str, width: int) -> str:
    begin, *lines, end = text.splitlines()
    code = "".join(lines)
    return "\n".join([begin, *(code[i : i + width] for i in range(0, len(code), width)), end, ""])


def _stray_bits(text: str) -> str:
    """The same bytes in other base64: the last character before the padding carries bits that nobody reads."""
    body, padding, rest = text.rpartition("=\n-----END")
    stem = body.rstrip("=")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = alphabet[alphabet.index(stem[-1]) ^ 1]
    return stem[:-1] + other + body[len(stem) :] + padding + rest


# --- by hand ---------------------------------------------------------------------------------------------------------


def by_hand(folder: Path, keys: Keys, role: str, namespace: str, signature: str, document: str, at: str) -> bool:
    command = ["ssh-keygen", "-Y", "verify", "-f", str(keys.allowed_signers), "-I", keys.principal(role)]
    command += ["-n", namespace, f"-Overify-time={at}", "-s", signature]
    with (folder / document).open("rb") as stream:
        return subprocess.run(command, cwd=folder, stdin=stream, capture_output=True).returncode == 0


def test_ssh_keygen_and_sha256sum_agree(copy: Path, keys: Keys) -> None:
    when = "20261123093000Z"
    assert subprocess.run(["sha256sum", "-c", "--strict", "SHA256SUMS"], cwd=copy, capture_output=True).returncode == 0
    signatures = [
        ("service", signing.MANIFEST, "manifest.json.sig", "manifest.json"),
        ("board", signing.DECISION_BOARD, "decision.board.sig", "decision.json"),
        ("controller", signing.DECISION_CONTROLLER, "decision.controller.sig", "decision.json"),
    ]
    for role, namespace, signature, document in signatures:
        assert by_hand(copy, keys, role, namespace, signature, document, when), signature
        assert not by_hand(copy, keys, role, signing.RECEIPT, signature, document, when), signature
        assert not by_hand(copy, keys, "stranger", namespace, signature, document, when), signature
    (copy / "README.txt").write_text("come here")
    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=copy, capture_output=True, text=True)
    assert "README.txt: FAILED" in done.stdout


def test_the_commands_in_the_readme_work_as_they_stand(copy: Path, keys: Keys) -> None:
    shutil.copy(keys.allowed_signers, copy / "allowed_signers")
    text = (copy / "README.txt").read_text().replace("\\\n", "")
    commands = [line.strip() for line in text.splitlines() if line.strip().startswith(("sha256sum", "ssh-keygen -Y v"))]
    assert len(commands) == 4
    for command in commands:
        done = subprocess.run(["bash", "-c", command], cwd=copy, capture_output=True, text=True)
        assert done.returncode == 0, (command, done.stderr)


def test_the_receipt_that_the_readme_asks_for_can_be_verified(copy: Path, keys: Keys) -> None:
    text = (copy / "README.txt").read_text().replace("\\\n", "")
    commands = [line.strip() for line in text.splitlines() if line.strip().startswith(("printf", "ssh-keygen -Y s"))]
    assert len(commands) == 2
    before = {p.name: p.read_bytes() for p in copy.iterdir()}
    for command in commands:
        command = command.replace("YOUR_SIGNING_KEY", str(keys.private("recipient")))
        assert subprocess.run(["sh", "-c", command], cwd=copy, capture_output=True).returncode == 0
    written = (copy.parent / f"{copy.name}.receipt.json").read_bytes()
    signature = (copy.parent / f"{copy.name}.receipt.json.sig").read_text()
    signed = signing.verify(written, signature, signing.RECEIPT, keys.allowed_signers, NOW)
    assert signed.principal == keys.principal("recipient")
    manifest, receipt = read_manifest((copy / "manifest.json").read_bytes())[0], read_receipt(written)
    digest = digest_file(copy / "manifest.json")
    assert receipt == receipt_for(manifest, digest, ReceiptResult.DECRYPTED, receipt.at, "by hand")
    assert receipt.text() == written, "the very form that the tool writes"
    assert {p.name: p.read_bytes() for p in copy.iterdir()} == before


def test_a_copy_of_the_folder_under_another_name_still_verifies(copy: Path, keys: Keys) -> None:
    elsewhere = copy.rename(copy.with_name("from the drop zone"))
    assert verify_delivery(elsewhere, keys.allowed_signers, NOW).passed


def test_a_changed_checksum_file_does_not_accuse_the_files_it_lists(
    delivery: MadeDelivery, copy: Path, keys: Keys
) -> None:
    sums = copy / "SHA256SUMS"
    lines = sums.read_text().splitlines(keepends=True)
    sums.write_text("".join(reversed(lines)))
    found = verify_delivery(copy, keys.allowed_signers, NOW)
    assert {f.file for f in found.failed} == SHA256SUMS_DOES_NOT_LIST_ITSELF


def test_a_file_changed_together_with_its_checksum_is_still_found(copy: Path, keys: Keys) -> None:
    readme = copy / "README.txt"
    readme.write_text("come here")
    sums = subprocess.run(
        ["sha256sum", *sorted(p.name for p in copy.iterdir() if p.name != "SHA256SUMS")],
        cwd=copy,
        capture_output=True,
        text=True,
    )
    (copy / "SHA256SUMS").write_text(sums.stdout)
    assert subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=copy, capture_output=True).returncode == 0
    assert "README.txt" in {f.file for f in verify_delivery(copy, keys.allowed_signers, NOW).failed}


@pytest.mark.parametrize("name", ["manifest.json", "manifest.json.sig"])
def test_of_manifest_and_signature_the_changed_one_is_accused(copy: Path, keys: Keys, name: str) -> None:
    path = copy / name
    data = path.read_bytes()
    path.write_bytes(data.replace(b"sample", b"simple") if name == "manifest.json" else _other(data))
    found = verify_delivery(copy, keys.allowed_signers, NOW)
    assert {f.file for f in found.failed} == {name}


def _other(signature: bytes) -> bytes:
    lines = signature.split(b"\n")
    lines[3] = lines[3][:-1] + (b"A" if lines[3][-1:] != b"A" else b"B")
    return b"\n".join(lines)


def test_the_same_delivery_signed_by_another_service_is_refused(tmp_path: Path, keys: Keys, own_keys: Keys) -> None:
    made = a_delivery(tmp_path / "d", own_keys, manifest=lambda m: replace(m, signer=keys.principal("service")))
    assert not verify_delivery(made.folder, keys.allowed_signers, NOW).passed
