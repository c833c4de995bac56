"""Blobs that are not what was promised, and answers that are hardly HTTP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ocinb.errors import AuthError, IntegrityError, InvalidError, NotFoundError, RateLimitError, TransportError
from tests.hostile.rows import Row
from tests.hostile.server import Reply
from tests.hostile.world import LARGE, LONE, World, authorized, child_edited

BLOB = f"*/blobs/{LARGE.digest}"
TAG = "*/manifests/1"


def _blob(change: Callable[[Reply], Reply]) -> Callable[[World], object]:
    return lambda world: world.bend(BLOB, authorized(change))


def _raw(raw: bytes, pattern: str = BLOB) -> Callable[[World], object]:
    """Say some bytes to those who have a token."""
    return lambda world: world.bend(pattern, authorized(lambda _: Reply(raw=raw)))


def _head(*lines: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode()


def _chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    return _head("Transfer-Encoding: chunked") + b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in chunks) + end


def _sized(size: int) -> Callable[[World], object]:
    """Point the tag at an image that gives its large layer another size."""
    return lambda world: world.put(child_edited(LONE, "layers", 1, size=size), tag="lone")


FLIPPED = LARGE.raw[:-1] + bytes([LARGE.raw[-1] ^ 1])

ROWS = [
    Row("one bit is flipped", "pull", _blob(lambda reply: replace(reply, body=FLIPPED)), IntegrityError, LARGE.digest),
    Row(
        "a body that is shorter, and says so",
        "pull",
        _blob(lambda reply: replace(reply, body=reply.body[:-1])),
        IntegrityError,
        LARGE.digest,
    ),
    Row(
        "a body that is longer, and says so",
        "pull",
        _blob(lambda reply: replace(reply, body=reply.body + b"!")),
        IntegrityError,
        LARGE.digest,
    ),
    Row(
        "a body that is longer than its length",
        "pull",
        _blob(lambda reply: replace(reply, body=reply.body + b"HTTP/1.1 200 OK\r\n\r\n", length=str(len(LARGE.raw)))),
        None,
    ),
    Row("a body that breaks off each time", "pull", _blob(lambda reply: replace(reply, cut=0)), TransportError),
    Row(
        "a body without a length that never ends",
        "pull",
        _raw(_head() + LARGE.raw + b"x" * 500_000),
        IntegrityError,
        "more came",
    ),
    Row("chunks that never end", "pull", _raw(_chunked(LARGE.raw, *[b"x" * 1000] * 500)), IntegrityError, "more came"),
    Row("chunks without an end", "pull", _raw(_chunked(LARGE.raw[:1000], end=b"")), TransportError),
    Row(
        "chunks whose lengths are none",
        "pull",
        _raw(_head("Transfer-Encoding: chunked") + b"zz\r\nabc\r\n"),
        TransportError,
    ),
    Row("a negative length", "pull", _raw(_head("Content-Length: -5") + LARGE.raw[:100]), TransportError),
    Row("a length that is no number", "pull", _raw(_head("Content-Length: many") + LARGE.raw[:100]), TransportError),
    Row(
        "two lengths that contradict each other",
        "pull",
        _raw(_head(f"Content-Length: {len(LARGE.raw)}", "Content-Length: 5") + LARGE.raw),
        TransportError,
    ),
    Row("a manifest that gives a layer more bytes", "pull", _sized(len(LARGE.raw) + 10), IntegrityError, LARGE.digest),
    Row("a manifest that gives a layer fewer bytes", "pull", _sized(10), IntegrityError, LARGE.digest),
    Row(
        "a compression that nobody asked for",
        "pull",
        _blob(lambda reply: reply.with_headers(Content_Encoding="gzip")),
        None,
    ),
    Row(
        "an error under the status of a blob",
        "pull",
        _blob(lambda reply: replace(reply, body=b'{"errors": []}')),
        IntegrityError,
    ),
    Row("no content", "pull", _blob(lambda _: Reply(204)), TransportError),
    Row(
        "a part that was not asked for",
        "pull",
        _blob(lambda reply: replace(reply, status=206).with_headers(Content_Range=f"bytes 5-9/{len(LARGE.raw)}")),
        TransportError,
    ),
    Row("a layer that is gone", "pull", _blob(lambda _: Reply(404)), NotFoundError, LARGE.digest[:20]),
    Row("a layer that is forbidden", "pull", _blob(lambda _: Reply(403)), AuthError),
    Row("nothing", "pull", _raw(b""), TransportError),
    Row("another protocol", "layers", _raw(b"SSH-2.0-OpenSSH_9.2\r\n", TAG), TransportError),
    Row("a status that is no number", "layers", _raw(_head(status="OK"), TAG), TransportError),
    Row("a thousand headers", "layers", _raw(_head(*[f"X-{n}: {n}" for n in range(1000)]), TAG), TransportError),
    Row("a header of a hundred thousand characters", "layers", _raw(_head("X: " + "x" * 100_000), TAG), TransportError),
    Row(
        "headers that move a terminal",
        "layers",
        _raw(_head("Content-Length: 2", "Docker-Content-Digest: \x1b[2J") + b"{}", TAG),
        InvalidError,
    ),
    Row(
        "an error that moves a terminal",
        "layers",
        lambda world: world.bend(
            TAG, authorized(lambda _: Reply(500, body=b'{"errors": [{"code": "X", "message": "\\u001b[2J"}]}'))
        ),
        TransportError,
        "500",
    ),
    Row(
        "an error of a gigabyte, as it says",
        "layers",
        _raw(_head(f"Content-Length: {10**9}", status="500 No") + b"x" * 3_000_000, TAG),
        InvalidError,
        "limit",
        settings={"max_manifest_bytes": 2_000_000},
    ),
    Row(
        "an error that is no list",
        "layers",
        lambda world: world.bend(TAG, authorized(lambda _: Reply(500, body=b'{"errors": {"a": [1]}}'))),
        TransportError,
        "500",
    ),
    Row(
        "too many requests, for a year",
        "layers",
        lambda world: world.bend(TAG, authorized(lambda _: Reply(429, (("Retry-After", "31536000"),)))),
        RateLimitError,
        settings={"retries": 3},
    ),
    Row(
        "too many requests, until a date that is none",
        "layers",
        lambda world: world.bend(TAG, authorized(lambda _: Reply(429, (("Retry-After", "tomorrow \x01"),)))),
        RateLimitError,
    ),
]
