"""Encryption and decryption with real keys: in pieces, to several keys, and never half."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from extracts.canonical import digest_bytes, digest_file
from extracts.errors import CheckFailed, TechnicalFailure, UsageError, VerificationFailed
from extracts.handover.decryption import decrypt_file, decrypt_stream, read_identity
from extracts.handover.encryption import AGE_HEADER, check_recipient_key, encrypt
from tests.support.deliveries import NOW, a_delivery, an_age_identity
from tests.support.keys import Keys

SECRET = b"QQ123456C lives at 1 Example Street"


@pytest.fixture
def clear(tmp_path: Path) -> Path:
    path = tmp_path / "clear.parquet"
    path.write_bytes(SECRET * 5000)
    return path


def an_ssh_key(folder: Path, kind: str, passphrase: str = "") -> Path:
    path = folder / f"id_{kind}"
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-f", str(path)], check=True)
    return path


def opened(encrypted: Path, identity: Path) -> bytes:
    out = io.BytesIO()
    with encrypted.open("rb") as stream:
        found, size = decrypt_stream(stream, out, read_identity(identity), encrypted.name)
    assert (found, size) == (digest_bytes(out.getvalue()), len(out.getvalue()))
    return out.getvalue()


def test_each_of_several_keys_opens_the_file_and_no_other_does(tmp_path: Path, clear: Path) -> None:
    age_key = an_age_identity(tmp_path / "age.txt")
    ed25519, rsa = an_ssh_key(tmp_path, "ed25519"), an_ssh_key(tmp_path, "rsa")
    keys = [age_key, ed25519.with_suffix(".pub").read_text(), rsa.with_suffix(".pub").read_text()]
    made = encrypt(clear, tmp_path / "x.age", keys, clear_sha256=digest_file(clear))
    for identity in (tmp_path / "age.txt", ed25519, rsa):
        assert opened(made.path, identity) == clear.read_bytes()
    an_age_identity(tmp_path / "stranger.txt")
    with pytest.raises(VerificationFailed, match="is not encrypted to the identity"):
        opened(made.path, tmp_path / "stranger.txt")


def test_what_is_reported_is_what_lies_on_the_disk(tmp_path: Path, clear: Path) -> None:
    made = encrypt(clear, tmp_path / "x.age", [an_age_identity(tmp_path / "i")], clear_sha256=digest_file(clear))
    assert (made.sha256, made.bytes) == (digest_file(made.path), made.path.stat().st_size)
    assert (made.clear_sha256, made.clear_bytes) == (digest_file(clear), clear.stat().st_size)
    assert made.path.read_bytes().startswith(AGE_HEADER)
    assert SECRET not in made.path.read_bytes()
    assert made.path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_changed_since_its_inspection_is_not_encrypted(tmp_path: Path, clear: Path) -> None:
    inspected = digest_file(clear)
    clear.write_bytes(clear.read_bytes() + b"one row more")
    with pytest.raises(CheckFailed, match="no longer the file that was inspected"):
        encrypt(clear, tmp_path / "x.age", [an_age_identity(tmp_path / "i")], clear_sha256=inspected)
    assert not list(tmp_path.glob("*x.age*"))


@pytest.mark.parametrize("kind", ["ecdsa"])
def test_a_key_that_age_cannot_encrypt_to_is_refused_by_kind(tmp_path: Path, clear: Path, kind: str) -> None:
    public = an_ssh_key(tmp_path, kind).with_suffix(".pub").read_text()
    with pytest.raises(UsageError, match="ecdsa-sha2-nistp256"):
        encrypt(clear, tmp_path / "x.age", [public], clear_sha256=digest_file(clear))
    assert not list(tmp_path.glob("*x.age*"))


@pytest.mark.parametrize("key", ["", "age1notakey", "AGE-SECRET-KEY-1QQQQ", "ssh-ed25519 AAAA", "-----BEGIN OPENSSH"])
def test_what_is_no_public_key_is_refused_and_never_repeated(key: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_recipient_key(key)
    assert "SECRET" not in str(caught.value)


def test_without_a_key_nothing_is_encrypted(tmp_path: Path, clear: Path) -> None:
    with pytest.raises(UsageError, match="no key to encrypt to"):
        encrypt(clear, tmp_path / "x.age", [], clear_sha256=digest_file(clear))


def test_a_clear_file_that_is_gone_is_a_technical_failure(tmp_path: Path) -> None:
    with pytest.raises(TechnicalFailure, match="ENOENT"):
        encrypt(tmp_path / "none", tmp_path / "x.age", [an_age_identity(tmp_path / "i")], clear_sha256="")


# --- identities -------------------------------------------------------------------------------------------------------


def test_a_key_with_a_passphrase_cannot_decrypt_and_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="protected by a passphrase"):
        read_identity(an_ssh_key(tmp_path, "ed25519", "a passphrase"))


@pytest.mark.parametrize("content", [b"", b"# a comment\n", b"not a key", b"\xff\xfe", b"-----BEGIN nonsense-----"])
def test_what_is_no_identity_is_refused_and_never_repeated(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "identity").write_bytes(content)
    with pytest.raises(UsageError) as caught:
        read_identity(tmp_path / "identity")
    assert "nonsense" not in str(caught.value)


def test_an_identity_prints_no_secret(tmp_path: Path) -> None:
    an_age_identity(tmp_path / "i.txt")
    assert repr(read_identity(tmp_path / "i.txt")) == "Identity(i.txt)"


def test_an_identity_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_identity(tmp_path / "none")


# --- decryption onto the disk ---------------------------------------------------------------------------------------


def test_a_clear_file_appears_whole_or_not_at_all(tmp_path: Path, clear: Path) -> None:
    made = encrypt(clear, tmp_path / "x.age", [an_age_identity(tmp_path / "i")], clear_sha256=digest_file(clear))
    identity = read_identity(tmp_path / "i")
    target = tmp_path / "out.parquet"
    decrypt_file(made.path, target, identity, made.clear_sha256)
    assert target.read_bytes() == clear.read_bytes()
    assert target.stat().st_mode & 0o777 == 0o600
    with pytest.raises(UsageError, match="is not overwritten"):
        decrypt_file(made.path, target, identity, made.clear_sha256)
    target.unlink()
    with pytest.raises(VerificationFailed, match="another file than the one that was signed"):
        decrypt_file(made.path, target, identity, "sha256:" + "0" * 64)
    assert not list(tmp_path.glob("*out.parquet*"))


@pytest.mark.parametrize("how", ["cut", "longer", "flipped", "empty", "clear"])
def test_a_damaged_file_leaves_nothing_behind(tmp_path: Path, clear: Path, how: str) -> None:
    made = encrypt(clear, tmp_path / "x.age", [an_age_identity(tmp_path / "i")], clear_sha256=digest_file(clear))
    data = made.path.read_bytes()
    middle = len(data) // 2
    changed = {
        "cut": data[:-70_000],
        "longer": data + b"x",
        "flipped": data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :],
        "empty": b"",
        "clear": clear.read_bytes(),
    }[how]
    made.path.write_bytes(changed)
    with pytest.raises(VerificationFailed, match="cannot be decrypted"):
        decrypt_file(made.path, tmp_path / "out.parquet", read_identity(tmp_path / "i"), made.clear_sha256)
    assert not list(tmp_path.glob("*out.parquet*"))


FULL = """
import resource, sys
from pathlib import Path
from extracts.canonical import digest_file
from extracts.errors import DiskFull
from extracts.handover.decryption import decrypt_file, read_identity
from extracts.handover.encryption import encrypt
clear, encrypted, identity, key, target = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
for attempt in (
    lambda: encrypt(Path(clear), Path(target), [key], clear_sha256=digest_file(Path(clear))),
    lambda: decrypt_file(Path(encrypted), Path(target), read_identity(Path(identity)), digest_file(Path(clear))),
):
    try:
        attempt()
    except DiskFull as error:
        print(error.message)
