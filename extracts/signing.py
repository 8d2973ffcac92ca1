"""SSH signatures, made and judged by `ssh-keygen -Y` itself.

Rules:
1. Every signature has a namespace that says for which role and document it counts: one made for a receipt can never
   serve as a decision. Rehearsals and demos sign in the `-test` twin.
2. Who may sign as what, from when until when, is one `allowed_signers` file (ssh-keygen(1), ALLOWED SIGNERS). The
   verifier's own pinned copy is the root of trust, never one that came with what is verified.
3. A signature is judged at the time that the ledger recorded (`-Overify-time`): dates inside documents can be
   backdated, and a key that has expired since does not unsign what it signed.
4. A verified signature names its principal; callers compare principals and key fingerprints, never file names.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from extracts.errors import SignatureInvalid, SignerUnknown, TechnicalFailure

DECISION_BOARD = "extract-decision-board"
DECISION_CONTROLLER = "extract-decision-controller"
ORDER = "extract-order"
MANIFEST = "extract-manifest"
INDEX = "extract-index"
PAGE = "extract-page"
NO_DELIVERY = "extract-no-delivery"
RECEIPT = "extract-receipt"
DESTROYED = "extract-destroyed"
_PATIENCE_SECONDS = 60
# What programs of Windows cannot start without.
_SYSTEMS_OWN = ("SYSTEMROOT", "SYSTEMDRIVE", "USERPROFILE", "TEMP", "TMP")
# Where a signer's key is, if it is in no file: their agent, their hardware key, and the windows that ask about both.
_SIGNERS_OWN = ("SSH_AUTH_SOCK", "SSH_SK_PROVIDER", "SSH_ASKPASS", "SSH_ASKPASS_REQUIRE", "DISPLAY")
NAMESPACES = (DECISION_BOARD, DECISION_CONTROLLER, ORDER, MANIFEST, INDEX, PAGE, NO_DELIVERY, RECEIPT, DESTROYED)


@dataclass(frozen=True)
class Signature:
    """A verified signature: who (principal in `allowed_signers`), as what (namespace), with which key (SHA256:...)."""

    principal: str
    namespace: str
    key_fingerprint: str


def test_namespace(namespace: str) -> str:
    """The twin in which rehearsals and demos sign."""
    return f"{namespace}-test"


def generate_key(path: Path, comment: str) -> None:
    """A new unencrypted ed25519 key pair at `path` (0600) and `path`.pub: for services and demos, not for deciders."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)], b"", f"making key {path.name}"
    )


def sign(data: bytes, key: Path, namespace: str) -> str:
    """The armoured signature over `data`. `key`: a private key, or a .pub whose private half the signer's agent has.

    Raises TechnicalFailure if ssh-keygen cannot use the key.
    """
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "document")
        target.write_bytes(data)
        _run(
            ["ssh-keygen", "-q", "-Y", "sign", "-f", str(key), "-n", namespace, str(target)],
            b"",
            f"signing as {namespace}",
            _SIGNERS_OWN,
        )
        return target.with_suffix(".sig").read_bytes().decode()


def verify(
    data: bytes, signature: str, namespace: str, allowed_signers: Path, at: datetime, principal: str = ""
) -> Signature:
    """Who signed `data` in `namespace`, judged at time `at` (aware). Raises SignatureInvalid, saying why.

    `principal`: who must have signed; without one, whoever the list says has this key.

    The checks are ssh-keygen's own: the key is listed for a principal, the namespace is allowed to it, `at` lies
    within its validity, and the signature is over these bytes.
    """
    when = at.astimezone(UTC).strftime("%Y%m%d%H%M%SZ")
    with tempfile.TemporaryDirectory() as folder:
        sig = Path(folder, "sig")
        sig.write_bytes(signature.encode())
        principal = principal or _principal(sig, namespace, allowed_signers, when)
        done = _ssh_keygen(
            [
                "-Y",
                "verify",
                "-f",
                str(allowed_signers),
                "-I",
                principal,
                "-n",
                namespace,
                "-s",
                str(sig),
                f"-Overify-time={when}",
            ],
            data,
        )
        if done.returncode != 0:
            raise SignatureInvalid(
                f"The {namespace} signature by {principal} does not verify: "
                "other bytes were signed, or in another namespace.",
                advice="Ask the signer to sign the document as it is now.",
            )
        return Signature(principal, namespace, _fingerprint(done.stdout.decode(errors="replace")))


