"""The made-up people of the demo: fresh keys for the two deciders, the service, the recipients and the recovery.

In production nobody does this for others: people make and keep their own keys, and the keeper of `allowed_signers`
lists them after checking by a second channel.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from extracts import signing
from extracts.errors import TechnicalFailure
from extracts.local.passwords import write_secret

BOARD = "board.chair@dwp.example"
CONTROLLER = "controller@dwp.example"
SERVICE = "extracts-service@dwp.example"
RECIPIENTS = (
    *("social-security-scotland", "fife-council", "scottish-government-analysts"),
    *("city-of-edinburgh-council", "stirling-council"),
)
_SIGNERS = {
    BOARD: (signing.DECISION_BOARD, signing.ORDER),
    CONTROLLER: (signing.DECISION_CONTROLLER, signing.ORDER),
    SERVICE: (
        *(signing.MANIFEST, signing.INDEX, signing.PAGE, signing.NO_DELIVERY),
        *(signing.test_namespace(signing.MANIFEST), signing.test_namespace(signing.INDEX)),
    ),
}


@dataclass(frozen=True)
class People:
    """Where the demo's keys lie. Private keys are 0600 in 0700 folders below EXTRACTS_HOME."""

    home: Path

    @property
    def allowed_signers(self) -> Path:
        """Who may sign as what; what a recipient would pin."""
        return self.home / "trust" / "allowed_signers"

    @property
    def recovery_identity(self) -> Path:
        """The controller's recovery key, kept off the workers in real life."""
        return self.home / "people" / "recovery.key"

    def key(self, principal: str) -> Path:
        """The private signing key of a person or service."""
        return self.home / "people" / principal.replace("@", "_at_")

    def identity(self, recipient: str) -> Path:
        """The private age key of a recipient."""
        return self.home / "people" / f"{recipient}.age-key"

    def receipt_key(self, recipient: str) -> Path:
        """The private SSH key by which a recipient signs receipts."""
        return self.home / "people" / f"{recipient}.receipt-key"

    def make(self) -> str:
        """Make every key that is missing; the public recovery key."""
        (self.home / "trust" / "recipients").mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.home / "people").mkdir(mode=0o700, exist_ok=True)
        for principal in _SIGNERS:
            _make_pair(self.key(principal), principal)
        self.allowed_signers.write_text("".join(self._line(p, n) for p, n in _SIGNERS.items()))
        for recipient in RECIPIENTS:
            public = age_key(self.identity(recipient))
            _make_pair(self.receipt_key(recipient), recipient)
            signs = self.receipt_key(recipient).with_suffix(".receipt-key.pub").read_text()
            lines = f"{public}\nuses=receipt,login {signs}"
            (self.home / "trust" / "recipients" / f"{recipient}.pub").write_text(lines)
        return age_key(self.recovery_identity)

    def _line(self, principal: str, namespaces: tuple[str, ...]) -> str:
        public = self.key(principal).with_name(self.key(principal).name + ".pub").read_text()
        return signing.allowed_signers_line(principal, public, list(namespaces))


def _make_pair(key: Path, comment: str) -> None:
    """The SSH key pair, made if missing. The private half comes last: where it is, the public one is."""
    if key.exists():
        return
    made, public = key.with_name(key.name + ".new"), key.with_name(key.name + ".new.pub")
    for half in (made, public):
        half.unlink(missing_ok=True)
    signing.generate_key(made, comment)
    public.rename(key.with_name(key.name + ".pub"))
    made.rename(key)


def age_key(path: Path) -> str:
    """The public half of the age key at `path`, made if missing."""
    from pyrage import x25519

    if not path.exists():
        write_secret(path, f"{x25519.Identity.generate()}\n")
    try:
        return str(x25519.Identity.from_str(path.read_text().strip()).to_public())
    except Exception as error:
        raise TechnicalFailure(f"The age key {path.name} cannot be read ({type(error).__name__}).") from None
