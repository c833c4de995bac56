"""Scripts in processes of their own, as `python -c` runs them, without the second that it takes to import everything.

Each is a fork of one process that has imported it; the rest is as with `subprocess.Popen`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import fields
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Self, TextIO

from ocinb._settings import settings
from tests.patience import SECONDS
from tests.real import children as _preloading  # noqa: F401 - it says what is imported beforehand

_context = get_context("forkserver")


class Script:
    """A process that runs a script, and its three streams.

    Parameters
    ----------
    code
        The script.
    arguments
        What stands in ``sys.argv`` behind the first place.
    env
        Variables of the environment besides, or in the place of, those of this process.
    cwd
        Where it runs.
    """

    def __init__(
        self, code: str, *arguments: object, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> None:
        pipes = [_context.Pipe(duplex=False) for _ in range(3)]
        (reads, told), (heard, says), (complained, complains) = pipes
        theirs = (reads, says, complains)
        work = partial(_run, code, [str(one) for one in arguments], os.environ | dict(env or {}), cwd or Path.cwd())
        self._process = _context.Process(target=work, args=theirs, daemon=True)
        self._process.start()
        for one in theirs:
            one.close()
        self.stdin, self.stdout, self.stderr = (
            _opened(told, "w"),
            _opened(heard, "r"),
            _opened(complained, "r"),
        )
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        """How it ended, as a negative number the signal that ended it; None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """Give the same."""
        return self.returncode

    def wait(self) -> int:
        """Wait for its end."""
        self._process.join(SECONDS)
        code = self.returncode
        assert code is not None, "it hangs"
        return code

    def communicate(self) -> tuple[str, str]:
        """Wait for its end, and give what it said and complained of, which has to fit a pipe."""
        self.stdin.close()
        self.wait()
        return self.stdout.read(), self.stderr.read()

    def say(self, line: str = "") -> None:
        """Write a line that it reads."""
        print(line, file=self.stdin, flush=True)

    def line(self) -> str:
        """Wait for a line that it says; an empty one if it has ended."""
        return self.stdout.readline().strip()

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it has not ended."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """End it if it runs, and close its streams."""
        self.kill()
        self.wait()
        for stream in (self.stdout, self.stderr):
            stream.close()
        try:
            self.stdin.close()
        except BrokenPipeError:  # it did not read what was written
            return


def run(code: str, *arguments: object, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a script to its end."""
    with Script(code, *arguments, env=env) as script:
        said, complained = script.communicate()
        return subprocess.CompletedProcess(code, script.wait(), said, complained)


def _opened(connection: Connection, mode: str) -> TextIO:
    opened: TextIO = os.fdopen(os.dup(connection.fileno()), mode, encoding="utf-8")  # type: ignore[assignment]
    connection.close()
    return opened


def _run(
    code: str,
    arguments: list[str],
    environment: dict[str, str],
    folder: Path,
    stdin: Connection,
    stdout: Connection,
    stderr: Connection,
) -> None:
    """Be the process."""
    for number, connection in enumerate((stdin, stdout, stderr)):
        os.dup2(connection.fileno(), number)
        connection.close()
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(number, mode, encoding="utf-8", closefd=False) for number, mode in enumerate("rww")
    )
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for setting in fields(settings):
        delattr(settings, setting.name)
    sys.argv = ["-c", *arguments]
    try:
        exec(compile(code, "<string>", "exec"), {"__name__": "__main__"})
    finally:
        sys.stdout.flush()
