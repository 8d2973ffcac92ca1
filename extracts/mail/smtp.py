"""Notices by mail, with the standard library.

Rules:
1. TLS by default, with the server's certificate checked. Without TLS only to this very machine, and then no password
   is sent.
2. The password is read from a file (0600) when it is needed, and is in no setting, message or log.
3. Each mail goes to one address and has a Message-ID made from the notice's id and the address: a mail that is sent
   again because nobody could note that it went is recognised as the same one.
4. A refusal of one letter leaves the others alone; a connection that is lost ends this round.
"""

from __future__ import annotations

import hashlib
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime
from enum import StrEnum
from pathlib import Path

from extracts.errors import ChannelUnreachable, NoticeNotTaken, SettingMissing
from extracts.mail.channel import Letter

_TIMEOUT_S = 20
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Security(StrEnum):
    """How the connection is protected: upgraded at once, from the first byte, or (on this machine alone) not."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


@dataclass(frozen=True)
class SmtpChannel:
    """A mail server. `ca_file`: certificates to trust in place of the system's."""

    host: str
    port: int
    sender: str
    security: Security = Security.STARTTLS
    user: str = ""
    password_file: Path | None = None
    ca_file: Path | None = None
    name: str = "smtp"

    @contextmanager
    def open(self) -> Iterator[OpenSmtp]:
        """A connection, signed in. Raises ChannelUnreachable; SettingMissing for a password that cannot be read."""
        self.check()
        password = self._password()
        try:
            server = self._connected()
        except OSError as error:  # every SMTPException is one
            raise _away(error) from None
        try:
            if self.user:
                self._sign_in(server, password)
            yield OpenSmtp(server, self.sender)
        finally:
            with suppress(OSError):
                server.quit()

    def check(self) -> None:
        """Raises SettingMissing for what cannot be used safely, and for a password file that others can read."""
        if not self.host or not self.sender:
            raise SettingMissing("Mail needs EXTRACTS_SMTP_HOST and EXTRACTS_SMTP_FROM.")
        if self.security is Security.NONE and (self.host not in _LOOPBACK or self.user):
            raise SettingMissing(
                "Without TLS, mail goes to this machine only, and without a password.",
                advice="Set EXTRACTS_SMTP_SECURITY to starttls or tls.",
            )
        if bool(self.user) != bool(self.password_file):
            raise SettingMissing("EXTRACTS_SMTP_USER and EXTRACTS_SMTP_PASSWORD_FILE go together.")
        self._password()

    def _password(self) -> str:
        if self.password_file is None:
            return ""
        try:
            exposed = self.password_file.stat().st_mode & 0o077
            text = self.password_file.read_text().strip()
        except (OSError, UnicodeDecodeError):
            raise SettingMissing("The file of EXTRACTS_SMTP_PASSWORD_FILE cannot be read.") from None
        if exposed:
            raise SettingMissing("The mail server's password can be read by others.", advice="chmod 600 its file.")
        if not text:
            raise SettingMissing("The file of EXTRACTS_SMTP_PASSWORD_FILE is empty.")
        return text

    def _connected(self) -> smtplib.SMTP:
        if self.security is Security.NONE:
            return smtplib.SMTP(self.host, self.port, timeout=_TIMEOUT_S)
        context = ssl.create_default_context(cafile=str(self.ca_file) if self.ca_file else None)
        if self.security is Security.TLS:
            return smtplib.SMTP_SSL(self.host, self.port, timeout=_TIMEOUT_S, context=context)
        server = smtplib.SMTP(self.host, self.port, timeout=_TIMEOUT_S)
        try:
            server.starttls(context=context)  # raises if the server offers none: nothing is sent in the clear
        except BaseException:
            server.close()
            raise
        return server

    def _sign_in(self, server: smtplib.SMTP, password: str) -> None:
        try:
            server.login(self.user, password)
        except OSError as error:
            raise _away(error) from None


@dataclass(frozen=True)
class OpenSmtp:
    """A connection that is ready."""

    server: smtplib.SMTP
    sender: str

    def send(self, letter: Letter) -> None:
        """One mail. Raises NoticeNotTaken if the server refuses it, ChannelUnreachable if the connection is lost."""
        try:
            self.server.send_message(message(letter, self.sender))
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError) as error:
            raise _not_taken(error) from None
        except OSError as error:  # every other SMTPException is one
            raise _away(error) from None


def message(letter: Letter, sender: str) -> EmailMessage:
    """The mail: plain text, one address, a Message-ID that is the same whenever it is sent."""
    domain = sender.rpartition("@")[2]
    to = hashlib.sha256(letter.to.lower().encode()).hexdigest()[:12]
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, letter.to, letter.subject
    mail["Date"] = format_datetime(letter.written_at)
    mail["Message-ID"] = f"<notice.{letter.id}.{to}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(letter.body)
    return mail


def _not_taken(error: smtplib.SMTPRecipientsRefused | smtplib.SMTPDataError) -> NoticeNotTaken:
    refused = error.recipients.values() if isinstance(error, smtplib.SMTPRecipientsRefused) else []
    code = next((code for code, _ in refused), _code(error))
    return NoticeNotTaken(f"The mail server did not take this notice (code {code}).")


def _away(error: Exception) -> ChannelUnreachable:
    return ChannelUnreachable(
        f"The mail server cannot be used ({type(error).__name__}, code {_code(error)}).",
        advice="See EXTRACTS_SMTP_HOST, _PORT, _SECURITY and _USER; the notices wait.",
    )


def _code(error: Exception) -> object:
    return getattr(error, "smtp_code", None) or getattr(error, "errno", None) or "none"
