from __future__ import annotations

from contextlib import suppress
from decimal import ROUND_FLOOR, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.archive.extension_headers import Attributes, microseconds, records, whole_number
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


@pytest.mark.parametrize(
    "body",
    [
        b"12 path=a/b",
        b"12 path=a/bc",
        b"13 path=a/b\n",
        b"11 path=a/b\n",
        b"path=a/b\n",
        b"0 path=a/b\n",
        b"3 \n",
        b"5 abc",
        b"6 abc\n",
        b"-9 path=a\n",
        b" 12 path=a\n",
        b"+10 path=a\n",
        b"\t11 path=a\n",
        b"8 path=a\n",
        b"7 path\n=",
        b"12 path=a/b\n\0x",
        b"9" * 100 + b" path=a/b\n",
        b"99999999999999999999 path=a/b\n",
    ],
)
def test_records_that_are_none(body: bytes) -> None:
    with pytest.raises(MalformedError, match="pax header"):
        list(records(body))


def test_zeros_behind_records_are_let_pass() -> None:
    assert list(records(record(b"path", b"a") + bytes(40))) == [(b"path", b"a")]


def test_all_that_is_said_is_taken() -> None:
    said = read(
        *[
            (b"path", b"a"),
            (b"linkpath", b"b\n=c"),
            (b"size", b"9"),
            (b"mtime", b"1.25"),
            (b"uid", b"7"),
            (b"gid", b"8"),
        ],
        *[(b"SCHILY.xattr.user.mime_type", b"\0\xff"), (b"comment", b"\0"), (b"atime", b"soon"), (b"uname", b"root")],
    )
    assert said == Attributes(b"a", b"b\n=c", 9, 1_250_000, 7, 8)


def test_the_last_of_two_counts() -> None:
    assert read((b"path", b"a"), (b"size", b"1"), (b"path", b"b"), (b"size", b"2")) == Attributes(path=b"b", size=2)


def test_nothing_takes_back() -> None:
    defaults = read((b"path", b"a"), (b"uid", b"7"))
    assert defaults.read(record(b"path", b"")) == Attributes(uid=7)
    assert read((b"size", b"1"), (b"size", b"")) == Attributes()


@pytest.mark.parametrize("name", [b"path", b"linkpath", b"GNU.sparse.name"])
def test_a_name_with_a_nul(name: bytes) -> None:
    with pytest.raises(MalformedError, match="NUL"):
        read((name, b"etc/passwd\0.txt"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[
            (b"size", value)
            for value in (b"-1", b"1.5", b" 1", b"0x1", b"9223372036854775808", b"1" * 5000, b"1_0", b"\xb2")
        ],
        *[(b"uid", value) for value in (b"--1", b"-", b"root", b"9" * 30)],
        *[(b"mtime", value) for value in (b"now", b"1e5", b"nan", b".5", b"-", b"+1", b"1,5", b"1.5.5", b"\n1")],
        *[(b"GNU.sparse.map", value) for value in (b"1,", b"1,-2", b",")],
        *[(b"GNU.sparse.numblocks", b""), (b"GNU.sparse.offset", b"x"), (b"GNU.sparse.realsize", b"9" * 20)],
    ],
)
def test_values_that_are_none(name: bytes, value: bytes) -> None:
    with pytest.raises(MalformedError, match=r"in it is no size|is no time"):
        read((name, value))


@given(st.decimals(min_value=-(10**12), max_value=10**12, allow_nan=False, places=8))
def test_times_are_cut_towards_the_past(seconds: Decimal) -> None:
    wanted = (seconds * 10**6).to_integral_value(ROUND_FLOOR)
    assert microseconds(f"{seconds:f}".encode()) == wanted


def test_times_that_nobody_lives_to_see_cost_nothing() -> None:
    assert microseconds(b"9" * 100_000) > 10**20
    assert microseconds(b"-" + b"9" * 100_000) < -(10**20)
    assert microseconds(b"0" * 100_000 + b"1." + b"0" * 100_000) == 10**6


def test_whole_numbers_up_to_the_largest() -> None:
    assert whole_number(b"9223372036854775807") == 2**63 - 1


def test_a_negative_owner_is_kept() -> None:
    assert read((b"uid", b"-2")).uid == -2


def test_offsets_and_lengths_come_by_turns() -> None:
    first, second = (b"GNU.sparse.offset", b"1"), (b"GNU.sparse.numbytes", b"2")
    sparse = read(first, second, first, second).sparse
    assert sparse is not None
    assert sparse.numbers == [1, 2, 1, 2]
    for wrong in ([second], [first, first], [first, second, second]):
        with pytest.raises(MalformedError, match="order"):
            read(*wrong)