"""


def test_a_disk_without_space_is_told_apart_and_left_clean(tmp_path: Path, clear: Path) -> None:
    key = an_age_identity(tmp_path / "i")
    made = encrypt(clear, tmp_path / "x.age", [key], clear_sha256=digest_file(clear))
    arguments = [str(clear), str(made.path), str(tmp_path / "i"), key, str(tmp_path / "target")]
    done = subprocess.run([sys.executable, "-c", FULL, *arguments], capture_output=True, text=True)
    assert done.stdout.splitlines() == ["No space is left to write target (EFBIG)."] * 2, done.stderr
    assert not list(tmp_path.glob("*target*"))


# --- memory -----------------------------------------------------------------------------------------------------------

LARGE = 200 << 20
MEASURED = """
import resource, sys
from datetime import datetime
from pathlib import Path
from extracts.canonical import digest_file
from extracts.handover.encryption import encrypt
from extracts.handover.verify import verify_delivery
what, folder = sys.argv[1], Path(sys.argv[2])
if what == "encrypt":
    import pyrage
    key = str(pyrage.x25519.Identity.generate().to_public())
    encrypt(folder / "large", folder / "large.age", [key], clear_sha256=digest_file(folder / "large"))
else:
    signers, identity, now = Path(sys.argv[3]), Path(sys.argv[4]), datetime.fromisoformat(sys.argv[5])
    found = verify_delivery(folder, signers, now, identity)
    assert any("same SHA-256" in str(f) for f in found.checked), found.sentences()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def peak_mb(*arguments: str) -> int:
    done = subprocess.run([sys.executable, "-c", MEASURED, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_encryption_takes_no_more_memory_for_a_large_file(tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.touch()
    os.truncate(large, 1 << 20)
    small_peak = peak_mb("encrypt", str(tmp_path))
    os.truncate(large, LARGE)
    assert peak_mb("encrypt", str(tmp_path)) < small_peak + 20


def test_verification_opens_a_large_file_in_little_memory(tmp_path: Path, keys: Keys) -> None:
    peaks = {}
    for name, size in (("small", 1 << 20), ("large", LARGE)):
        made = a_delivery(tmp_path / name, keys, clear=bytes(size))
        arguments = [made.folder, keys.allowed_signers, made.identity, NOW.isoformat()]
        peaks[name] = peak_mb("verify", *map(str, arguments))
    assert peaks["large"] < peaks["small"] + 40
