"""Settings: where they come from, which one wins, and which are never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from extracts.errors import InvalidDocument, SettingMissing
from extracts.handover.dropzone.sftp_address import SftpAddress
from extracts.settings import SETTINGS, environment, masked, open_to_examine, open_workplace, published_folder


def home(folder: Path, text: str = "", mode: int = 0o600) -> dict[str, str]:
    """An environment whose EXTRACTS_HOME holds a settings file."""
    (folder / "settings.env").write_text(text)
    (folder / "settings.env").chmod(mode)
    return {"EXTRACTS_HOME": str(folder)}


def test_no_secret_has_a_default() -> None:
    assert [s.name for s in SETTINGS if s.secret] == ["EXTRACTS_REGISTER_URL", "EXTRACTS_REGISTER_OWNER_URL"]
    assert not [s.name for s in SETTINGS if s.secret and s.default]


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(tmp_path: Path) -> None:
    given = home(tmp_path, "# a comment\n\nEXTRACTS_THREADS=3\nEXTRACTS_MEMORY_LIMIT_MB=500\n")
    found = environment({**given, "EXTRACTS_THREADS": "4", "PATH": "/bin"})
    assert (found["EXTRACTS_THREADS"], found["EXTRACTS_MEMORY_LIMIT_MB"]) == ("4", "500")
    assert found["EXTRACTS_HOLD_MAX_AGE_HOURS"] == "24"
    assert "PATH" not in found


def test_folders_lie_below_the_home_unless_set(tmp_path: Path) -> None:
    work = open_workplace({**home(tmp_path), "EXTRACTS_DROP_ZONE": "/mnt/share"})
    assert work.places.keys == tmp_path / "keys"
    assert work.places.drop_zone == Path("/mnt/share")


AN_AREA = {
    "EXTRACTS_DROP_ZONE": "sftp://publisher@files.example:2222/area",
    "EXTRACTS_DROP_ZONE_KEY": "/etc/extracts/publisher",
    "EXTRACTS_DROP_ZONE_KNOWN_HOSTS": "/etc/extracts/known_hosts",
}


def test_the_drop_zone_may_be_an_sftp_transfer_area(tmp_path: Path) -> None:
    zone = open_workplace({**home(tmp_path), **AN_AREA}).places.drop_zone
    assert isinstance(zone, SftpAddress)
    assert (zone.user, zone.host, zone.port, str(zone.root)) == ("publisher", "files.example", 2222, "/area")
    assert zone / "fife/R1/D1" == "sftp://publisher@files.example:2222/area/fife/deliveries/R1/D1"
    short = open_workplace({**home(tmp_path), **AN_AREA, "EXTRACTS_DROP_ZONE": "sftp://p@[::1]"}).places.drop_zone
    assert str(short) == "sftp://p@[::1]/"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"EXTRACTS_DROP_ZONE": "sftp://u:ZZSECRETZZ@h/d"}, "EXTRACTS_DROP_ZONE: holds a password"),
        ({"EXTRACTS_DROP_ZONE": "sftp://h/d"}, "EXTRACTS_DROP_ZONE: is not of the form"),
        ({"EXTRACTS_DROP_ZONE": "sftp://u@/d"}, "EXTRACTS_DROP_ZONE: is not of the form"),
        ({"EXTRACTS_DROP_ZONE": "sftp://u@h:99999/d"}, "EXTRACTS_DROP_ZONE: is not of the form"),
        ({"EXTRACTS_DROP_ZONE": "sftp://u@h:0/d"}, "EXTRACTS_DROP_ZONE: is not of the form"),
        ({"EXTRACTS_DROP_ZONE": "sftp://u@h/../d"}, "EXTRACTS_DROP_ZONE: is not of the form"),
        ({"EXTRACTS_DROP_ZONE": "sftp://u@h/d?x=y"}, "EXTRACTS_DROP_ZONE: is not of the form"),
        ({"EXTRACTS_DROP_ZONE": "https://u@h/d"}, "EXTRACTS_DROP_ZONE: is not of the form"),
        ({"EXTRACTS_DROP_ZONE": "sftp://-oProxyCommand=x@-h/d"}, "EXTRACTS_DROP_ZONE: is not of the form"),
        ({"EXTRACTS_DROP_ZONE_KEY": ""}, "EXTRACTS_DROP_ZONE_KEY: must be set for an SFTP transfer area"),
        ({"EXTRACTS_DROP_ZONE_KNOWN_HOSTS": ""}, "EXTRACTS_DROP_ZONE_KNOWN_HOSTS: must be set"),
    ],
)
def test_an_address_of_a_transfer_area_that_cannot_be_right_is_refused(
    tmp_path: Path, changed: dict[str, str], why: str
) -> None:
    with pytest.raises(InvalidDocument, match=why) as caught:
        open_workplace({**home(tmp_path), **AN_AREA, **changed})
    assert "SECRET" not in str(caught.value)


def test_a_value_may_hold_equals_signs_and_braces(tmp_path: Path) -> None:
    found = environment(home(tmp_path, "EXTRACTS_SOURCE_SAMPLE=host=h port=1 dbname={d}\n"))
    assert found["EXTRACTS_SOURCE_SAMPLE"] == "host=h port=1 dbname={d}"
    assert open_workplace(home(tmp_path, "EXTRACTS_SOURCE_DWP_EAST=host=h\n")).source("dwp-east") == "host=h"


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    for mode in (0o640, 0o604, 0o644):
        with pytest.raises(SettingMissing, match="chmod 600"):
            environment(home(tmp_path, "EXTRACTS_THREADS=3\n", mode))


def test_a_misspelt_setting_is_told_with_the_names_that_exist(tmp_path: Path) -> None:
    with pytest.raises(InvalidDocument) as caught:
        open_workplace({**home(tmp_path), "EXTRACTS_DROPZONE": "/mnt"})
    (problem,) = caught.value.problems
    assert problem.field == "EXTRACTS_DROPZONE"
    assert "EXTRACTS_DROP_ZONE" in problem.allowed


@pytest.mark.parametrize("value", ["many", "-1", "1.5", "1e3", " 2", "٣", "9" * 10])
def test_a_number_must_be_one(tmp_path: Path, value: str) -> None:
    with pytest.raises(InvalidDocument, match="EXTRACTS_THREADS: must be a whole number"):
        open_workplace({**home(tmp_path), "EXTRACTS_THREADS": value})


def test_enforcement_by_query_is_off_unless_it_is_asked_for_in_so_many_words(tmp_path: Path) -> None:
    name = "EXTRACTS_ALLOW_QUERY_ENFORCEMENT"
    assert not open_workplace(home(tmp_path)).limits.allow_query
    assert open_workplace({**home(tmp_path), name: "yes"}).limits.allow_query
    with pytest.raises(InvalidDocument, match=f"{name}: must be yes or no"):
        open_workplace({**home(tmp_path), name: "true"})


def test_an_empty_variable_means_the_default(tmp_path: Path) -> None:
    assert open_workplace({**home(tmp_path), "EXTRACTS_THREADS": ""}).limits.threads == 2


def test_what_is_not_set_is_asked_for_by_name_when_it_is_needed(tmp_path: Path) -> None:
    work = open_workplace(home(tmp_path))
    with pytest.raises(SettingMissing, match="EXTRACTS_REGISTER_URL"):
        work.register
    with pytest.raises(SettingMissing) as caught:
        work.source("sample")
    assert "EXTRACTS_SOURCE_SAMPLE" in str(caught.value)
    with pytest.raises(SettingMissing, match="EXTRACTS_SERVICE_KEY"):
        work.service_key()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EXTRACTS_REGISTER_URL", "postgresql://u:ZZSECRETZZ@h/d"),
        ("EXTRACTS_REGISTER_OWNER_URL", "ZZSECRETZZ"),
        ("EXTRACTS_SOURCE_SAMPLE", "host=h password=ZZSECRETZZ dbname=d"),
        ("EXTRACTS_SOURCE_SAMPLE", "host=h PASSWORD = 'ZZ SECRETZZ' dbname=d"),
        ("EXTRACTS_SOURCE_SAMPLE", "postgresql://u:p@ZZSECRETZZ@h/d"),
        ("EXTRACTS_SOURCE_SAMPLE", "postgresql://u:p/ZZSECRETZZ@h/d"),
        ("EXTRACTS_SOURCE_SAMPLE", "host=h sslpassword=ZZSECRETZZ dbname=d"),
        ("EXTRACTS_SOURCE_SAMPLE", r"host=h password='a\'ZZSECRETZZ' dbname=d"),
        ("EXTRACTS_SOURCE_SAMPLE", "host=h password = two ZZSECRETZZ"),
        ("EXTRACTS_SOURCE_SAMPLE", "host=h pasword=ZZSECRETZZ"),
        ("EXTRACTS_DROP_ZONE", "sftp://u:ZZSECRETZZ@h/d"),
        ("EXTRACTS_RECOVERY_RECIPIENT", "AGE-SECRET-KEY-1ZZSECRETZZ"),
        ("EXTRACTS_RECOVERY_RECIPIENT", "age1public AGE-SECRET-KEY-1ZZSECRETZZ"),
        ("EXTRACTS_PASSWORD", "ZZSECRETZZ"),
    ],
)
def test_no_password_is_shown_wherever_it_stands(name: str, value: str) -> None:
    shown = masked({name: value, "EXTRACTS_THREADS": "2"})
    assert "SECRETZZ" not in str(shown)
    assert shown["EXTRACTS_THREADS"] == "2"


def test_what_is_no_secret_is_shown() -> None:
    shown = masked(
        {"EXTRACTS_SOURCE_SAMPLE": "host=h port=1 password=p dbname=d", "EXTRACTS_RECOVERY_RECIPIENT": "age1x"}
    )
    assert shown == {
        "EXTRACTS_SOURCE_SAMPLE": "password=*** dbname=d host=h port=1",
        "EXTRACTS_RECOVERY_RECIPIENT": "age1x",
    }


@pytest.mark.parametrize(("key", "why"), [("AGE-SECRET-KEY-1ZZ", "is a private key"), ("rubbish", "is no public key")])
def test_only_a_public_key_is_taken_for_the_recovery(tmp_path: Path, key: str, why: str) -> None:
    with pytest.raises(InvalidDocument, match=f"EXTRACTS_RECOVERY_RECIPIENT: {why}") as caught:
        open_workplace({**home(tmp_path), "EXTRACTS_RECOVERY_RECIPIENT": key})
    assert key not in str(caught.value)


def test_a_workplace_can_be_examined_whatever_is_wrong_with_its_settings(tmp_path: Path) -> None:
    given = home(tmp_path, "EXTRACTS_THREADS=many\nEXTRACTS_DROP_ZONE=/mnt/share\n")
    wrong = {"EXTRACTS_DROPZONE": "/mnt", "EXTRACTS_MEMORY_LIMIT_MB": "-1", "EXTRACTS_RECOVERY_RECIPIENT": "rubbish"}
    work, told = open_to_examine({**given, **wrong})
    assert [line.split(":")[0] for line in told] == [
        *("EXTRACTS_DROPZONE", "EXTRACTS_MEMORY_LIMIT_MB", "EXTRACTS_THREADS", "EXTRACTS_RECOVERY_RECIPIENT")
    ]
    assert (work.limits.threads, work.limits.memory_limit_mb, work.recovery_recipient) == (2, 400, "")
    assert work.places.drop_zone == Path("/mnt/share")
    work, told = open_to_examine(home(tmp_path, "EXTRACTS_THREADS=3\n", 0o644))
    assert work.limits.threads == 2, "a file that others can read is not used"
    assert ["chmod 600" in line for line in told] == [True]


def test_a_workplace_does_not_show_its_addresses(tmp_path: Path) -> None:
    work = open_workplace({**home(tmp_path), "EXTRACTS_REGISTER_URL": "postgresql://u:ZZSECRETZZ@h/d"})
    assert "ZZSECRET" not in repr(work)


def test_the_folder_of_agreements_is_found_without_anything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXTRACTS_HOME", str(tmp_path))
    monkeypatch.delenv("EXTRACTS_PUBLISHED", raising=False)
    assert published_folder() == tmp_path / "published"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"EXTRACTS_NOTICES": "pigeon"}, "must be folder, smtp, or both"),
        ({"EXTRACTS_NOTICES": "folder,folder"}, "must be folder, smtp, or both"),
        ({"EXTRACTS_NOTICES": "smtp"}, "mail needs EXTRACTS_SMTP_HOST and EXTRACTS_SMTP_FROM"),
        ({"EXTRACTS_SMTP_SECURITY": "ssl"}, "starttls, tls, none"),
        ({"EXTRACTS_SMTP_PORT": "99999"}, "must be a port"),
        ({"EXTRACTS_SMTP_FROM": "a@b.example\nBcc: c@d.example"}, "must be one mail address"),
    ],
)
def test_settings_of_notices_that_make_no_sense_are_refused(tmp_path: Path, given: dict[str, str], why: str) -> None:
    with pytest.raises(InvalidDocument, match=why):
        open_workplace({**home(tmp_path), **given})


def test_notices_go_to_a_folder_unless_mail_is_switched_on(tmp_path: Path) -> None:
    assert [c.name for c in open_workplace(home(tmp_path)).channels] == ["folder"]
    mail = {"EXTRACTS_SMTP_HOST": "mail.example", "EXTRACTS_SMTP_FROM": "a@b.example"}
    both = open_workplace({**home(tmp_path), **mail, "EXTRACTS_NOTICES": "smtp, folder"})
    assert [c.name for c in both.channels] == ["folder", "smtp"]
    assert "starttls" in repr(both.channels[1]), "TLS unless somebody says otherwise"
