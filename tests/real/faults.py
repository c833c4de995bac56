"""What may be wrong with an answer: each function makes one way to send a blob otherwise than it has to be sent.

Places and sizes count the bytes of the answer's own body; a negative place counts from its end.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable

from tests.real.faultproxy import Answer, Exchange, Fault

End = Callable[[Exchange], None]
Change = Callable[[Answer], Answer]
RESET, HANG_UP, SILENCE = Exchange.reset, Exchange.hang_up, Exchange.fall_silent


def _as_it_is(answer: Answer) -> Answer:
    return answer


def cut(place: int, end: End, *, change: Change = _as_it_is) -> Fault:
    """Send the head and so much of the body."""

    def fault(exchange: Exchange) -> None:
        answer = change(exchange.answer())
        exchange.line.sendall(exchange.head(answer))
        exchange.send_body(answer.body[:place])
        end(exchange)

    return fault


def no_answer(end: End) -> Fault:
    """Send nothing at all."""
    return end


def half_a_head(end: End) -> Fault:
    """Stop in the middle of the length."""

    def fault(exchange: Exchange) -> None:
        head = exchange.head(exchange.answer())
        exchange.line.sendall(head[: head.lower().index(b"content-length: ") + len(b"content-length: 1")])
        end(exchange)

    return fault


def bent(change: Change) -> Fault:
    """Make another answer of the right one, and send it well."""
    return lambda exchange: exchange.send(change(exchange.answer()))


def longer_by(more: int) -> Fault:
    """Say another length than the body has; who said too much hangs up, and who said too little goes on."""

    def fault(exchange: Exchange) -> None:
        answer = exchange.answer()
        said = str(len(answer.body) + more)
        exchange.line.sendall(exchange.head(answer.but(content_length=said)))
        exchange.send_body(answer.body)
        exchange.hang_up()

    return fault


def chunked(place: int | None = None, *, end: bytes = b"0\r\n\r\n", size: int = 10_000) -> Fault:
    """Send the body, or so much of it, in chunks, and `end` after them."""

    def fault(exchange: Exchange) -> None:
        answer = exchange.answer()
        exchange.line.sendall(exchange.head(answer.but(content_length=None, transfer_encoding="chunked")))
        body = answer.body[:place]
        for start in range(0, len(body), size):
            chunk = body[start : start + size]
            exchange.line.sendall(b"%x\r\n" % len(chunk))
            exchange.send_body(chunk)
            exchange.line.sendall(b"\r\n")
        exchange.line.sendall(end)
        exchange.hang_up()

    return fault


def without_length(place: int | None = None, *, version: str = "HTTP/1.0", change: Change = _as_it_is) -> Fault:
    """Send the body, or so much of it, and let the end of the line be its end."""

    def fault(exchange: Exchange) -> None:
        answer = change(exchange.answer())
        exchange.line.sendall(exchange.head(answer.but(content_length=None), version=version))
        exchange.send_body(answer.body[:place])
        exchange.hang_up()

    return fault


def with_more(before: bytes = b"", after: bytes = b"") -> Fault:
    """Send the right answer and something that belongs to no answer, over a line that stays open."""

    def fault(exchange: Exchange) -> None:
        answer = exchange.answer()
        exchange.line.sendall(before + exchange.head(answer))
        exchange.send_body(answer.body)
        exchange.line.sendall(after)

    return fault


def then_gone(exchange: Exchange) -> None:
    """Answer as one has to, and hang up without having said so."""
    exchange.send(exchange.answer())
    exchange.hang_up()


def flipped(place: int) -> Change:
    """Change one byte."""

    def change(answer: Answer) -> Answer:
        body = bytearray(answer.body)
        body[place] ^= 1
        return answer.but(body=bytes(body))

    return change


def gzipped(answer: Answer) -> Answer:
    """Compress what nobody wanted compressed, and what is no smaller for it."""
    return answer.but(body=gzip.compress(answer.body, 0), content_encoding="gzip")


def refused(status: int, *, body: bytes = b'{"errors": []}', **headers: str) -> Fault:
    """Answer with a status and no blob."""
    said = Answer(status, {}, b"").but(status, body, content_type="application/json", **headers)
    return lambda exchange: exchange.send(said)


def sent_to(host: str) -> Fault:
    """Send whoever asks to another host."""

    def fault(exchange: Exchange) -> None:
        refused(307, body=b"", location=f"http://{host}{exchange.asked.path}")(exchange)

    return fault


def unknown(exchange: Exchange) -> None:
    """Let the registry say what it says to one without a token."""
    exchange.send(exchange.answer(without="authorization").but())


def whole(exchange: Exchange) -> None:
    """Give all where a part was asked for, as a registry without ranges does."""
    exchange.send(exchange.answer(without="range").but())


def part(shift: int = 0, *, more: int = 0, said: str | None = "bytes {0}-{1}/{2}", said_shift: int = 0) -> Fault:
    """Give a part by 206.

    Parameters
    ----------
    shift
        How far it begins behind the part that was asked for.
    more
        How many bytes more it has than it should have.
    said
        The Content-Range, of first, last and size as they should be; None leaves it out.
    said_shift
        How far behind the right part the Content-Range says that it begins.
    """

    def fault(exchange: Exchange) -> None:
        body, first = exchange.answer(without="range"), exchange.asked.first
        size = len(body.body)
        sent = body.body[max(0, first + shift) :]
        sent = sent + b"x" * more if more >= 0 else sent[:more]
        content_range = None if said is None else said.format(first + said_shift, size - 1, size)
        exchange.send(body.but(206, sent, content_range=content_range))

    return fault


def multipart(exchange: Exchange) -> None:
    """Give the right part as the one part of a multipart answer."""
    right = exchange.answer()
    inner = f"\r\n--edge\r\nContent-Range: {right.headers.get('content-range')}\r\n\r\n".encode()
    body = b"".join([inner, right.body, b"\r\n--edge--\r\n"])
    kind = "multipart/byteranges; boundary=edge"
    exchange.send(right.but(206, body, content_range=None, content_type=kind))
