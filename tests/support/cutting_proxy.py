"""A TCP proxy on 127.0.0.1 that cuts its connections, hard, when so many bytes have passed one way."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

_HARD = struct.pack("ii", 1, 0)  # no lingering: what was under way is lost


class CuttingProxy:
    """`up` counts what goes to the server; `cuts`: totals over all connections at which the one under way is cut."""

    def __init__(self, server_port: int, cuts: Sequence[int], up: bool = True) -> None:
        self._server_port, self._left, self._up = server_port, sorted(cuts), up
        self._passed, self.cut_at = 0, list[int]()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def passed(self) -> int:
        """The bytes so far."""
        return self._passed

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                client = self._listener.accept()[0]
                server = socket.create_connection(("127.0.0.1", self._server_port))
            except OSError:
                return
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for source, target, counted in ((client, server, self._up), (server, client, not self._up)):
                threading.Thread(target=self._pass_on, args=(source, target, counted), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        try:
            while data := source.recv(16384):
                target.sendall(data)
                if counted and self._is_time(len(data)):
                    break
        except OSError:
            pass
        for end in (source, target):
            _cut(end)

    def _is_time(self, size: int) -> bool:
        with self._lock:
            self._passed += size
            if not self._left or self._passed < self._left[0]:
                return False
            self.cut_at.append(self._left.pop(0))
            return True


def _cut(end: socket.socket) -> None:
    try:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _HARD)
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    end.close()


@contextmanager
def cutting(server_port: int, cuts: Sequence[int], up: bool = True) -> Iterator[CuttingProxy]:
    """A proxy, while the block lasts."""
    proxy = CuttingProxy(server_port, cuts, up)
    try:
        yield proxy
    finally:
        proxy.close()
