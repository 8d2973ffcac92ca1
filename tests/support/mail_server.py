"""A real, small mail server on 127.0.0.1: keeps what it is sent, and can refuse, want a password, or hang up."""

from __future__ import annotations

import base64
import contextlib
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import Any


@dataclass
class MailServer:
    """What it does and what it got. `implicit`: TLS from the first byte; `login`: the one user and password."""

    tls: ssl.SSLContext | None = None
    implicit: bool = False
    login: tuple[str, str] | None = None
    refuse: set[str] = field(default_factory=set)
    hang_up: bool = False
    hang_up_after_taking: bool = False
    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    to: list[str] = field(default_factory=list)
    in_clear: list[bytes] = field(default_factory=list)


class _Talk(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        with contextlib.suppress(OSError, ssl.SSLError):
            self._talk(self.server.mail)  # type: ignore[attr-defined]

    def _talk(self, mail: MailServer) -> None:
        self.secure = False
        if mail.hang_up:
            return
        if mail.implicit:
            self._upgrade(mail)
        self._say("220 ready")
        signed_in, rcpt = mail.login is None, ""
        while line := self.rfile.readline():
            if not self.secure:
                mail.in_clear.append(line)
            word, _, rest = line.decode().strip().partition(" ")
            match word.upper():
                case "EHLO" | "HELO":
                    offers = ["250-here"]
                    offers += ["250-STARTTLS"] if mail.tls and not self.secure else []
                    offers += ["250-AUTH PLAIN"] if mail.login else []
                    self._say("\r\n".join([*offers, "250 8BITMIME"]))
                case "STARTTLS":
                    self._say("220 go")
                    self._upgrade(mail)
                case "AUTH":
                    given = base64.b64decode(rest.split()[1]).decode().split("\0")[1:]
                    signed_in = mail.login == tuple(given)
                    self._say("235 in" if signed_in else "535 5.7.8 password zzsecretzz is wrong")
                case "MAIL":
                    self._say("250 ok" if signed_in else "530 sign in first")
                case "RCPT":
                    rcpt = rest.partition("<")[2].partition(">")[0]
                    self._say("550 5.1.1 no such person" if rcpt in mail.refuse else "250 ok")
                case "DATA":
                    self._say("354 go on")
                    lines = []
                    while (text := self.rfile.readline()) != b".\r\n":
                        lines.append(text.removeprefix(b"."))
                    mail.mails.append(message_from_bytes(b"".join(lines), policy=policy.default))
                    mail.to.append(rcpt)
                    if mail.hang_up_after_taking:
                        return
                    self._say("250 taken")
                case "QUIT":
                    self._say("221 bye")
                    return
                case _:
                    self._say("250 ok")

    def _upgrade(self, mail: MailServer) -> None:
        assert mail.tls
        self.request: Any = mail.tls.wrap_socket(self.request, server_side=True)
        self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", 0)
        self.secure = True

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@contextmanager
def running(mail: MailServer) -> Iterator[MailServer]:
    """The server, on a free port, until the end of the block."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Talk) as server:
        server.daemon_threads = True
        server.mail = mail  # type: ignore[attr-defined]
        mail.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield mail
        finally:
            server.shutdown()
            thread.join()


def certificate(folder: Path, name: str = "127.0.0.1") -> tuple[ssl.SSLContext, Path]:
    """A certificate of its own making for this machine: what the server shows, and the file by which it is known."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail.example")])
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ip_address(name))])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(alternative, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "mail.pem", folder / "mail.key"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    private.write_bytes(key.private_bytes(*form))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return context, public
