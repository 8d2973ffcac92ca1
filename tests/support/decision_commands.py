"""Requests and decisions through the command line, as people make them."""

from __future__ import annotations

from pathlib import Path

from extracts import signing
from extracts.local.world import review_all
from extracts.settings import PROJECT
from tests.support.command_line import Said, extracts
from tests.support.world import World

DEFAULTS = ("--outcome", "approve", "--reasons", "Lawful, proportionate and the best source.")


def submit(
    world: World,
    folder: Path,
    number: int,
    sample: str = "fife-benefit-cap",
    as_user: str = "",
    reviewed: bool = True,
) -> str:
    """A new request like a sample one, its reviews answered, waiting for a decision."""
    text = (PROJECT / "examples" / "requests" / f"{sample}.yaml").read_text()
    old = next(line.split()[1] for line in text.splitlines() if line.startswith("request_id:"))
    request_id = f"SDDSB-2026-{number}"
    (folder / "request.yaml").write_text(text.replace(old, request_id))
    assert extracts(world, "request", "submit", folder / "request.yaml", "--as-user", as_user).code == 0
    if reviewed and sample != "refused-bank-details":
        review_all(world.work, request_id)
    return request_id


def decide(world: World, request_id: str, role: str, key: Path, *more: str) -> Said:
    return extracts(world, "decide", request_id, "--as", role, "--key", key, *(more or DEFAULTS))


def made_key(world: World, name: str, line: str = "") -> Path:
    """A new signing key; listed in allowed_signers by `line`, in which {key} becomes the public key."""
    key = world.home.home / "people" / name
    signing.generate_key(key, name)
    public = " ".join(key.with_name(f"{name}.pub").read_text().split()[:2])
    if line:
        with world.home.people.allowed_signers.open("a") as listed:
            listed.write(line.replace("{key}", public) + "\n")
    return key
