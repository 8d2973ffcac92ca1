"""Logs in to the server of an SFTP transfer area, and puts whatever goes wrong there into our words.

Rules:
1. The server is who its pinned host key says, or nothing is sent to it. No key is ever learnt; no agent is asked, and
   no file of the account that runs this (~/.ssh) is read.
2. Errors of library and network are caught here, `from None`: their texts may repeat what a server said.
"""

from __future__ import annotations

import os
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from extracts.errors import DropZoneUnreachable, HostKeyRefused, SettingMissing
from extracts.handover.dropzone.sftp_address import SftpAddress

if TYPE_CHECKING:
    import asyncssh

T = TypeVar("T")
_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes256-ctr")
_WORDS = {2: "no such file", 3: "permission denied", 4: "failure", 8: "not supported"}
_PIN = "If its operator changed the key and confirms that by a second channel, put the new line into the file."


class Cut(Exception):
    """The connection was lost, or the server does not answer."""


class Missing(Exception):
    """There is nothing under this name."""


class Declined(Exception):
    """The server would not. `code` as in the protocol (SSH_FX_...)."""

    def __init__(self, code: int) -> None:
        super().__init__(f"SFTP status {code}, {_WORDS.get(code, 'other')}")
        self.code = code


@contextmanager
def area_errors(address: SftpAddress) -> Iterator[None]:
    """Turns what the server would not do into DropZoneUnreachable. Cut passes: whoever can goes on after it."""
    try:
        yield
    except Declined as error:
        raise unreachable(address, str(error)) from None
    except Missing:
        raise unreachable(address, "it lacks a folder that it should have") from None


def unreachable(address: SftpAddress, why: str) -> DropZoneUnreachable:
    """The error of an area that cannot be used now."""
    return DropZoneUnreachable(
        f"The transfer area {address} cannot be reached or written ({why}).",
        advice="Is the address right, and its server up? Run it again; if it stays so, ask the area's operator.",
    )


async def connect(address: SftpAddress, seconds: float) -> tuple[asyncssh.SSHClientConnection, asyncssh.SFTPClient]:
    """A connection that is logged in, and its SFTP client. `seconds`: for reaching it, and again for logging in."""
    import asyncssh

    asyncssh.set_log_level("WARNING")
    connection = await asyncssh.connect(
        address.host,
        address.port,
        username=address.user,
        config=None,
        known_hosts=_pinned(address),
        client_keys=[_key(address)],
        agent_path=None,
        preferred_auth="publickey",
        encryption_algs=_CIPHERS,
        compression_algs=["none"],
        connect_timeout=seconds,
        login_timeout=seconds,
        keepalive_interval=15,
        keepalive_count_max=4,
    )
    try:
        return connection, await connection.start_sftp_client()
    except BaseException:
        connection.abort()
        raise


async def close(connection: asyncssh.SSHClientConnection) -> None:
    """Ends it at once: whatever mattered was acknowledged."""
    connection.abort()
    await connection.wait_closed()


async def in_our_words(what: Coroutine[Any, Any, T], address: SftpAddress) -> T:
    """The result of `what`. Raises Cut, Missing, Declined, HostKeyRefused, DropZoneUnreachable."""
    import asyncssh

    try:
        return await what
    except (asyncssh.HostKeyNotVerifiable, asyncssh.KeyExchangeFailed):
        what_happened = f"{address.host} port {address.port} did not show a host key that is pinned for it."
        raise HostKeyRefused(
            f"{what_happened} Nothing was sent.", advice=f"Pinned keys: {address.known_hosts}. {_PIN}"
        ) from None
    except asyncssh.PermissionDenied:
        raise DropZoneUnreachable(
            f"{address} does not let {address.user} log in with the key {address.key.name}.",
            advice="Ask the area's operator whether the public key is there, and the account not locked.",
        ) from None
    except (asyncssh.SFTPNoConnection, asyncssh.SFTPConnectionLost):
        raise Cut("connection lost") from None
    except asyncssh.SFTPNoSuchFile:
        raise Missing from None
    except asyncssh.SFTPError as error:
        raise Declined(error.code) from None
    except (asyncssh.Error, OSError, TimeoutError) as error:
        raise Cut(type(error).__name__) from None


def _pinned(address: SftpAddress) -> asyncssh.SSHKnownHosts:
    import asyncssh

    try:
        return asyncssh.read_known_hosts(str(address.known_hosts))
    except (OSError, ValueError):
        raise SettingMissing(
            f"The pinned host keys {address.known_hosts} cannot be read.",
            advice=f"Set {address.pins_from} to a known_hosts file; the area's operator tells its line.",
        ) from None


def _key(address: SftpAddress) -> asyncssh.SSHKey:
    import asyncssh

    try:
        exposed = os.name == "posix" and address.key.stat().st_mode & 0o077
        key = asyncssh.read_private_key(str(address.key))
    except (OSError, ValueError):
        raise SettingMissing(
            f"{address.key} is no private SSH key that can be read here.",
            advice=f"Set {address.key_from} to a key of this account, without a passphrase, mode 0600.",
        ) from None
    if exposed:
        raise SettingMissing(f"{address.key} can be read by others.", advice=f"chmod 600 {address.key}")
    return key