def key_fingerprint(public_key: Path) -> str:
    """`SHA256:...` of a public key file."""
    out = _run(["ssh-keygen", "-l", "-E", "sha256", "-f", str(public_key)], b"", "reading a public key")
    return out.decode().split()[1]


def allowed_signers_line(
    principal: str,
    public_key: str,
    namespaces: list[str],
    valid_after: datetime | None = None,
    valid_before: datetime | None = None,
) -> str:
    """One line of an allowed_signers file. `public_key` is the text of a .pub file; times are written in UTC."""
    options = [f'namespaces="{",".join(namespaces)}"']
    if valid_after:
        options.append(f'valid-after="{valid_after.astimezone(UTC):%Y%m%d%H%M%SZ}"')
    if valid_before:
        options.append(f'valid-before="{valid_before.astimezone(UTC):%Y%m%d%H%M%SZ}"')
    kind, key = public_key.split()[:2]
    return f"{principal} {','.join(options)} {kind} {key}\n"


def openssh_version() -> tuple[int, int]:
    """The installed OpenSSH's major and minor version. Raises TechnicalFailure."""
    try:
        done = subprocess.run(["ssh", "-V"], capture_output=True, check=False, timeout=_PATIENCE_SECONDS)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        raise TechnicalFailure("ssh is not installed.", advice="Install the OpenSSH client.") from None
    found = re.search(rb"OpenSSH_([0-9]+)\.([0-9]+)", done.stderr + done.stdout)
    if found is None:
        raise TechnicalFailure("The installed ssh is not OpenSSH.", advice="Install the OpenSSH client.")
    return int(found[1]), int(found[2])


def _principal(sig: Path, namespace: str, allowed_signers: Path, when: str) -> str:
    done = _ssh_keygen(
        ["-Y", "find-principals", "-s", str(sig), "-f", str(allowed_signers), f"-Overify-time={when}"], b""
    )
    found = done.stdout.decode(errors="replace").split()
    if done.returncode != 0 or not found:
        raise SignerUnknown(
            f"The {namespace} signature is by a key that {allowed_signers.name} does not list as valid at {when}.",
            advice="Only listed signers count; ask the keeper of the allowed_signers file.",
        )
    return found[0]


def _fingerprint(verified: str) -> str:
    return next((word for word in verified.split() if word.startswith("SHA256:")), "")


def _ssh_keygen(
    arguments: list[str], data: bytes, passed_on: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[bytes]:
    environment = {**_environment(), **{name: os.environ[name] for name in passed_on if name in os.environ}}
    command = ["ssh-keygen", *arguments]
    try:
        return subprocess.run(
            command, input=data, capture_output=True, check=False, env=environment, timeout=_PATIENCE_SECONDS
        )
    except FileNotFoundError:
        raise TechnicalFailure("ssh-keygen is not installed.", advice="Install the OpenSSH client.") from None
    except subprocess.TimeoutExpired:
        raise TechnicalFailure(
            f"ssh-keygen did not answer within {_PATIENCE_SECONDS} seconds.",
            advice="Does a key wait to be touched, or an agent for an answer? Try again.",
        ) from None


def _run(command: list[str], data: bytes, doing: str, passed_on: tuple[str, ...] = ()) -> bytes:
    done = _ssh_keygen(command[1:], data, passed_on)
    if done.returncode != 0:
        raise TechnicalFailure(
            f"ssh-keygen failed while {doing} (exit {done.returncode}).",
            advice="Is the key there, readable, and mode 0600? Of a .pub: is it in your agent (`ssh-add -l`)?",
        )
    return done.stdout


def _environment() -> dict[str, str]:
    # UTC, so that times in allowed_signers and verify-time mean the same on every machine.
    system = {name: os.environ[name] for name in _SYSTEMS_OWN if name in os.environ}
    return {"PATH": os.environ.get("PATH", os.defpath), "TZ": "UTC", "HOME": os.environ.get("HOME", "/"), **system}
