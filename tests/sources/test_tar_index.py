"""Where the bytes of a tar's members are; hostile tars mislead nobody and fill no memory."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ocinb._settings import Settings
from ocinb.errors import InvalidError
from ocinb.sources.file_reader import Content, open_file, whole
from ocinb.sources.tar_index import TarIndex
from tests.localfiles import Member, tar_bytes

LIMIT = 10_000
SYM, HARD, DIRECTORY = tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE


def content_of(path: Path, raw: bytes) -> Content:
    path.write_bytes(raw)
    return whole(open_file(path, path.name))


def index(folder: Path, raw: bytes, settings: Settings | None = None) -> TarIndex:
    return TarIndex(content_of(folder / "a.tar", raw), settings or Settings())


def of(folder: Path, *members: Member) -> TarIndex:
    return index(folder, tar_bytes(members))


def read(members: TarIndex, name: str) -> bytes | None:
    return members.read(name, LIMIT, "limit")


LONG = "d/" * 150 + "file"


def test_a_large_member_is_not_read_as_a_document(tmp_path: Path) -> None:
    members = of(tmp_path, Member("file", b"x" * (LIMIT + 1)))
    with pytest.raises(InvalidError, match=r"'file' in a\.tar has 10,001 bytes, more than limit = 10,000"):
        read(members, "file")


def whole_tar() -> bytes:
    return tar_bytes([Member("first", b"1" * 5000), Member("second", b"2" * 5000), Member("third", b"3" * 5000)])


@pytest.mark.parametrize("length", [1, 100, 511, 512, 513, 3000, 5631, 5700, 6100, 12_000, 16_000])
def test_a_tar_that_is_cut_off_is_refused(tmp_path: Path, length: int) -> None:
    with pytest.raises(InvalidError, match=r"a\.tar is (no tar archive|damaged)"):
        index(tmp_path, whole_tar()[:length])


def _header(name: bytes, size: bytes, kind: bytes) -> bytes:
    header = bytearray(512)
    header[: len(name)] = name
    header[100:108], header[124:136], header[156:157] = b"0000644\0", size, kind
    header[257:265] = b"ustar\x0000"
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


@pytest.mark.parametrize("kind", [b"0", b"x", b"L", b"g", b"5"])
def test_negative_sizes_lead_in_no_circle(tmp_path: Path, kind: bytes) -> None:
    raw = _header(b"first", b"%011o\0" % 0, b"0") + _header(b"back", b"\xff" * 10 + b"\xfa\0", kind)
    with pytest.raises(InvalidError, match=r"a\.tar is"):
        index(tmp_path, raw + b"\0" * 4096)


def _pax(record: bytes, kind: bytes = b"x") -> bytes:
    return _header(b"p", b"%011o\0" % len(record), kind) + record.ljust(-(-len(record) // 512) * 512, b"\0")


def _record(key: str, value: str) -> bytes:
    text = f" {key}={value}\n"
    return f"{len(text) + 2}{text}".encode()  # of 10 to 99 bytes


def _sparse_10(data: bytes) -> bytes:
    marks = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "odd", "GNU.sparse.realsize": "9"}
    return _pax(b"".join(_record(*mark) for mark in marks.items())) + _header(b"o", b"%011o\0" % len(data), b"0") + data


def _sparse_old(blocks: int) -> bytes:
    header = bytearray(_header(b"odd", b"%011o\0" % 0, b"S"))
    header[386:410], header[482] = b"%011o\0%011o\0" % (0, 1), 1  # it goes on behind the header
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    more = (b"%011o\0%011o\0" % (1, 1)) * 21 + b"\1"
    return bytes(header) + more.ljust(512, b"\0") * blocks


@pytest.mark.parametrize(
    "headers",
    [
        _pax(b"11 a=12345\n") * 3000,
        _header(b"long", b"%011o\0" % 4, b"L") * 3000,
        _sparse_old(3000),
        _sparse_10(b"999999\n" + b"1\n" * 500_000),
    ],
    ids=["pax", "long names", "sparse", "sparse in pax"],
)
def test_headers_of_a_member_come_to_an_end(tmp_path: Path, headers: bytes) -> None:
    with pytest.raises(InvalidError, match=r"a\.tar is refused: the headers of one member have more than 65,536 bytes"):
        index(tmp_path, headers + whole_tar())


def test_attributes_for_all_members_do_not_pile_up(tmp_path: Path) -> None:
    few, many = (
        b"".join(_pax(_record(f"key{n:04}", "v"), b"g") + whole_tar()[:5632] for n in range(c)) for c in (9, 200)
    )
    assert "first" in index(tmp_path, few)
    with pytest.raises(InvalidError, match=r"a\.tar is refused: it has more than 100 attributes for all members"):
        index(tmp_path, many)


def test_too_many_members_are_refused(tmp_path: Path) -> None:
    raw = tar_bytes(Member(f"m{number}") for number in range(30))
    assert "m29" in index(tmp_path, raw, Settings(max_archive_members=30))
    with pytest.raises(InvalidError, match=r"more members than max_archive_members = 29"):
        index(tmp_path, raw, Settings(max_archive_members=29))


_FIELD = st.binary(min_size=1, max_size=12)


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(place=st.integers(0, 3 * 5632), noise=_FIELD)
def test_whatever_is_damaged_is_read_or_refused(tmp_path: Path, place: int, noise: bytes) -> None:
    raw = bytearray(whole_tar())
    raw[place : place + len(noise)] = noise
    try:
        members = index(tmp_path, bytes(raw))
        found = [members.find(name) for name in ("first", "second", "third")]
    except InvalidError as error:
        assert "a.tar" in str(error)  # noqa: PT017 - either is right
        return
    assert all(one is None or one.offset + one.size <= len(raw) for one in found)
