"""Logins as docker and podman leave them behind: their files, and a credential helper that is a real program."""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

# What the helper does is read from a file beside it at each call, so that a test can change it; every call is noted.
_HELPER = """\
#!{python} -S
import json, sys, time
server = sys.stdin.read()
with open({calls!r}, "a") as calls:
    calls.write(json.dumps([sys.argv[1], server]) + "\\n")
with open({script!r}) as file:
    said = json.load(file)
answer = said["logins"].get(server, said)
sys.stderr.write(answer.get("stderr", ""))
time.sleep(answer.get("sleep", 0))
if "user" in answer:
    print(json.dumps({{"ServerURL": server, "Username": answer["user"], "Secret": answer["secret"]}}))
else:
    print(answer.get("stdout", "credentials not found in native keychain"))
sys.exit(answer.get("code", 0 if "user" in answer or "stdout" in answer else 1))
"""


@dataclass(frozen=True)
class Helper:
    """A program ``docker-credential-NAME`` on PATH."""

    name: str
    folder: Path

    @property
    def calls(self) -> list[list[str]]:
        """Give all calls so far: the command and what was asked."""
        file = self.folder / f"{self.name}.calls"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def knows(self, **logins: tuple[str, str]) -> None:
        self.does(logins={server: {"user": user, "secret": secret} for server, (user, secret) in logins.items()})

    def does(self, **what: Any) -> None:
        (self.folder / f"{self.name}.json").write_text(json.dumps({"logins": {}, **what}))


def install_helper(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str = "fake") -> Helper:
    """Put a helper on PATH that knows nobody yet."""
    folder.mkdir(exist_ok=True)
    helper = Helper(name, folder)
    program = folder / f"docker-credential-{name}"
    calls, script = str(folder / f"{name}.calls"), str(folder / f"{name}.json")
    program.write_text(_HELPER.format(python=sys.executable, calls=calls, script=script))
    program.chmod(0o755)
    helper.knows()
    if str(folder) not in os.environ["PATH"].split(os.pathsep):
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return helper


def auth(user: str, secret: str) -> dict[str, str]:
    """Give an entry as ``docker login`` writes it."""
    return {"auth": base64.b64encode(f"{user}:{secret}".encode()).decode()}


def write_login(path: Path, auths: Mapping[str, Any] | None = None, **more: Any) -> Path:
    """Write a file of logins, with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"auths": auths or {}, **more}))
    return path
