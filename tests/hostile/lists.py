"""Lists that do not end, or are none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ocinb.errors import InvalidError, TransportError
from ocinb.samples.http import Request
from ocinb.samples.images import make_json
from tests.hostile.rows import Row
from tests.hostile.server import Reply
from tests.hostile.world import World, authorized, saying

TAGS = "*/tags/list*"


def _tags(value: Any) -> Callable[[World], object]:
    return lambda world: world.bend(TAGS, saying(make_json({"name": "demo/app", "tags": value})))


def _body(body: bytes, **headers: str) -> Callable[[World], object]:
    return lambda world: world.bend(TAGS, saying(body, **headers))


def _endless(world: World) -> None:
    pages = iter(range(10**6))

    def bend(_: Request, reply: Reply) -> Reply:
        if reply.status != 200:
            return reply
        number = next(pages)
        return Reply(
            200, (("Link", f'</v2/demo/app/tags/list?last={number}>; rel="next"'),), make_json({"tags": [f"t{number}"]})
        )

    world.bend(TAGS, bend)


def _link(header: str) -> Callable[[World], object]:
    return lambda world: world.bend(TAGS, authorized(lambda reply: reply.with_headers(Link=header)))


ROWS = [
    Row("null for tags", "tags", _tags(None), None, check=lambda frame: len(frame) == 0),
    Row("no tags at all", "tags", _body(b"{}"), None, check=lambda frame: len(frame) == 0),
    Row("one tag a thousand times", "tags", _tags(["1"] * 1000), None, check=lambda frame: len(frame) == 1),
    Row(
        "tags that move a terminal",
        "tags",
        _tags(["\x1b[2J", "a\nb"]),
        None,
        check=lambda frame: frame["tag"].tolist() == ["\x1b[2J", "a\nb"],
    ),
    Row(
        "tags that are addresses",
        "digests",
        _tags(["../../../token", "x/../../../y", "?a=b", "#"]),
        None,
        check=lambda frame: bool(frame["digest"].isna().all()),
    ),
    Row("tags that are a text", "tags", _tags("latest"), InvalidError, "tags"),
    Row("tags that are numbers", "tags", _tags([1, 2]), InvalidError, "tags"),
    Row("tags that are an object", "tags", _tags({"a": 1}), InvalidError, "tags"),
    Row("tags under two keys", "tags", _body(b'{"tags": ["1"], "tags": ["2"]}'), InvalidError, "tags"),
    Row("a list that is null", "tags", _body(b"null"), InvalidError),
    Row("a list that is a web page", "tags", _body(b"<html>", Content_Type="text/html"), InvalidError, "web page"),
    Row(
        "a list that breaks off",
        "tags",
        lambda world: world.bend(TAGS, authorized(lambda reply: Reply(200, (), reply.body, cut=3))),
        TransportError,
    ),
    Row(
        "a list beyond the limit",
        "tags",
        _tags(["x" * 100] * 100),
        InvalidError,
        "limit",
        settings={"max_list_bytes": 5000},
    ),
    Row(
        "a list without an end", "tags", _endless, TransportError, "more than 20 pages", settings={"max_list_pages": 20}
    ),
    Row("a link of ten thousand brackets", "tags", _link("<" * 10_000), None),
    Row("a link to no address", "tags", _link('<http://[::1>; rel="next"'), TransportError),
    Row("a link that moves a terminal", "tags", _link('</v2/\x1b[2J>; rel="next"'), TransportError),
    Row(
        "a catalogue of numbers",
        "repositories",
        lambda world: world.bend("/v2/_catalog*", saying(b'{"repositories": [1]}')),
        InvalidError,
        "repositories",
    ),
    Row(
        "a catalogue that is null",
        "repositories",
        lambda world: world.bend("/v2/_catalog*", saying(b'{"repositories": null}')),
        None,
        check=lambda frame: len(frame) == 0,
    ),
]
