"""A pull from a real registry over a line that spoils answers: each row is what is asked, what comes, and what follows.

After each, the store has only what is right in it, other tools read it, and no byte came twice that was of use.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from ocinb.errors import AuthError, IntegrityError, NotFoundError, RateLimitError, TransportError
from tests.patience import SECONDS
from tests.real import badlines, tools
from tests.real.badlines import LEFT, Fails, Layer, Row
from tests.real.faultproxy import Answer, Exchange, Fault, FaultProxy, fine
from tests.real.faults import (
    HANG_UP,
    RESET,
    SILENCE,
    End,
    bent,
    chunked,
    cut,
    flipped,
    gzipped,
    half_a_head,
    longer_by,
    multipart,
    no_answer,
    part,
    refused,
    whole,
    with_more,
    without_length,
)

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("no_pauses")]

PAGE = 5000
SILENT_SECONDS = 1.5  # until nothing more is waited for; who answers does it before that on a machine with much to do
KIB = 1024


def breaks(how: str, end: End, sizes: Sequence[int]) -> list[Row]:
    timeout = SILENT_SECONDS if end is SILENCE else SECONDS
    named = {size: f"after {size:,} bytes" if size > 0 else "before the last byte" for size in sizes}
    return [
        Row(f"{how} {where}", [(0, cut(size, end)), (size, fine)], timeout=timeout) for size, where in named.items()
    ]


EDGES = (1, 16 * KIB, 64 * KIB - 1, 64 * KIB, 64 * KIB + 1, 512 * KIB, -1)
BROKEN = [
    *breaks("reset", RESET, EDGES),
    *breaks("ended", HANG_UP, EDGES),
    *breaks("silent", SILENCE, (1, LEFT, -1)),
    Row(
        "broken again and again, and each time a little more",
        [(0, cut(1, RESET)), (1, cut(1, HANG_UP)), (2, cut(LEFT - 2, RESET)), (LEFT, fine)],
    ),
    Row(
        "broken more often than is tried again",
        [(0, cut(LEFT, RESET)), (LEFT, cut(1, RESET)), (LEFT + 1, fine)],
        pulls=(Fails(TransportError, "the connection broke.*the next pull goes on from there"), "resumed"),
        retries=1,
    ),
    Row("no answer but a reset", [(0, no_answer(RESET)), (0, fine)]),
    Row("no answer but an end", [(0, no_answer(HANG_UP)), (0, fine)]),
    Row("reset after the head", [(0, cut(0, RESET)), (0, fine)]),
    Row("ended after the head", [(0, cut(0, HANG_UP)), (0, fine)]),
    Row("silent after the head", [(0, cut(0, SILENCE)), (0, fine)], timeout=SILENT_SECONDS),
    Row("silent instead of an answer", [(0, no_answer(SILENCE)), (0, fine)], timeout=SILENT_SECONDS),
    Row(
        "silent instead of the rest",
        [(0, cut(LEFT, RESET)), (LEFT, no_answer(SILENCE)), (LEFT, fine)],
        timeout=SILENT_SECONDS,
    ),
    Row("silent within the head", [(0, half_a_head(SILENCE)), (0, fine)], timeout=SILENT_SECONDS),
    Row("reset within the head", [(0, half_a_head(RESET)), (0, fine)]),
    Row("ended within the head", [(0, half_a_head(HANG_UP)), (0, fine)]),
    Row("no answer to the rest", [(0, cut(LEFT, RESET)), (LEFT, no_answer(RESET)), (LEFT, fine)]),
    Row("ended within the head of the rest", [(0, cut(LEFT, RESET)), (LEFT, half_a_head(HANG_UP)), (LEFT, fine)]),
]

LENGTHS = [
    Row(
        "a length that is too great",
        [(0, longer_by(1)), (0, fine)],
        pulls=(Fails(IntegrityError, "has to be"), "downloaded"),
        wholes=1,
    ),
    Row(
        "a length that is too small",
        [(0, longer_by(-1)), (0, fine)],
        pulls=(Fails(IntegrityError, "has to be"), "downloaded"),
        wholes=1,
    ),
    Row("no length", [(0, without_length())]),
    Row("no length, by a newer server", [(0, without_length(version="HTTP/1.1"))]),
    Row("no length and too few bytes", [(0, without_length(LEFT)), (LEFT, fine)]),
    Row("chunks", [(0, chunked())]),
    Row("chunks without an end", [(0, chunked(end=b""))]),
    Row("too few chunks, with an end", [(0, chunked(LEFT)), (LEFT, fine)]),
    Row("too few chunks, without an end", [(0, chunked(LEFT, end=b"")), (LEFT, fine)]),
    Row("a wrong chunk that breaks off", [(0, chunked(LEFT, end=b"9\r\nabc")), (LEFT + 3, fine), (0, fine)], wholes=1),
    Row("a chunk whose size is no number", [(0, chunked(LEFT, end=b"many\r\n")), (LEFT, fine)]),
    Row("chunks of one byte", [(0, chunked(2000, size=1, end=b"")), (2000, fine)]),
]

RANGES = [
    Row("200 and the whole", [(0, cut(LEFT, RESET)), (LEFT, whole)], again=LEFT),
    Row("206 without a Content-Range", [(0, cut(LEFT, RESET)), (LEFT, part(said=None)), (0, fine)], wholes=1),
    Row("206 with a Content-Range of nothing", [(0, cut(LEFT, RESET)), (LEFT, part(said="")), (0, fine)], wholes=1),
    Row("206 with one that is no range", [(0, cut(LEFT, RESET)), (LEFT, part(said="all")), (0, fine)], wholes=1),
    Row("206 in another unit", [(0, cut(LEFT, RESET)), (LEFT, part(said="words {0}-{1}/{2}")), (0, fine)], wholes=1),
    Row(
        "206 that ends before it begins",
        [(0, cut(LEFT, RESET)), (LEFT, part(said="bytes {0}-0/{2}"))],
    ),
    Row("206 of unknown size", [(0, cut(LEFT, RESET)), (LEFT, part(said="bytes {0}-{1}/*"))]),
    Row(
        "206 of another size",
        [(0, cut(LEFT, RESET)), (LEFT, part(said="bytes {0}-{1}/{1}")), (LEFT, fine)],
        pulls=(Fails(IntegrityError, "has to be"), "resumed"),
        wholes=1,
    ),
    Row("another range, and it says so", [(0, cut(LEFT, RESET)), (LEFT, part(7, said_shift=7)), (0, fine)], wholes=1),
    Row(
        "an earlier range, and it says so",
        [(0, cut(LEFT, RESET)), (LEFT, part(-7, said_shift=-7)), (0, fine)],
        wholes=1,
        again=7,
    ),
    Row("another range than it says", [(0, cut(LEFT, RESET)), (LEFT, part(7, more=7)), (0, fine)], wholes=1),
    Row("the first range again", [(0, cut(LEFT, RESET)), (LEFT, part(-LEFT)), (0, fine)], wholes=1, again=LEFT),
    Row("206 with too few bytes", [(0, cut(LEFT, RESET)), (LEFT, part(more=-10)), (-10, fine)]),
    Row("206 with too many bytes", [(0, cut(LEFT, RESET)), (LEFT, part(more=10)), (0, fine)], wholes=1, again=10),
    Row("206 with several parts", [(0, cut(LEFT, RESET)), (LEFT, multipart), (0, fine)], wholes=1, again=KIB),
    Row("206 though nothing was asked for in parts", [(0, part())]),
    Row("416", [(0, cut(LEFT, RESET)), (LEFT, refused(416)), (0, fine)], again=LEFT),
    Row(
        "416 for the whole",
        [(0, refused(416)), (0, fine)],
        pulls=(Fails(TransportError, "does not have the part"), "downloaded"),
    ),
    Row(
        "416, then half of the whole",
        [(0, cut(LEFT, RESET)), (LEFT, refused(416)), (0, cut(LEFT, RESET)), (LEFT, fine)],
        again=LEFT,
    ),
]


def on_date(exchange: Exchange) -> None:
    refused(503, retry_after=format_datetime(datetime.now(UTC) + timedelta(seconds=1), usegmt=True))(exchange)


def garbage(exchange: Exchange) -> None:
    exchange.line.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
    exchange.hang_up()


def page(answer: Answer) -> Answer:
    return answer.but(200, b"<html>".ljust(PAGE), content_type="text/html", content_range=None)


DAMAGED = Fails(IntegrityError, "sha256:[0-9a-f]{64}.*sha256:[0-9a-f]{64}.*wrong both times")
LATER = refused(503, retry_after="1")

REFUSALS = [
    Row("503, come back in a second", [(0, LATER), (0, fine)]),
    Row("503, come back at a date", [(0, on_date), (0, fine)]),
    Row(
        "429, come back in a second, in the middle",
        [(0, cut(LEFT, RESET)), (LEFT, refused(429, retry_after="1")), (LEFT, fine)],
    ),
    Row(
        "429, come back tomorrow",
        [(0, cut(LEFT, RESET)), (LEFT, refused(429, retry_after="86400")), (LEFT, fine)],
        pulls=(Fails(RateLimitError, "Come back in"), "resumed"),
    ),
    Row(
        "500 now and then",
        [(0, refused(500)), (0, cut(LEFT, RESET)), (LEFT, refused(500)), (LEFT, refused(502)), (LEFT, fine)],
    ),
    Row(
        "500 too often",
        [(0, cut(LEFT, RESET)), (LEFT, refused(500)), (LEFT, refused(500)), (LEFT, fine)],
        pulls=(Fails(TransportError, "answered 500"), "resumed"),
        retries=1,
    ),
    Row(
        "404 in the middle",
        [(0, cut(LEFT, RESET)), (LEFT, refused(404)), (LEFT, fine)],
        pulls=(Fails(NotFoundError, "no such thing"), "resumed"),
    ),
    Row(
        "403 in the middle",
        [(0, cut(LEFT, RESET)), (LEFT, refused(403)), (LEFT, fine)],
        pulls=(Fails(AuthError, "403"), "resumed"),
    ),
    Row(
        "a page of somebody else",
        [(0, bent(page)), (0, fine)],
        pulls=(Fails(IntegrityError, "has to be.*A web page came"), "downloaded"),
        again=PAGE,
    ),
    Row(
        "a page of somebody else in the middle",
        [(0, cut(LEFT, RESET)), (LEFT, bent(page)), (LEFT, fine)],
        pulls=(Fails(IntegrityError, "has to be"), "resumed"),
        again=PAGE,
    ),
    Row(
        "an empty answer that calls itself good",
        [(0, refused(200, body=b"")), (0, fine)],
        pulls=(Fails(IntegrityError, "has to be"), "downloaded"),
    ),
    Row("204", [(0, refused(204, body=b"")), (0, fine)], pulls=(Fails(TransportError, "answered 204"), "downloaded")),
    Row("304", [(0, refused(304, body=b"")), (0, fine)], pulls=(Fails(TransportError, "answered 304"), "downloaded")),
    Row("an answer that is no HTTP", [(0, garbage), (0, fine)], pulls=(Fails(TransportError, "no HTTP"), "downloaded")),
    Row("hints before the answer", [(0, with_more(b"HTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\n"))]),
    Row("bytes behind its end", [(0, with_more(after=b"HTTP/1.1 200 OK\r\n\r\nwrong"))]),
    Row("a page whose length is not said", [(0, without_length(change=page)), (PAGE, fine), (0, fine)], wholes=1),
]
CONTENT = [
    Row("one wrong byte, once", [(0, bent(flipped(LEFT))), (0, fine)], wholes=1),
    Row("one wrong byte in the last place", [(0, bent(flipped(-1))), (0, fine)], wholes=1),
    Row("one wrong byte in the rest", [(0, cut(LEFT, RESET)), (LEFT, bent(flipped(0))), (0, fine)], wholes=1),
    Row(
        "one wrong byte, and it breaks off",
        [(0, cut(LEFT, RESET, change=flipped(0))), (LEFT, fine), (0, fine)],
        wholes=1,
    ),
    Row(
        "one wrong byte, always",
        [(0, bent(flipped(LEFT))), (0, bent(flipped(LEFT))), (0, fine)],
        pulls=(DAMAGED, "downloaded"),
        wholes=2,
    ),
    Row(
        "another wrong byte each time",
        [(0, bent(flipped(0))), (0, bent(flipped(-1))), (0, fine)],
        pulls=(DAMAGED, "downloaded"),
        wholes=2,
    ),
    Row("called compressed, and as it should be", [(0, bent(lambda answer: answer.but(content_encoding="gzip")))]),
    Row(
        "compressed once more and without a length",
        [(0, without_length(change=gzipped)), (0, without_length(change=gzipped)), (0, fine)],
        pulls=(Fails(IntegrityError, "more came"), "downloaded"),
        wholes=2,
        again=10 * KIB,
    ),
    Row(
        "compressed once more",
        [(0, bent(gzipped)), (0, fine)],
        pulls=(Fails(IntegrityError, "has to be.*It came as gzip"), "downloaded"),
        wholes=1,
        again=10 * KIB,
    ),
]
ROWS = [*BROKEN, *LENGTHS, *RANGES, *REFUSALS, *CONTENT]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_pull_gets_over(row: Row, proxy: FaultProxy, layer: Layer, tmp_path: Path) -> None:
    badlines.play(row, proxy, layer, tmp_path / "pulled")
    badlines.judge(row, proxy, layer, tmp_path / "pulled")


# That the faults are some, by somebody who did not write them.
SEEN_BY_SKOPEO = {
    "nothing": (fine, ""),
    "a wrong byte": (bent(flipped(LEFT)), "did not match"),
    "a length that is too great": (longer_by(1), "unexpected EOF"),
    "a page": (bent(page), "did not match"),
    "too few bytes": (without_length(LEFT), "did not match"),
}


@pytest.mark.parametrize(("fault", "says"), SEEN_BY_SKOPEO.values(), ids=SEEN_BY_SKOPEO)
def test_skopeo_sees_it_too(fault: Fault, says: str, proxy: FaultProxy, layer: Layer, tmp_path: Path) -> None:
    proxy.follow(layer.digest, [], then=fault)
    words = (
        "--insecure-policy",
        "copy",
        "--quiet",
        "--src-tls-verify=false",
        f"docker://{proxy.name(layer.reference)}",
    )
    with nullcontext() if fault is fine else pytest.raises(RuntimeError, match=says):
        tools.run("skopeo", *words, f"oci:{tmp_path}/copy:1.0")
    assert proxy.firsts(layer.digest)[0] == 0
