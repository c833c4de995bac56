"""Patience: what is asked again, after how long, and until when a registry is left alone.

Sources: RFC 9110 section 10.2.3 for ``Retry-After``; the pauses have full jitter, so that those who failed together do
not come back together.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from ocinb._pool import pause
from ocinb._settings import Settings
from ocinb._text import human_duration
from ocinb.errors import RateLimitError, TransportError

PASSING = frozenset({408, 429, 500, 502, 503, 504})
# These say that nothing was done; whatever else comes of a question that changes something may have changed it.
UNDONE = frozenset({429, 503})
REPEATABLE = frozenset({"GET", "HEAD"})

FIRST_PAUSE_SECONDS = 0.5
# Nobody there: a registry that restarts is back soon, and a typo is told within a second.
UNREACHED_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 30.0
HERD_SECONDS = 0.5

# A greater number is no span, but a moment in seconds since 1970: some send that.
EPOCH_FROM = 1_000_000_000
_LONGEST = timedelta(days=3650)


class Quiet:
    """Until when each origin is left alone, by all who ask it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._until: dict[str, float] = {}

    def ask_for(self, origin: str, seconds: float) -> None:
        """Take note that an origin wants to be left alone for a while."""
        self._until[origin] = max(self._until.get(origin, 0.0), time.monotonic() + seconds)

    def keep(self, origin: str, attempts: Attempts) -> None:
        """Wait until an origin can be asked.

        Raises
        ------
        RateLimitError
            If that is longer than people want to wait.
        """
        while origin in self._until:
            left = self._until[origin] - time.monotonic()
            if left <= 0:
                self._until.pop(origin, None)
                return
            if attempts.waited + left > self._settings.max_wait:
                host = origin.rpartition("/")[2]
                told = RateLimitError(f"{host} wants no requests at the moment", url=origin)
                told.retry_at = datetime.now(UTC) + timedelta(seconds=left)
                told.hint = when_to_come_back(left, told.retry_at)
                raise told
            attempts.waited += left
            pause(left + _jitter(min(HERD_SECONDS, FIRST_PAUSE_SECONDS)))


class Attempts:
    """One question, as often as it is asked."""

    def __init__(self, settings: Settings, method: str, *, patient: bool = True) -> None:
        self.waited = 0.0
        self.why = ""
        self._longest = settings.max_wait
        self._patient = patient
        self._left = settings.retries
        self._made = 0
        self._repeatable = method in REPEATABLE

    def after_failure(self, error: TransportError) -> float | None:
        """Say how long to wait after no answer came; None gives up."""
        if not (self._patient and error.passing and (self._repeatable or error.unsent)):
            return None
        first = UNREACHED_PAUSE_SECONDS if error.unreachable else FIRST_PAUSE_SECONDS
        return self._again("no answer", min(first, FIRST_PAUSE_SECONDS))

    def after_answer(self, status: int, headers: Mapping[str, str], quiet: Quiet, origin: str) -> float | None:
        """Say how long to wait after an answer; None takes it as it is."""
        if status not in PASSING:
            return None
        seconds = retry_after(headers.get("retry-after", ""), datetime.now(UTC)) if status in UNDONE else None
        if seconds:
            quiet.ask_for(origin, seconds)
            if self.waited + seconds > self._longest:
                return None
        if not (self._repeatable or status in UNDONE):
            return None
        # Who was told when to come back waits with all the others until then.
        return self._again(str(status), 0.0 if seconds else FIRST_PAUSE_SECONDS)

    def _again(self, why: str, first: float) -> float | None:
        if self._left <= 0:
            return None
        self._left -= 1
        longest = min(first * 2**self._made, LONGEST_PAUSE_SECONDS)
        self._made += 1
        self.why = f"retry {self._made} after {why}"
        return _jitter(longest)


def retry_after(header: str, now: datetime) -> float | None:
    """Read how many seconds from now a registry wants to be left alone; None if it does not say so readably.

    >>> retry_after("17", datetime.now(UTC)), retry_after("soon", datetime.now(UTC))
    (17.0, None)
    """
    text = header.strip()
    if re.fullmatch(r"[+-]?\d+(\.\d+)?", text, re.ASCII):
        seconds = float(text)
        if seconds >= EPOCH_FROM:
            seconds -= now.timestamp()
        return min(max(seconds, 0.0), _LONGEST.total_seconds())
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max((aware - now).total_seconds(), 0.0), _LONGEST.total_seconds())


def when_to_come_back(seconds: float, moment: datetime) -> str:
    """Say for people when a registry can be asked again.

    >>> when_to_come_back(17, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    'Come back in 17 s, at 2026-01-02 03:04:05 UTC; ocinb waits by itself up to ocinb.settings.max_wait seconds'
    """
    until = f"in {human_duration(seconds)}, at {moment:%Y-%m-%d %H:%M:%S} UTC"
    return f"Come back {until}; ocinb waits by itself up to ocinb.settings.max_wait seconds"


def _jitter(longest: float) -> float:
    return random.uniform(0.0, longest)  # noqa: S311 - no secret, but a way not to come at the same time
