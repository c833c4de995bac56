from __future__ import annotations

from ocinb.archive.byte_stream import Gathered, Nothing


def test_what_is_gathered_is_all_of_it() -> None:
    sink = Gathered(b"one")
    sink.update(memoryview(b" and"))
    assert sink.digest() == b"one and"
    sink.update(b" two")
    assert sink.digest() == b"one and two"


def test_what_is_gathered_does_not_change_with_where_it_came_from() -> None:
    buffer = bytearray(b"abc")
    sink = Gathered()
    sink.update(memoryview(buffer))
    buffer[:] = b"xyz"
    assert sink.digest() == b"abc"


def test_nothing_keeps_nothing() -> None:
    sink = Nothing()
    sink.update(b"content")
    assert sink.digest() == b""
