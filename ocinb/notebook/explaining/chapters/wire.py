"""The wire: every request that was made for this story, in its order."""

from __future__ import annotations

from http import HTTPStatus

from ocinb._text import counted
from ocinb.network.exchange import Exchange
from ocinb.notebook.explaining import clauses
from ocinb.notebook.explaining.gathering import Gathered
from ocinb.notebook.explaining.words import Chapter, Code, Figure, Figures, Part, Prose, Row, Setup, Size, Table
from ocinb.notebook.tracing.steps import Step

_TITLE = "Over the wire"
_SETUP = ("with ocinb.trace(fresh=True) as wire:", "    ocinb.explain(ref)")
_TOLD = (
    "These are all requests of this story. What is asked side by side may stand in another order the next time. A "
    "trace shows the headers too."
)
_PULLS = (
    (
        "Docker Hub counts each answered GET of a manifest as a pull, whoever asks for it and whatever for; HEAD and "
        "blobs cost nothing there. "
    ),
    Code("ocinb.rate_limit(ref)"),
    " says how many are left. The other functions of ocinb ask once for what has a digest, and keep it.",
)
_GETS = """gets = wire.frame.query('method == "GET" and status == 200')["url"]"""
_LOCAL = "Nothing. A file needs no network."


def tell(story: Gathered) -> Chapter:
    """Tell of the exchanges."""
    exchanges = story.exchanges
    if not exchanges:
        return Chapter(_TITLE, ("nothing",), (Prose((_LOCAL,)),))
    pulls = sum(is_pull(exchange) for exchange in exchanges)
    figures = (
        Figure("requests", (f"{len(exchanges):,}",), "len(wire)", len(exchanges)),
        Figure("pulls, on Hub", (f"{pulls:,}",), 'gets.str.contains("/manifests/").sum()', pulls),
    )
    platform = story.asked.platform
    setup = _SETUP if platform is None else (_SETUP[0], f"    ocinb.explain(ref, platform={platform!r})")
    line = 'wire.frame[["method", "url", "reason", "status", "transferred_bytes"]]'
    heads = ("#", "request", "why", "answer", "#body")
    parts: list[Part] = [
        Prose((_TOLD,)),
        Setup((*setup, _GETS)),
        # How many are asked side by side before all are called off is not the same twice.
        *([] if story.went_wrong else [Figures(figures)]),
        Prose(_PULLS),
        Table("In their order", heads, tuple(map(_row, range(1, len(exchanges) + 1), exchanges)), line),
    ]
    total = sum(exchange.transferred_bytes for exchange in exchanges)
    gist = (f"{counted(len(exchanges), 'request')}, ", Size(total), " of answers")
    return Chapter(_TITLE, gist, tuple(parts), (clauses.PULL,))


def _row(number: int, exchange: Exchange) -> Row:
    step = Step(exchange, 0.0)
    sent = ("from what was kept",) if exchange.from_cache else (Size(exchange.transferred_bytes),)
    request, why = Code(f"{exchange.method} {step.path}"), Code(step.reason)
    return Row(((str(number),), (request,), (why,), (step.status,), sent))


def is_pull(exchange: Exchange) -> bool:
    """Say whether Docker Hub counts it as a pull."""
    return exchange.method == "GET" and "/manifests/" in exchange.url and exchange.status == HTTPStatus.OK
