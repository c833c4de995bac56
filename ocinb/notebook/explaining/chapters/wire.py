"""The wire: every question that was asked for this story, in its order."""

from __future__ import annotations

from ocinb.network.exchange import Exchange
from ocinb.notebook.explaining import clauses
from ocinb.notebook.explaining.gathering import Gathered
from ocinb.notebook.explaining.words import Chapter, Code, Figure, Figures, Part, Prose, Row, Setup, Size, Table
from ocinb.notebook.tracing.steps import Step

_TITLE = "Over the wire"
_SETUP = ("with ocinb.trace(fresh=True) as wire:", "    ocinb.explain(ref)")
_TOLD = (
    "These are all questions of this story. What is asked side by side may stand in another order the next time. A "
    "trace shows the headers too."
)
_LOCAL = "Nothing. A file needs no network."


def tell(story: Gathered) -> Chapter:
    """Tell of the exchanges."""
    exchanges = story.exchanges
    if not exchanges:
        return Chapter(_TITLE, ("nothing",), (Prose((_LOCAL,)),))
    count = Figure("questions", (f"{len(exchanges):,}",), "len(wire)", len(exchanges))
    platform = story.asked.platform
    setup = _SETUP if platform is None else (_SETUP[0], f"    ocinb.explain(ref, platform={platform!r})")
    line = 'wire.frame[["method", "url", "reason", "status", "transferred_bytes"]]'
    heads = ("#", "question", "why", "answer", "#body")
    parts: list[Part] = [
        Prose((_TOLD,)),
        Setup(setup),
        # How many are asked side by side before all are called off is not the same twice.
        *([] if story.went_wrong else [Figures((count,))]),
        Table("In their order", heads, tuple(map(_row, range(1, len(exchanges) + 1), exchanges)), line),
    ]
    total = sum(exchange.transferred_bytes for exchange in exchanges)
    gist = (f"{len(exchanges):,} question{'' if len(exchanges) == 1 else 's'}, ", Size(total), " of answers")
    return Chapter(_TITLE, gist, tuple(parts), (clauses.PULL,))


def _row(number: int, exchange: Exchange) -> Row:
    step = Step(exchange, 0.0)
    sent = ("from what was kept",) if exchange.from_cache else (Size(exchange.transferred_bytes),)
    question, why = Code(f"{exchange.method} {step.path}"), Code(exchange.reason)
    return Row(((str(number),), (question,), (why,), (step.status,), sent))
