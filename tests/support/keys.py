"""SSH keys for tests, and the allowed_signers file that says who may sign as what with them.

One person or service per role, each with an ed25519 key of their own. `stranger` is listed nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from extracts import signing

ROLES = {
    "board": (signing.DECISION_BOARD,),
    "controller": (signing.DECISION_CONTROLLER, signing.ORDER),
    "service": (signing.MANIFEST, signing.INDEX, signing.PAGE, signing.NO_DELIVERY),
    "recipient": (signing.RECEIPT, signing.DESTROYED),
    "requester": (),
    "stranger": (),
}


@dataclass(frozen=True)
class Keys:
    """Private keys at `folder`/<role>, public ones beside them, and `allowed_signers`."""

    folder: Path

    @property
    def allowed_signers(self) -> Path:
        """The verifier's pinned list; every namespace is there with its `-test` twin."""
        return self.folder / "allowed_signers"

    def private(self, role: str) -> Path:
        """The private key of a role, or of a person added by `add`."""
        return self.folder / role

    def public(self, role: str) -> str:
        """The text of the public key."""
        return (self.folder / f"{role}.pub").read_text()

    def principal(self, role: str) -> str:
        """Under which name the role stands in allowed_signers."""
        return f"{role}@example.test"

    def sign(self, data: bytes, role: str, namespace: str) -> str:
        """The armoured signature of a role."""
        return signing.sign(data, self.private(role), namespace)

    def add(self, name: str, *namespaces: str, after: datetime | None = None, before: datetime | None = None) -> None:
        """Makes a key for one more person (unless there is one) and lists it, perhaps for a limited time."""
        if not self.private(name).exists():
            signing.generate_key(self.private(name), self.principal(name))
        both = [*namespaces, *(signing.test_namespace(n) for n in namespaces)]
        with self.allowed_signers.open("a") as listed:
            if both:
                listed.write(signing.allowed_signers_line(self.principal(name), self.public(name), both, after, before))


def make_keys(folder: Path) -> Keys:
    """A key for every role of `ROLES`, in `folder`."""
    keys = Keys(folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for role, namespaces in ROLES.items():
        keys.add(role, *namespaces)
    return keys
