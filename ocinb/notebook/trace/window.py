"""The window: a trace as HTML that reads as a story, and opens where somebody wants to know more.

All that a stranger wrote is escaped. Where a notebook is not trusted, and its styles are taken away, the text remains.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ocinb._text import (
    counted,
    escape_html,
    fit,
    fit_path,
    human_duration,
    human_size,
    printable,
    short_digests,
    shorten,
)
from ocinb.auth.challenges import Challenge, parse_challenges
from ocinb.network.exchange import Exchange
from ocinb.notebook import markup
from ocinb.notebook import token_claims as token_claims_module
from ocinb.notebook.show.cells import ends, gap

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


FIRST, LAST = 200, 50
MOST_CHARACTERS = 2000
_STYLE = Path(__file__).with_name("trace.css")
_ASKED_FOR = {
    "realm": "ask for a token at",
    "service": "for the service",
    "scope": "that opens",
    "error": "because of",
}


def window(steps: Sequence[Step], state: str) -> str:
    """Show a trace."""
    title, _, rest = summary(steps).partition(", ") if steps else ("No exchange", "", "")
    told = " · ".join(part for part in (rest, state) if part)
    head = f'<div class="head"><b>{escape_html(title)}</b> <span class="dim">{escape_html(told)}</span></div>'
    first, left_out, last = ends(range(len(steps)), FIRST, LAST)
    middle = [f'<div class="more">{gap(left_out, "<code>.frame</code> has them all")}</div>'] if left_out else []
    shown = [*_rows(steps, first), *middle, *_rows(steps, last)]
    return markup.box("trace", f"{head}{''.join(shown)}", _STYLE.read_text(encoding="utf-8"))


def _rows(steps: Sequence[Step], numbers: Iterable[int]) -> list[str]:
    span, previous, rows = (beginning(steps), end(steps)), "", []
    for number in numbers:
        step = steps[number]
        rows.append(_row(step, number + 1, span, is_elsewhere=step.host != previous))
        previous = step.host
    return rows


def _row(step: Step, number: int, span: tuple[float, float], *, is_elsewhere: bool) -> str:
    host = f'<span class="host">{_shown(step.host)}</span>' if is_elsewhere else ""
    reason = f'<span class="reason">{_shown(step.exchange.reason)}</span>'
    cells = [
        f'<span class="number">{number}</span>',
        f'<span class="method">{_shown(step.exchange.method)}</span>',
        f'<span class="what">{host}<span class="path">{_shown(step.path)}</span> {reason}</span>',
        f'<span class="status">{escape_html(step.status)}</span>',
        f'<span class="size">{escape_html(step.size)}</span>',
        f'<span class="time">{escape_html(step.time)}{_bar(step, span)}</span>',
    ]
    return f'<details class="step {step.kind}"><summary>{" ".join(cells)}</summary>{_inside(step)}</details>'


def _bar(step: Step, span: tuple[float, float]) -> str:
    """Show when it was, and how long, as the tools of browsers do."""
    first, last = span
    whole = (last - first) or 1.0
    start, width = 100 * (step.started - first) / whole, 100 * step.exchange.seconds / whole
    style = f"margin-left: {min(start, 99):.1f}%; width: {min(width, 100 - start):.1f}%"
    return f'<span class="track"><span class="bar" style="{style}"></span></span>'


def _inside(step: Step) -> str:
    exchange = step.exchange
    challenges = parse_challenges(exchange.response_headers.get("www-authenticate", ""))
    parts = [
        f"<p>{escape_html(step.meaning)}</p>" if step.meaning else "",
        f"<p><code>{_shown(exchange.method)} {_shown(exchange.url)}</code></p>",
        *(_challenge(challenge) for challenge in challenges),
        _token(exchange.token_claims) if exchange.token_claims is not None else "",
        _headers("Request headers", exchange.request_headers),
        _headers("Response headers", exchange.response_headers),
    ]
    return f'<div class="inside">{"".join(parts)}</div>'


def _challenge(challenge: Challenge) -> str:
    scheme = challenge.scheme.capitalize()
    pairs = [(_ASKED_FOR.get(name, name), value) for name, value in challenge.parameters.items()]
    return f'<div class="note"><h4>The challenge: {_shown(scheme)}</h4>{_pairs(pairs)}</div>'


def _token(token_claims: Mapping[str, Any]) -> str:
    pairs = [
        (token_claims_module.WORDS.get(name, name), token_claims_module.told(name, value))
        for name, value in token_claims.items()
    ]
    return f'<div class="note token"><h4>What the token says</h4>{_pairs(pairs)}</div>'


def _headers(title: str, headers: Mapping[str, str]) -> str:
    return f"<h4>{title}</h4>{_pairs(headers.items())}" if headers else ""


def _pairs(pairs: Iterable[tuple[str, str]]) -> str:
    cells = "".join(f"<dt>{_shown(name)}</dt> <dd>{_shown(value)}</dd> " for name, value in pairs)
    return f'<dl class="pairs">{cells}</dl>'


def _shown(text: str) -> str:
    return escape_html(shorten(text, MOST_CHARACTERS))


TEXT_FIRST, TEXT_LAST = 40, 20
# A path is cut to no fewer characters; what a terminal then has no room for goes at the line's end.
LEAST_PATH = 24
MOST_REASON = 36
# A narrower terminal shows the number of a status alone.
ROOMY = 110


def lines(steps: Sequence[Step], state: str) -> str:
    """Tell a trace in lines that fit the terminal."""
    heading = ", ".join(part for part in (summary(steps) if steps else "", state) if part)
    shown = [f"<Trace: {heading}>"]
    first, left_out, last = ends(list(enumerate(steps, 1)), TEXT_FIRST, TEXT_LAST)
    table = _table([*first, *last])
    middle = [gap(left_out, ".frame has them all")] if left_out else []
    return "\n".join([*shown, *table[: len(first)], *middle, *table[len(first) :]])


def _table(numbered: Sequence[tuple[int, Step]]) -> list[str]:
    columns = shutil.get_terminal_size().columns
    several = len({step.host for _, step in numbered}) > 1
    rows = [
        (
            str(number),
            printable(step.exchange.method),
            printable(f"{step.host}{step.path}" if several else step.path),
            step.status if columns >= ROOMY else str(step.exchange.status or "none"),
            step.size,
            step.time,
            fit(printable(step.exchange.reason), MOST_REASON),
        )
        for number, step in numbered
    ]
    widths = [max((len(row[place]) for row in rows), default=0) for place in range(7)]
    room = columns - sum(widths) + widths[2] - 2 * len(widths)
    widths[2] = min(widths[2], max(LEAST_PATH, room))
    return [_line(row, widths)[:columns].rstrip() for row in rows]


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    number, method, path, status, size, time, reason = row
    cells = [
        number.rjust(widths[0]),
        method.ljust(widths[1]),
        fit_path(path, widths[2]).ljust(widths[2]),
        status.ljust(widths[3]),
        size.rjust(widths[4]),
        time.rjust(widths[5]),
        reason,
    ]
    return "  ".join(cells)
