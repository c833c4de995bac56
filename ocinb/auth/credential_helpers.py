"""Credential helpers: the programs that docker and podman ask for a secret, run by the ``docker`` package.

What a helper says when it fails is never passed on: it may be the secret. Source: the protocol of
docker-credential-helpers, as ``docker.credentials.Store`` speaks it.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from subprocess import DEVNULL, PIPE, CalledProcessError, Popen, TimeoutExpired
from typing import Any

from ocinb._pool import alone, check_stopped, woken_by
from ocinb._settings import Settings
from ocinb.auth.auth_files import Stamp

PREFIX = "docker-credential-"
# For how long an answer is believed: helpers of clouds give tokens that live for an hour, and renew them in time.
LIFE_SECONDS = 300.0
# For how long one that failed is not asked again: each try may take as long as ``settings.timeout``.
FAULT_SECONDS = 60.0
# A name, and nothing that could lead out of PATH.
_NAME = re.compile(r"\w[\w.+-]*", re.ASCII)


class HelperError(Exception):
    """A helper that is not there, or does not do its work; its words say which, and nothing that it said."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a helper said: a user and a secret, or neither; or why it said nothing."""

    user: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    fault: str | None = None
    until: float = 0.0


class Helpers:
    """Runs helpers, and remembers for a while what they said."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._said: dict[tuple[str, str], tuple[Stamp, Said]] = {}

    def ask(self, name: str, server: str, stamp: Stamp) -> Said:
        """Ask a helper for the login at a server, or give what it said a moment ago."""
        with alone((id(self), name, server)):
            before, said = self._said.get((name, server), ((), None))
            if said is None or before != stamp or said.until <= time.monotonic():
                said = _said(name, server, self._settings.timeout)
                self._said[name, server] = stamp, said
            return said

    def forget(self) -> None:
        """Ask all of them anew when they are needed again."""
        self._said.clear()


def _said(name: str, server: str, seconds: float) -> Said:
    try:
        user, secret = _login(name, server, seconds)
    except HelperError as error:
        return Said(fault=str(error), until=time.monotonic() + FAULT_SECONDS)
    return Said(user, secret, until=time.monotonic() + LIFE_SECONDS)


def _login(name: str, server: str, seconds: float) -> tuple[str, str]:
    """Run a helper; a user and a secret that are both empty mean that it knows none."""
    program = f"{PREFIX}{name}"
    if not _NAME.fullmatch(name):
        raise HelperError("the name of the helper is no name of a program")
    if shutil.which(program) is None:
        raise HelperError(f"{program} is not installed, or not on PATH")
    from docker.credentials import errors  # 0.1 s, and most never need it

    try:
        answer = _quiet_store(name, seconds).get(server)
        user, secret = answer["Username"], answer["Secret"]
    except errors.CredentialsNotFound:
        return "", ""
    except errors.StoreError:
        raise HelperError(f"{program} ended with an error") from None
    except (ValueError, KeyError, TypeError):
        raise HelperError(f"{program} gave an answer that cannot be read") from None
    if not (isinstance(user, str) and isinstance(secret, str)):
        raise HelperError(f"{program} gave an answer that cannot be read")
    return user, secret


def _quiet_store(name: str, seconds: float) -> Any:
    """Give a store of the ``docker`` package that ends a helper which hangs, and keeps what it says off the screen."""
    from docker.credentials import Store, errors

    class QuietStore(Store):  # type: ignore[misc]  # docker ships no types
        def _execute(self, subcmd: str, data_input: bytes | None) -> bytes:
            code, output = _outcome([self.exe, subcmd], data_input or b"", seconds, self.program)
            if code:
                raise errors.process_store_error(CalledProcessError(code, self.program, output), self.program)
            return output

    return QuietStore(name)


def _outcome(command: list[str], question: bytes, seconds: float, program: str) -> tuple[int, bytes]:
    try:
        # In a session of its own, so that whatever it starts ends with it.
        process = Popen(command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, start_new_session=True)  # noqa: S603 - the user's own program
    except OSError as error:
        raise HelperError(f"{program} cannot be run: {error.strerror}") from None
    with process, woken_by(lambda: _end(process)):
        try:
            output, _ = process.communicate(question, timeout=seconds)
            check_stopped()
        except TimeoutExpired:
            raise HelperError(f"{program} did not answer within {seconds:g} s") from None
        finally:
            _end(process)
    return process.returncode, output


def _end(process: Popen[bytes]) -> None:
    if process.poll() is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
