"""Parts of blobs that are others than were asked for, when a download that broke off is resumed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ocinb.errors import IntegrityError, RateLimitError, TransportError
from ocinb.samples.http import Request
from tests.hostile.rows import Row
from tests.hostile.server import Reply
from tests.hostile.world import LARGE, World

SIZE = len(LARGE.raw)
BROKEN_AT = 100_000
RESUMED = {"retries": 2}


def _resumed(answer: Callable[[Request, Reply], Reply]) -> Callable[[World], object]:
    """Break off every whole answer, and answer the question for the rest as a test says."""

    def bend(request: Request, reply: Reply) -> Reply:
        if reply.status not in {200, 206}:
            return reply
        return answer(request, reply) if request.header("Range") else replace(reply, cut=BROKEN_AT)

    return lambda world: world.bend(f"*/blobs/{LARGE.digest}", bend)


def _once(answer: Callable[[Request, Reply], Reply]) -> Callable[[World], object]:
    """Do so once; what is asked from zero again is answered whole."""
    broken: list[int] = []

    def arrange(world: World) -> None:
        broken.clear()

        def bend(request: Request, reply: Reply) -> Reply:
            if reply.status not in {200, 206}:
                return reply
            if request.header("Range"):
                return answer(request, reply)
            broken.append(1)
            return replace(reply, cut=BROKEN_AT) if len(broken) == 1 else reply

        world.bend(f"*/blobs/{LARGE.digest}", bend)

    return arrange


def _range(text: str | None) -> Callable[[Request, Reply], Reply]:
    return lambda _, reply: reply.with_headers(Content_Range=text)


def _other(_: Request, reply: Reply) -> Reply:
    return replace(reply, body=bytes(len(reply.body)))


ROWS = [
    Row("the right part", "pull", _resumed(lambda _, reply: reply), None, settings=RESUMED),
    Row(
        "a part from elsewhere, each time",
        "pull",
        _resumed(_range(f"bytes 5-{SIZE - 1}/{SIZE}")),
        TransportError,
        settings=RESUMED,
    ),
    Row(
        "a part of a blob of another size",
        "pull",
        _resumed(_range(f"bytes {BROKEN_AT}-{SIZE - 1}/{SIZE + 1}")),
        IntegrityError,
        settings=RESUMED,
    ),
    Row("a part that does not say where it is from", "pull", _resumed(_range(None)), TransportError, settings=RESUMED),
    Row("a part that says it in other words", "pull", _resumed(_range("all of it")), TransportError, settings=RESUMED),
    Row("a part from elsewhere, and then the whole", "pull", _once(_range("bytes 5-9/10")), None, settings=RESUMED),
    Row("the right part with other bytes, and then the whole", "pull", _once(_other), None, settings=RESUMED),
    Row(
        "the right part with other bytes, each time",
        "pull",
        _resumed(_other),
        IntegrityError,
        LARGE.digest,
        settings=RESUMED,
    ),
    Row(
        "the whole where a part was asked for",
        "pull",
        _once(lambda _, __: Reply(200, (), LARGE.raw)),
        None,
        settings=RESUMED,
    ),
    Row(
        "the whole where a part was asked for, under the part's status",
        "pull",
        _resumed(lambda _, reply: replace(reply, body=LARGE.raw)),
        IntegrityError,
        "more came",
        settings=RESUMED,
    ),
    Row(
        "the part of a part",
        "pull",
        _resumed(lambda _, reply: replace(reply, body=reply.body[:10])),
        TransportError,
        settings=RESUMED,
    ),
    Row("no such part, each time", "pull", _resumed(lambda _, __: Reply(416)), TransportError, settings=RESUMED),
    Row("no such part, and then the whole", "pull", _once(lambda _, __: Reply(416)), None, settings=RESUMED),
    Row(
        "too many requests for the rest, for a year",
        "pull",
        _resumed(lambda _, __: Reply(429, (("Retry-After", "31536000"),))),
        RateLimitError,
        settings=RESUMED,
    ),
]
