"""One connection to an SFTP server, as plain calls: the library is asynchronous, and nothing else here is.

Rules:
1. A call is answered, or raises Cut: then nobody knows whether it was carried out, and the caller looks again over a
   new connection.
2. What the server says no to is Missing or Declined: its status code, without its text.
"""

from __future__ import annotations

import asyncio
import stat
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from extracts.handover.dropzone.sftp_address import SftpAddress
from extracts.handover.dropzone.sftp_connection import Cut, Declined, Missing, close, connect, in_our_words

if TYPE_CHECKING:
    import asyncssh

T = TypeVar("T")


@dataclass(frozen=True)
class Entry:
    """What lies under a name on the server; links are not followed. `modified`: seconds on the server's clock."""

    mode: int
    size: int
    owner: int
    group: int
    modified: int

    @property
    def is_folder(self) -> bool:
        """A real folder, not a link to one."""
        return stat.S_ISDIR(self.mode)

    @property
    def is_file(self) -> bool:
        """A regular file, not a link to one."""
        return stat.S_ISREG(self.mode)


class Handle:
    """An open file. `seconds` bounds every call."""

    def __init__(self, session: Session, file: asyncssh.SFTPClientFile) -> None:
        self._session, self._file = session, file

    def write(self, data: bytes, offset: int) -> None:
        """All of `data`, acknowledged by the server."""
        self._session.call(self._file.write(data, offset))

    def read(self, size: int, offset: int) -> bytes:
        """Up to `size` bytes; none at the end."""
        return cast(bytes, self._session.call(self._file.read(size, offset)))

    def sync(self) -> None:
        """The server has written it to its disk, if it can say so."""
        try:
            self._session.call(self._file.fsync())
        except Declined as error:
            if error.code != 8:
                raise


class Session:
    """A connection, while the `with` block lasts. Raises Cut, HostKeyRefused, DropZoneUnreachable, SettingMissing."""

    def __init__(self, address: SftpAddress, seconds: float = 60.0) -> None:
        self._address, self._seconds = address, seconds

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        # A cut ends many requests at once; the call that waited for them tells of it, the others would fill the log.
        self._loop.set_exception_handler(lambda *_: None)
        self._thread = threading.Thread(target=self._loop.run_forever, name="sftp", daemon=True)
        self._thread.start()
        try:
            self._connection, self._client = self.call(connect(self._address, self._seconds))
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.call(close(self._connection))
        except Cut:
            pass
        finally:
            self._stop()

    def call(self, what: Coroutine[Any, Any, T]) -> T:
        """The result of `what`, in this connection's own thread. Raises Cut, Missing, Declined."""
        future = asyncio.run_coroutine_threadsafe(in_our_words(what, self._address), self._loop)
        try:
            return future.result(self._seconds)
        except (TimeoutError, CancelledError):
            future.cancel()
            raise Cut("no answer in time") from None

    # --- names -----------------------------------------------------------------------------------------------------

    def look(self, path: str) -> Entry | None:
        """What lies there, if anything."""
        try:
            return _entry(self.call(self._client.lstat(path)))
        except Missing:
            return None

    def listing(self, path: str, at_most: int = 100_000) -> dict[str, Entry]:
        """Name -> what it is. Of a larger folder, the first that the server names. Raises Missing."""
        return self.call(_listing(self._client, path, at_most))

    def make_folder(self, path: str, mode: int) -> None:
        """A folder; one that is there stays as it is."""
        import asyncssh

        try:
            self.call(self._client.mkdir(path, asyncssh.SFTPAttrs(permissions=mode)))
        except Declined:
            found = self.look(path)
            if found is None or not found.is_folder:
                raise

    def rename(self, path: str, target: str) -> None:
        """In one act. A file takes the place of another; a folder takes no place but that of an empty one."""
        self.call(self._client.posix_rename(path, target))

    def place(self, path: str, target: str) -> None:
        """A rename where nothing is yet, which is all that a recipient may do. Raises Declined if something is."""
        self.call(self._client.rename(path, target))

    def give_to_group(self, path: str, group: int, mode: int) -> None:
        """The group, and then the mode: changing the group may drop bits of it."""
        found = self.look(path)
        if found is not None and found.group != group:
            self.call(self._client.chown(path, uid=found.owner, gid=group))
        self.call(self._client.chmod(path, mode))

    def set_time(self, path: str, seconds: float) -> None:
        """When it was last modified. Raises Missing."""
        self.call(self._client.utime(path, (seconds, seconds)))

    def remove(self, path: str) -> None:
        """A file or link, if it is there."""
        try:
            self.call(self._client.remove(path))
        except Missing:
            return

    def remove_folder(self, path: str) -> None:
        """A folder of ours with all that is in it, if it is there. Links are removed, never followed."""
        try:
            for name, entry in self.listing(path).items():
                (self.remove_folder if entry.is_folder else self.remove)(f"{path}/{name}")
            self.call(self._client.rmdir(path))
        except Missing:
            return

    def free_bytes(self, path: str) -> int | None:
        """What an ordinary account may still write there, if the server says so."""
        try:
            found = self.call(self._client.statvfs(path))
        except (Declined, Missing):
            return None
        return int(found.bavail * found.frsize)

    # --- bytes -----------------------------------------------------------------------------------------------------

    @contextmanager
    def reading(self, path: str) -> Iterator[Handle]:
        """An existing file. Raises Missing."""
        import asyncssh

        with self._open(path, asyncssh.FXF_READ, 0) as handle:
            yield handle

    @contextmanager
    def writing(self, path: str, mode: int, *, afresh: bool) -> Iterator[Handle]:
        """A file; `afresh`: a new one in place of what is there, else the one that is there."""
        import asyncssh

        flags = asyncssh.FXF_WRITE | ((asyncssh.FXF_CREAT | asyncssh.FXF_TRUNC) if afresh else 0)
        with self._open(path, flags, mode) as handle:
            yield handle

    def read(self, path: str, at_most: int) -> bytes | None:
        """The first bytes of a file; None if there is none."""
        try:
            with self.reading(path) as handle:
                return handle.read(at_most, 0)
        except Missing:
            return None

    @contextmanager
    def _open(self, path: str, flags: int, mode: int) -> Iterator[Handle]:
        import asyncssh

        attributes = asyncssh.SFTPAttrs(permissions=mode) if mode else asyncssh.SFTPAttrs()
        file = self.call(_opened(self._client, path, flags, attributes))
        yield Handle(self, file)
        self.call(file.close())

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _opened(
    client: asyncssh.SFTPClient, path: str, flags: int, attributes: asyncssh.SFTPAttrs
) -> asyncssh.SFTPClientFile:
    return await client.open(path, flags, attributes, encoding=None)


async def _listing(client: asyncssh.SFTPClient, path: str, at_most: int) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    async for name in client.scandir(path):
        if name.filename not in (".", ".."):
            found[str(name.filename)] = _entry(name.attrs)
        if len(found) >= at_most:
            break
    return found


def _entry(found: asyncssh.SFTPAttrs) -> Entry:
    return Entry(found.permissions or 0, found.size or 0, found.uid or 0, found.gid or 0, int(found.mtime or 0))
