"""Tests."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ocinb.archive.byte_stream import LARGEST_HEADER, Stream

CHUNKS = st.lists(st.binary(max_size=1500), max_size=4)


def rest(stream: Stream) -> bytes:
    taken = b""
    while piece := stream.take(100):
        assert len(piece) <= 100
        taken += piece
    return taken


@given(CHUNKS)
def test_all_is_taken_in_its_order(chunks: list[bytes]) -> None:
    stream = Stream(chunks)
    assert rest(stream) == b"".join(chunks)
    assert stream.offset == len(b"".join(chunks))


@given(CHUNKS, st.integers(1, 2000))
def test_a_look_takes_nothing(chunks: list[bytes], first: int) -> None:
    stream, whole = Stream(chunks), b"".join(chunks)
    begin = len(stream.take(first))
    assert stream.peek() == whole[begin : begin + LARGEST_HEADER]
    assert stream.offset == begin
    assert rest(stream) == whole[begin:]


@given(st.binary(max_size=50), st.integers(0, 20_000), st.integers(1, 5000))
def test_zeros_are_passed_over(after: bytes, zeros: int, size: int) -> None:
    raw = bytes(zeros) + after
    stream = Stream(raw[at : at + size] for at in range(0, len(raw), size))
    assert stream.skip_zeros() == len(raw) - len(raw.lstrip(b"\0"))
    assert rest(stream) == raw.lstrip(b"\0")
