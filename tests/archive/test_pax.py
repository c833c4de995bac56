from __future__ import annotations

from contextlib import suppress
from decimal import ROUND_FLOOR, Decimal

from hypothesis import given
from hypothesis import strategies as st

from ocinb.archive.extension_headers import Attributes, microseconds, records
from ocinb.archive.tar_headers import MalformedError
from tests.archive.tars import record

_KEYS = st.binary(min_size=1, max_size=20).filter(lambda key: b"=" not in key)


def read(*said: tuple[bytes, bytes]) -> Attributes:
    return Attributes().read(b"".join(record(name, value) for name, value in said))


@given(st.lists(st.tuples(_KEYS, st.binary(max_size=120))))
def test_records_are_read_as_they_are_written(said: list[tuple[bytes, bytes]]) -> None:
    assert list(records(b"".join(record(name, value) for name, value in said))) == said


@given(st.binary(max_size=60) | st.lists(st.sampled_from([*b"0123456789 =\n\0a"]), max_size=30).map(bytes))
def test_anything_is_records_or_malformed(raw: bytes) -> None:
    with suppress(MalformedError):
        found = list(records(raw))
        assert b"".join(record(name, value) for name, value in found).strip(b"\0") or not found


@given(st.decimals(min_value=-(10**12), max_value=10**12, allow_nan=False, places=8))
def test_times_are_cut_towards_the_past(seconds: Decimal) -> None:
    wanted = (seconds * 10**6).to_integral_value(ROUND_FLOOR)
    assert microseconds(f"{seconds:f}".encode()) == wanted
