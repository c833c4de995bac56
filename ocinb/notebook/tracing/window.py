"""The window: a trace as HTML that reads as a story, and opens where somebody wants to know more.

All that a stranger wrote is escaped. Where a notebook is not trusted, and its styles are taken away, the text remains.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ocinb._text import escape_html, shorten
from ocinb.auth.challenges import Challenge, parse_challenges
from ocinb.notebook import claims, markup
from ocinb.notebook.ends import ends, gap
from ocinb.notebook.tracing.steps import Step, beginning, end, summary

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
    """Show a trace.

    Parameters
    ----------
    steps
        Its exchanges.
    state
        What is to be said beside them, if anything.
    """
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
    pairs = [(claims.WORDS.get(name, name), claims.told(name, value)) for name, value in token_claims.items()]
    return f'<div class="note token"><h4>What the token says</h4>{_pairs(pairs)}</div>'


def _headers(title: str, headers: Mapping[str, str]) -> str:
    return f"<h4>{title}</h4>{_pairs(headers.items())}" if headers else ""


def _pairs(pairs: Iterable[tuple[str, str]]) -> str:
    cells = "".join(f"<dt>{_shown(name)}</dt> <dd>{_shown(value)}</dd> " for name, value in pairs)
    return f'<dl class="pairs">{cells}</dl>'


def _shown(text: str) -> str:
    return escape_html(shorten(text, MOST_CHARACTERS))
