"""Referrers that are none, that belong to others, or that have no end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ocinb.errors import InvalidError, NotFoundError, TransportError
from ocinb.samples.http import Request
from ocinb.samples.images import make_json
from ocinb.samples.signed_images import cosign_tag
from ocinb.spec.digest import Digest
from ocinb.spec.mediatypes import OCI_INDEX
from tests.hostile.rows import Row
from tests.hostile.server import Reply
from tests.hostile.world import INDEX, LONE, World, authorized, index_of, redirecting, saying

API = "*/referrers/*"
STRANGE = {"mediaType": "application/vnd.example", "digest": str(Digest.of(b"nowhere")), "size": 10}


def _list(value: Any) -> Callable[[World], object]:
    """Let the API give something for its list of manifests."""
    body = make_json({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": value})
    return lambda world: world.bend(API, saying(body, Content_Type=OCI_INDEX))


def _endless(world: World) -> None:
    pages = iter(range(10**6))

    def bend(_: Request, reply: Reply) -> Reply:
        if reply.status != 200:
            return reply
        link = f'</v2/demo/app/referrers/{INDEX.digest}?page={next(pages)}>; rel="next"'
        return Reply(200, (("Content-Type", OCI_INDEX), ("Link", link)), make_json(index_of(STRANGE)))

    world.bend(API, bend)


def _link(world: World) -> None:
    link = f'<{world.stranger.base}/v2/>; rel="next"'
    world.bend(API, authorized(lambda reply: reply.with_headers(Link=link)))


ROWS = [
    Row("null for referrers", "referrers", _list(None), None),
    Row("one referrer a hundred times", "referrers", _list([STRANGE] * 100), None, check=lambda frame: len(frame) == 2),
    Row("a referrer that is not there", "referrers", _list([STRANGE]), None, check=lambda frame: len(frame) == 2),
    Row("referrers that are a text", "referrers", _list("all"), InvalidError, "manifests"),
    Row("referrers that are numbers", "referrers", _list([1]), InvalidError),
    Row("a referrer of a negative size", "referrers", _list([{**STRANGE, "size": -1}]), InvalidError, "-1"),
    Row("a referrer whose digest is a path", "referrers", _list([{**STRANGE, "digest": "sha256:../.."}]), InvalidError),
    Row("annotations that are a list", "referrers", _list([{**STRANGE, "annotations": ["a"]}]), InvalidError),
    Row("referrers without an end", "referrers", _endless, TransportError, "pages", settings={"max_list_pages": 20}),
    Row(
        "more referrers than the limit",
        "referrers",
        _list([{**STRANGE, "digest": str(Digest.of(b"%d" % n))} for n in range(30)]),
        InvalidError,
        "max_index_children",
        settings={"max_index_children": 20},
    ),
    Row("referrers that go on at a stranger's", "referrers", _link, TransportError, "another host"),
    Row(
        "referrers led away",
        "referrers",
        lambda world: world.bend(API, redirecting(f"{world.stranger.base}/elsewhere")),
        None,
        check=lambda frame: frame["found_via"].tolist() == ["cosign"],
    ),
    Row(
        "a signature's tag led away",
        "referrers",
        lambda world: world.bend(f"*/manifests/{cosign_tag(INDEX)}", redirecting(f"{world.stranger.base}/elsewhere")),
        None,
        check=lambda frame: frame["found_via"].tolist() == ["api"],
    ),
    Row(
        "referrers of what is not there",
        "referrers",
        lambda world: world.bend("*/manifests/1", authorized(lambda _: Reply(404))),
        NotFoundError,
    ),
    Row(
        "a signature's tag on an image",
        "referrers",
        lambda world: world.content.tag("demo/app", cosign_tag(INDEX), LONE.digest),
        None,
    ),
]
