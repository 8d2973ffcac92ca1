"""Where the private half of a signing key may be: in a file, or in an agent that the signer started."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from extracts import signing
from extracts.errors import TechnicalFailure

WHO = "board.chair@dwp.example"


@pytest.fixture
def agent() -> Iterator[Path]:
    """The socket of a real SSH agent, ended afterwards; in a short path, as sockets need."""
    with TemporaryDirectory() as folder:
        socket = Path(folder, "agent")
        process = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL)
        try:
            for _ in range(200):
                if socket.exists():
                    break
                time.sleep(0.05)
            yield socket
        finally:
            process.terminate()
            process.wait(timeout=10)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    signing.generate_key(tmp_path / "key", WHO)
    return tmp_path / "key"


def public(key: Path) -> Path:
    return key.with_name("key.pub")


def test_a_key_in_an_agent_signs_with_its_public_half_named(
    agent: Path, key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(["ssh-add", "-q", str(key)], check=True, env={**os.environ, "SSH_AUTH_SOCK": str(agent)})
    key.unlink()
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with pytest.raises(TechnicalFailure, match="ssh-keygen failed while signing") as caught:
        signing.sign(b"terms", public(key), signing.DECISION_BOARD)
    assert "agent" in caught.value.advice
    monkeypatch.setenv("SSH_AUTH_SOCK", str(agent))
    signature = signing.sign(b"terms", public(key), signing.DECISION_BOARD)
    listed = tmp_path / "allowed_signers"
    listed.write_text(signing.allowed_signers_line(WHO, public(key).read_text(), [signing.DECISION_BOARD]))
    assert signing.verify(b"terms", signature, signing.DECISION_BOARD, listed, datetime.now(UTC)).principal == WHO


def a_program(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "ssh-keygen").write_text(f"#!/bin/sh\n{text}\n")
    (folder / "ssh-keygen").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_only_signing_sees_the_signers_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_program(tmp_path, f"env > {tmp_path}/seen; exit 1", monkeypatch)
    for name in ("SSH_AUTH_SOCK", "SSH_SK_PROVIDER", "SSH_ASKPASS", "DISPLAY", "EXTRACTS_REGISTER_URL"):
        monkeypatch.setenv(name, "mine")
    for does, names in (
        (lambda: signing.sign(b"", tmp_path / "key", signing.ORDER), 4),
        (lambda: signing.key_fingerprint(tmp_path / "key.pub"), 0),
    ):
        with pytest.raises(TechnicalFailure):
            does()
        seen = (tmp_path / "seen").read_text()
        assert seen.count("=mine") == names
        assert "EXTRACTS" not in seen


def test_a_key_that_nobody_touches_is_told_and_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_program(tmp_path, "exec sleep 5", monkeypatch)
    monkeypatch.setattr(signing, "_PATIENCE_SECONDS", 0.2)
    with pytest.raises(TechnicalFailure, match="did not answer"):
        signing.sign(b"", tmp_path / "key", signing.ORDER)
