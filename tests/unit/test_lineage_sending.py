"""Lineage events on their way: kept in a file, sent in order, waiting while the catalogue is away."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.error import HTTPError, URLError

import pytest

from extracts.errors import SettingMissing
from extracts.steps.lineage_catalogue import NO_CATALOGUE, Catalogue, address_problem
from extracts.steps.lineage_sending import EVENTS, REFUSED, tell, waiting


class FakeCatalogue:
    """A real HTTP server on this machine that answers as it is told and keeps what it was sent."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.got: list[tuple[str, str, Any]] = []
        catalogue = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = catalogue.answers.pop(0) if catalogue.answers else 201
                catalogue.got.append((self.path, self.headers.get("Authorization", ""), json.loads(body)))
                self.send_response(answer)
                if answer == 307:
                    self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/api/v1/lineage"
        Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def numbers(self) -> list[int]:
        return [body["n"] for _, _, body in self.got]


@pytest.fixture
def catalogue() -> Iterator[FakeCatalogue]:
    found = FakeCatalogue()
    yield found
    found.server.shutdown()
    found.server.server_close()


def kept(folder: Path) -> list[int]:
    return [json.loads(line)["n"] for line in (folder / EVENTS).read_text().splitlines()]


def test_without_a_catalogue_the_file_has_every_event(tmp_path: Path) -> None:
    for number in range(3):
        tell(tmp_path / "lineage", NO_CATALOGUE, {"n": number})
    assert kept(tmp_path / "lineage") == [0, 1, 2]
    assert waiting(tmp_path / "lineage") == 0
    assert (tmp_path / "lineage").stat().st_mode & 0o077 == 0


def test_a_full_disk_leaves_no_half_of_an_event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tell(tmp_path, NO_CATALOGUE, {"n": 1})
    write, room = os.write, [5]

    def until_full(file: int, data: memoryview) -> int:
        if not room:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, data[: room.pop()])

    monkeypatch.setattr(os, "write", until_full)
    with pytest.raises(OSError, match="No space"):
        tell(tmp_path, NO_CATALOGUE, {"n": 2})
    monkeypatch.undo()
    tell(tmp_path, NO_CATALOGUE, {"n": 3})
    assert kept(tmp_path) == [1, 3]


def test_what_a_killed_process_cut_off_spoils_no_event_after_it(tmp_path: Path) -> None:
    tell(tmp_path, NO_CATALOGUE, {"n": 1})
    with (tmp_path / EVENTS).open("a") as file:
        file.write('{"n": ')
    tell(tmp_path, NO_CATALOGUE, {"n": 2})
    first, torn, last = (tmp_path / EVENTS).read_text().splitlines()
    assert (json.loads(first), torn, json.loads(last)) == ({"n": 1}, '{"n": ', {"n": 2})


def test_an_event_is_posted_with_the_key(tmp_path: Path, catalogue: FakeCatalogue) -> None:
    key = tmp_path / "key"
    key.write_text("a-key\n")
    key.chmod(0o600)
    tell(tmp_path, Catalogue(catalogue.url, key), {"n": 1})
    assert catalogue.got == [("/api/v1/lineage", "Bearer a-key", {"n": 1})]
    assert kept(tmp_path) == [1]


@pytest.mark.parametrize("answer", [500, 503, 429, 401])
def test_what_cannot_be_taken_now_waits_and_goes_before_the_next(
    tmp_path: Path, catalogue: FakeCatalogue, answer: int
) -> None:
    catalogue.answers = [answer]
    with pytest.raises(HTTPError):
        tell(tmp_path, Catalogue(catalogue.url), {"n": 1})
    assert waiting(tmp_path) == 1
    tell(tmp_path, Catalogue(catalogue.url), {"n": 2})
    assert catalogue.numbers == [1, 1, 2]
    assert waiting(tmp_path) == 0


def test_a_catalogue_that_is_away_loses_nothing(tmp_path: Path, catalogue: FakeCatalogue) -> None:
    away = Catalogue("http://127.0.0.1:1/api/v1/lineage")
    for number in (1, 2):
        with pytest.raises(URLError):
            tell(tmp_path, away, {"n": number})
    tell(tmp_path, Catalogue(catalogue.url), {"n": 3})
    assert catalogue.numbers == [1, 2, 3]


def test_what_is_refused_for_good_is_laid_aside_and_holds_up_no_other(tmp_path: Path, catalogue: FakeCatalogue) -> None:
    catalogue.answers = [422, 201, 400]
    for number in (1, 2, 3):
        tell(tmp_path, Catalogue(catalogue.url), {"n": number})
    assert waiting(tmp_path) == 0
    aside = sorted((tmp_path / REFUSED).iterdir())
    assert [json.loads(p.read_text())["n"] for p in aside] == [1, 3]


def test_a_key_does_not_follow_a_redirection(tmp_path: Path, catalogue: FakeCatalogue) -> None:
    catalogue.answers = [307]
    with pytest.raises(HTTPError):
        tell(tmp_path, Catalogue(catalogue.url), {"n": 1})
    assert [path for path, _, _ in catalogue.got] == ["/api/v1/lineage"]


def test_a_key_that_others_can_read_is_not_used(tmp_path: Path, catalogue: FakeCatalogue) -> None:
    key = tmp_path / "key"
    key.write_text("a-key")
    key.chmod(0o644)
    with pytest.raises(SettingMissing, match="chmod 600"):
        tell(tmp_path, Catalogue(catalogue.url, key), {"n": 1})
    assert catalogue.got == []
    assert kept(tmp_path) == [1]


@pytest.mark.parametrize(
    "url",
    ["http://catalogue.example/api", "https://user:word@catalogue.example/api", "file:///etc/passwd", "https://", "x"],
)
def test_an_address_that_would_show_events_or_a_password_is_refused(url: str) -> None:
    assert address_problem(url)


@pytest.mark.parametrize(
    "url", ["", "https://catalogue.example/api/v1/lineage", "http://127.0.0.1:5000/api/v1/lineage"]
)
def test_https_and_this_machine_are_fine(url: str) -> None:
    assert not address_problem(url)
