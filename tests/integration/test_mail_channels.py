"""The channels that notices go by: a folder, and a real mail server on this machine."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from extracts.errors import ChannelUnreachable, NoticeNotTaken, SettingMissing
from extracts.mail.channel import Letter
from extracts.mail.folder import FolderChannel
from extracts.mail.smtp import Security, SmtpChannel, message
from tests.support.mail_server import MailServer, certificate, running

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
A_LETTER = Letter("0" * 32, "board.chair@dwp.example", "SDDSB-2026-014: you are awaited", "It waits for you.\n– B", AT)
SECRET = "zzsecretzz"


def a_channel(server: MailServer, **changes: Any) -> SmtpChannel:
    return SmtpChannel(**({"host": "127.0.0.1", "port": server.port, "sender": "notices@dwp.example"} | changes))


def a_password(folder: Path, mode: int = 0o600, text: str = f"{SECRET}\n") -> Path:
    path = folder / "password"
    path.write_text(text)
    path.chmod(mode)
    return path


def send(channel: SmtpChannel, *letters: Letter) -> None:
    with channel.open() as opened:
        for letter in letters:
            opened.send(letter)


# --- mail -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
def test_a_mail_goes_under_tls_with_a_password_that_nobody_sees(tmp_path: Path, security: Security) -> None:
    context, known_by = certificate(tmp_path)
    with running(MailServer(context, security is Security.TLS, ("notices", SECRET))) as server:
        channel = a_channel(server, security=security, ca_file=known_by, user="notices")
        send(replace(channel, password_file=a_password(tmp_path)), A_LETTER)
    (mail,) = server.mails
    assert (mail["To"], mail["Subject"]) == (A_LETTER.to, A_LETTER.subject)
    assert mail.get_content().split() == A_LETTER.body.split()
    assert mail["Auto-Submitted"] == "auto-generated"
    clear = b"".join(server.in_clear)
    assert b"MAIL" not in clear
    assert b"AUTH" not in clear
    assert SECRET not in repr(channel)


def test_the_message_id_is_the_same_for_the_same_notice_and_address_and_for_no_other() -> None:
    sender = "notices@dwp.example"
    ids = {
        message(letter, sender)["Message-ID"]
        for letter in (A_LETTER, replace(A_LETTER, to="Board.Chair@DWP.example"), A_LETTER)
    }
    assert len(ids) == 1
    assert message(replace(A_LETTER, to="controller@dwp.example"), sender)["Message-ID"] not in ids
    assert message(replace(A_LETTER, id="1" * 32), sender)["Message-ID"] not in ids


def test_a_server_that_offers_no_tls_gets_nothing(tmp_path: Path) -> None:
    with running(MailServer()) as server, pytest.raises(ChannelUnreachable, match="SMTPNotSupportedError"):
        send(a_channel(server), A_LETTER)
    assert not server.mails


def test_a_server_whose_certificate_nobody_knows_gets_nothing(tmp_path: Path) -> None:
    context, _ = certificate(tmp_path)
    with running(MailServer(context)) as server, pytest.raises(ChannelUnreachable, match="SSLCertVerificationError"):
        send(a_channel(server), A_LETTER)
    assert not server.mails


def test_without_tls_mail_goes_to_this_machine_only_and_without_a_password(tmp_path: Path) -> None:
    with running(MailServer()) as server:
        plain = a_channel(server, security=Security.NONE)
        send(plain, A_LETTER)
        assert len(server.mails) == 1
        for wrong in ({"host": "mail.example"}, {"user": "notices", "password_file": a_password(tmp_path)}):
            with pytest.raises(SettingMissing, match="this machine only"):
                send(replace(plain, **wrong), A_LETTER)


def test_a_wrong_password_is_told_without_a_word_of_it(tmp_path: Path) -> None:
    context, known_by = certificate(tmp_path)
    with running(MailServer(context, login=("notices", "another"))) as server:
        channel = a_channel(server, ca_file=known_by, user="notices", password_file=a_password(tmp_path))
        with pytest.raises(ChannelUnreachable, match="code 535") as caught:
            send(channel, A_LETTER)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("mode", "text", "why"),
    [(0o640, SECRET, "can be read by others"), (0o600, " \n", "is empty"), (0o600, None, "cannot be read")],
)
def test_a_password_file_that_is_open_empty_or_missing_stops_before_anything_is_sent(
    tmp_path: Path, mode: int, text: str | None, why: str
) -> None:
    file = a_password(tmp_path, mode, text) if text is not None else tmp_path / "nowhere"
    with running(MailServer()) as server, pytest.raises(SettingMissing, match=why):
        send(a_channel(server, user="notices", password_file=file), A_LETTER)
    assert not server.in_clear


@pytest.mark.parametrize("changes", [{"user": "notices"}, {"host": ""}, {"sender": ""}])
def test_half_of_the_settings_are_not_enough(changes: dict[str, str]) -> None:
    with pytest.raises(SettingMissing):
        a_channel(MailServer(port=25), **changes).check()


def test_an_address_that_is_refused_leaves_the_others_alone(tmp_path: Path) -> None:
    with running(MailServer(refuse={A_LETTER.to})) as server:
        other = replace(A_LETTER, to="controller@dwp.example")
        with a_channel(server, security=Security.NONE).open() as opened:
            with pytest.raises(NoticeNotTaken, match=r"\(code 550\)") as caught:
                opened.send(A_LETTER)
            opened.send(other)
    assert server.to == [other.to]
    assert A_LETTER.to not in str(caught.value)


def test_a_server_that_hangs_up_or_is_not_there_is_told_apart_from_one_that_refuses() -> None:
    with running(MailServer(hang_up=True)) as server, pytest.raises(ChannelUnreachable):
        send(a_channel(server, security=Security.NONE), A_LETTER)
    with pytest.raises(ChannelUnreachable, match="ConnectionRefusedError"):
        send(a_channel(server, security=Security.NONE), A_LETTER)


def test_a_line_break_in_a_subject_or_address_makes_no_header() -> None:
    for changed in ({"subject": "a\nBcc: x@y.example"}, {"to": "a@b.example\nBcc: x@y.example"}):
        with pytest.raises(ValueError):
            message(replace(A_LETTER, **changed), "notices@dwp.example")


# --- folder -----------------------------------------------------------------------------------------------------------


def test_a_notice_is_one_file_however_often_it_is_sent(tmp_path: Path) -> None:
    channel = FolderChannel(tmp_path / "a" / "notices")
    for _ in range(2):
        with channel.open() as opened:
            opened.send(A_LETTER)
    (file,) = channel.folder.iterdir()
    assert file.read_text() == (
        "To: board.chair@dwp.example\nDate: 2026-11-23 12:00 UTC\nSubject: SDDSB-2026-014: you are awaited\n\n"
        "It waits for you.\n– B\n"
    )
    assert file.stat().st_mode & 0o007 == 0


def test_a_folder_that_cannot_be_written_is_told_with_its_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(ChannelUnreachable, match="EXTRACTS_NOTICES_FOLDER"), FolderChannel(tmp_path / "file").open():
        pass


def test_a_file_that_could_not_be_finished_is_not_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    channel = FolderChannel(tmp_path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ChannelUnreachable, match="errno 28"), channel.open() as opened:
        opened.send(A_LETTER)
    assert not list(tmp_path.glob("*.txt"))
