"""Helpers are real programs here: what they say is believed for a while, and what they say when they fail, never."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from ocinb._pool import StoppedError, run_all
from ocinb._settings import Settings
from ocinb.auth.credential_helpers import Helpers
from tests.logins import Helper, install_helper
from tests.patience import SECONDS

SECRET = "s3cret-of-ada"
STAMP = (1, 2)


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Helper:
    return install_helper(tmp_path / "bin", monkeypatch)


@pytest.fixture
def helpers() -> Helpers:
    return Helpers(Settings(timeout=SECONDS))


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ({"stdout": SECRET, "stderr": SECRET, "code": 1}, "docker-credential-fake ended with an error"),
        ({"stdout": SECRET, "code": 0}, "docker-credential-fake gave an answer that cannot be read"),
        ({"stdout": f'["{SECRET}"]', "code": 0}, "gave an answer that cannot be read"),
        ({"stdout": f'{{"Username": "{SECRET}"}}', "code": 0}, "gave an answer that cannot be read"),
        ({"user": [SECRET], "secret": 5}, "gave an answer that cannot be read"),
        ({"stdout": "null", "code": 0}, "gave an answer that cannot be read"),
        ({"stdout": "", "code": 0}, "gave an answer that cannot be read"),
    ],
)
def test_one_that_fails_is_named_and_not_quoted(
    helper: Helper, helpers: Helpers, what: dict[str, Any], words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    helper.does(**what)
    said = helpers.ask("fake", "ghcr.io", STAMP)
    assert words in str(said.fault)
    assert SECRET not in f"{said}{capfd.readouterr()}"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nowhere", "docker-credential-nowhere is not installed, or not on PATH"),
        ("../bin/docker-credential-fake", "no name of a program"),
        ("/bin/sh", "no name of a program"),
        ("a b", "no name of a program"),
        ("", "no name of a program"),
        ("x\0", "no name of a program"),
    ],
)
def test_one_that_is_not_there(helper: Helper, helpers: Helpers, name: str, words: str) -> None:
    assert words in str(helpers.ask(name, "ghcr.io", STAMP).fault)
    assert helper.calls == []


def test_one_that_cannot_be_run(tmp_path: Path, helper: Helper, helpers: Helpers) -> None:
    program = tmp_path / "bin" / "docker-credential-broken"
    program.write_bytes(b"\x7fELF is not what this is")
    program.chmod(0o755)
    assert helpers.ask("broken", "ghcr.io", STAMP).fault == "docker-credential-broken cannot be run: Exec format error"
    assert helper.calls == []


def test_one_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path, helper: Helper) -> None:
    program, child = tmp_path / "bin" / "docker-credential-slow", tmp_path / "child"
    program.write_text(f"#!/bin/sh\nsleep 600 &\necho $! > {child}\nwait\n")
    program.chmod(0o755)
    while not child.exists():  # on a machine that stands still it may be ended before it starts something
        said = Helpers(Settings(timeout=0.5)).ask("slow", "ghcr.io", STAMP)
        assert said.fault == "docker-credential-slow did not answer within 0.5 s"
    assert is_gone(int(child.read_text()))
    assert helper.calls == []


def is_gone(pid: int) -> bool:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        try:
            state = (
                Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] if Path("/proc").exists() else ""
            )
            os.kill(pid, 0)
        except (ProcessLookupError, FileNotFoundError):
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def test_a_stop_ends_one_that_hangs(helper: Helper) -> None:
    helper.does(sleep=600)
    helpers = Helpers(Settings(timeout=500))

    def ask(server: str) -> Any:
        if server == "fails":
            while not helper.calls:
                time.sleep(0.01)
            raise ValueError(server)
        return helpers.ask("fake", server, STAMP)

    with pytest.raises(ValueError, match="fails"):
        run_all(ask, ["ghcr.io", "fails"], workers=2)
    helper.knows(**{"ghcr.io": ("ada", SECRET)})
    assert helpers.ask("fake", "ghcr.io", STAMP).user == "ada", "what was cut short is not remembered"
    assert StoppedError not in Exception.__mro__
