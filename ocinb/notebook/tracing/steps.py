"""Steps: exchanges as a story tells them, each with its number, its place, and what its status means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from ocinb._text import counted, human_duration, human_size, short_digests
from ocinb.network.exchange import Exchange

# What a registry means by it, where the phrase of HTTP says too little.
_MEANINGS = {
    200: "Here it is.",
    206: "Here is the part that was asked for.",
    304: "What was kept is still right; no body was sent.",
    401: "Not without a token or a password; the challenge says where to get in.",
    403: "Whoever asks is known, and may not see this.",
    404: "There is no such thing here, or nobody may know that there is.",
    416: "That part of the blob does not exist.",
    429: "Too many questions; come back later.",
}
_REDIRECT_MEANING = "It is elsewhere; credentials do not go along to another host."
_FAULT_MEANING = "The server has a problem of its own; it may be over in a moment."
_NO_ANSWER = "No answer came: the connection could not be made, or broke."
# A registry on this machine answers within a few ms, and there a tenth matters.
_TENTHS_BELOW = 0.01


@dataclass(frozen=True, slots=True)
class Step:
    """An exchange, and when it began: in seconds from the beginning of the block."""

    exchange: Exchange
    started: float

    @property
    def host(self) -> str:
        """Who was asked."""
        return urlsplit(self.exchange.url).netloc

    @property
    def path(self) -> str:
        """What was asked for, digests cut as docker cuts ids."""
        parts = urlsplit(self.exchange.url)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        return short_digests(path)

    @property
    def reason(self) -> str:
        """Why it was asked for, digests cut in the same way."""
        return short_digests(self.exchange.reason)

    @property
    def status(self) -> str:
        """The status with its name."""
        status = self.exchange.status
        if status is None:
            return "no answer"
        try:
            return f"{status} {HTTPStatus(status).phrase}"
        except ValueError:
            return str(status)

    @property
    def kind(self) -> str:
        """Which way it went: good, kept, onward, closed or bad."""
        status = self.exchange.status
        if status is None:
            return "bad"
        if self.exchange.from_cache or status == HTTPStatus.NOT_MODIFIED:
            return "kept"
        if status == HTTPStatus.UNAUTHORIZED:
            return "closed"
        return {2: "good", 3: "onward"}.get(status // 100, "bad")

    @property
    def meaning(self) -> str:
        """What a registry means by the status, in a sentence, or nothing."""
        status = self.exchange.status
        if status is None:
            return _NO_ANSWER
        if status in _MEANINGS:
            return _MEANINGS[status]
        return {3: _REDIRECT_MEANING, 5: _FAULT_MEANING}.get(status // 100, "")

    @property
    def size(self) -> str:
        """What came over the wire."""
        if self.exchange.from_cache:
            return "confirmed" if self.exchange.status == HTTPStatus.NOT_MODIFIED else "from cache"
        return human_size(self.exchange.transferred_bytes)

    @property
    def time(self) -> str:
        """How long it took."""
        seconds = self.exchange.seconds
        if seconds >= 1:
            return human_duration(seconds)
        return f"{seconds * 1000:.1f} ms" if seconds < _TENTHS_BELOW else f"{seconds * 1000:.0f} ms"


def summary(steps: Sequence[Step]) -> str:
    """Tell of all steps in one line."""
    hosts = list(dict.fromkeys(step.host for step in steps))
    where = hosts[0] if len(hosts) == 1 else f"{len(hosts)} hosts"
    sent = sum(step.exchange.transferred_bytes for step in steps)
    cached = sum(step.exchange.from_cache for step in steps)
    told = [
        f"{counted(len(steps), 'exchange')} with {where}",
        f"{human_size(sent)} in {_seconds(steps)}",
        *([f"{cached:,} from what was kept"] if cached else []),
    ]
    return ", ".join(told)


def beginning(steps: Sequence[Step]) -> float:
    """Give when the first step began, in seconds from the beginning of the block."""
    return min((step.started for step in steps), default=0.0)


def end(steps: Sequence[Step]) -> float:
    """Give when the last step was over, in seconds from the beginning of the block."""
    return max((step.started + step.exchange.seconds for step in steps), default=0.0)


def _seconds(steps: Sequence[Step]) -> str:
    seconds = end(steps) - beginning(steps)
    return human_duration(seconds) if seconds >= 1 else f"{seconds * 1000:.0f} ms"
