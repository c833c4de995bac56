from __future__ import annotations

import hashlib

import pytest

from ocinb.archive.entries import COLUMNS
from ocinb.archive.tar import Scanner, read_entry
from ocinb.errors import IntegrityError, InvalidError
from tests.archive.tars import END, LIMITS, block, content, entry, pax, scan

NEXT = entry(b"next", b"abc")


def test_an_entry_in_all_its_columns() -> None:
    raw = pax((b"mtime", b"1.5")) + block(b"./a//b/", b"5", mode=b"0107755\0", uid=b"0000007\0", gid=b"0000010\0")
    found = scan(raw)
    assert [getattr(found, name) for name in COLUMNS] == [
        [0],
        ["a/b"],
        ["directory"],
        [0],
        [0o7755],
        [7],
        [8],
        [1_500_000],
        [None],
        [None],
        [None],
    ]


def test_a_file_has_its_digest_and_its_place() -> None:
    raw = NEXT + pax((b"path", b"other")) + entry(b"name", b"x" * 600)
    found = scan(raw + END)
    assert found.path == ["next", "other"]
    assert found.sha256 == [hashlib.sha256(b"abc").digest(), hashlib.sha256(b"x" * 600).digest()]
    assert found.offset == [512, 1024 + 1024 + 512]
    assert found.position == [0, 1]
    assert [content(raw, place) for place in (0, 1)] == [b"abc", b"x" * 600]


def test_an_empty_file_has_the_digest_of_nothing() -> None:
    assert scan(entry(b"empty")).sha256 == [hashlib.sha256(b"").digest()]
    assert content(entry(b"empty"), 0) == b""


@pytest.mark.parametrize(
    ("kind", "type_"),
    [
        *[(b"1", "hardlink"), (b"2", "symlink"), (b"3", "character"), (b"4", "block"), (b"5", "directory")],
        *[(b"6", "fifo")],
    ],
)
@pytest.mark.parametrize("size", [0, 600])
def test_what_has_no_content_whatever_its_size(kind: bytes, type_: str, size: int) -> None:
    found = scan(block(b"it", kind, size, link=b"./to//it") + NEXT)
    assert found.type == [type_, "file"]
    assert (found.size_bytes[0], found.sha256[0], found.offset[0]) == (0, None, None)
    assert found.link_target[0] == {"hardlink": "to/it", "symlink": "./to//it"}.get(type_)


def test_a_hard_link_may_have_any_size_field() -> None:
    assert scan(block(b"it", b"1", b"\xff" * 12) + NEXT).type == ["hardlink", "file"]
    assert scan(pax((b"size", b"9999")) + block(b"it", b"1") + NEXT).type == ["hardlink", "file"]


def test_a_hard_link_with_content_is_damage_at_that_content() -> None:
    with pytest.raises(IntegrityError, match="the layer is damaged at byte 1,536: it is no header"):
        scan(NEXT + entry(b"it", b"x" * 600, b"1", link=b"next"))


@pytest.mark.parametrize("kind", [b"0", b"\0", b"7", b"Z", b"A", b"\xff"])
def test_what_is_a_regular_file(kind: bytes) -> None:
    found = scan(entry(b"it", b"x" * 600, kind) + NEXT)
    assert found.type == ["file", "file"]
    assert found.sha256[0] == hashlib.sha256(b"x" * 600).digest()


@pytest.mark.parametrize("kind", [b"0", b"7"])
def test_a_file_with_a_slash_is_a_file(kind: bytes) -> None:
    """Engines write its content to the path before the slash, so nobody may be told of a directory."""
    raw = entry(b"d/", b"x" * 600, kind) + NEXT
    found = scan(raw)
    assert (found.path, found.type, found.size_bytes) == (["d", "next"], ["file", "file"], [600, 3])
    assert found.sha256[0] == hashlib.sha256(b"x" * 600).digest()
    assert content(raw, 0) == b"x" * 600


def test_the_list_of_a_dump_is_passed_over() -> None:
    found = scan(entry(b"d/", b"x" * 600, b"D") + NEXT)
    assert (found.path, found.type, found.size_bytes) == (["d", "next"], ["directory", "file"], [0, 3])


@pytest.mark.parametrize("slashed", [block(b"d/", b"\0", 2048), pax((b"path", b"d/")) + block(b"d", b"\0", 2048)])
def test_a_directory_of_old_tars_has_no_content(slashed: bytes) -> None:
    """What stands there are entries for Go, so engines unpack them."""
    found = scan(slashed + entry(b"inner", b"hidden") + NEXT)
    assert (found.path, found.type) == (["d", "inner", "next"], ["directory", "file", "file"])
    assert found.size_bytes == [0, 6, 3]
    with pytest.raises(IntegrityError, match="it is no header of a tar"):
        scan(slashed + b"x" * 2048 + NEXT)


def test_a_volume_label_is_no_entry() -> None:
    raw = block(b"label", b"V") + entry(b"label", b"x" * 600, b"V") + NEXT
    found = scan(raw)
    assert (found.path, found.position) == (["next"], [0])
    assert content(raw, 0) == b"abc"


def test_the_rest_of_a_file_is_refused() -> None:
    with pytest.raises(IntegrityError, match="byte 1,024: it is the rest of a file from another volume"):
        scan(NEXT + entry(b"it", b"x" * 600, b"M"))


@pytest.mark.parametrize("magic", [bytes(8), b"ustar  \0", b"ustar\x0000", b"ustar\0  ", b"whatever"])
def test_formats_old_and_new(magic: bytes) -> None:
    assert scan(entry(b"it", b"x", magic=magic)).path == ["it"]


@pytest.mark.parametrize(
    ("raw", "count"),
    [
        (b"", 0),
        (END, 0),
        (bytes(512), 0),
        (bytes(100), 0),
        (NEXT, 1),
        (NEXT + END, 1),
        (NEXT + bytes(512), 1),
        (NEXT + bytes(700), 1),
        (NEXT + bytes(9), 1),
        (NEXT + END + NEXT, 1),
        (NEXT + bytes(512) + NEXT, 1),
        (NEXT + END + b"garbage", 1),
        (NEXT + pax((b"path", b"x")) + END, 1),
    ],
)
def test_where_a_tar_ends(raw: bytes, count: int) -> None:
    assert len(scan(raw)) == count


def whole() -> bytes:
    """Make a tar in which each kind of thing stands."""
    long = entry(b"././@LongLink", b"n" * 600 + b"\0", b"L")
    return NEXT + long + entry(b"n", b"x" * 700) + pax((b"uid", b"7")) + block(b"link", b"2", link=b"to")


def test_cut_off_at_any_byte() -> None:
    raw = whole()
    edges = {0, 1024, 1024 + 1536 + 1536, len(raw)}
    # The zeros behind the content of the last entry need not be there.
    ends = {*edges, *range(512 + len(b"abc"), 1024), *range(1024 + 1536 + 512 + 700, 1024 + 1536 + 1536)}
    for cut in range(len(raw)):
        if cut in ends or cut % 16 not in {0, 1, 15}:
            continue
        with pytest.raises(IntegrityError, match=f"the layer is cut off at byte {cut:,}, in the entry at byte "):
            scan(raw[:cut])
    assert [len(scan(raw[:edge])) for edge in sorted(edges)] == [0, 1, 2, 3]
    assert {len(scan(raw[:end])) for end in ends} == {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("cut", "begun"), [(100, 0), (513, 0), (514, 0), (1025, 1024), (1536, 1024), (2000, 1024), (2560, 1024)]
)
def test_it_says_where_the_entry_began_that_is_cut_off(cut: int, begun: int) -> None:
    with pytest.raises(IntegrityError, match=f"cut off at byte {cut:,}, in the entry at byte {begun:,}$"):
        scan(whole()[:cut])


def test_a_wrong_checksum_has_its_place() -> None:
    raw = bytearray(NEXT + NEXT)
    raw[1024] ^= 1
    for cuts in ([], [1000], [1030, 1100]):
        with pytest.raises(IntegrityError, match=r"the layer is damaged at byte 1,024: .*checksum is wrong"):
            scan(bytes(raw), cuts)


def test_what_is_no_tar_at_all() -> None:
    with pytest.raises(IntegrityError, match="damaged at byte 0: it is no header of a tar"):
        scan(b"PK\3\4" * 400)


@pytest.mark.parametrize(
    "fields",
    [
        *[{"size": b"\xff" * 12}, {"size": b"\x80" + b"\xff" * 11}, {"size": b"12x\0"}, {"uid": b"root\0"}],
        *[{"mode": b"rwx\0"}, {"mtime": b"today\0"}],
    ],
)
def test_numbers_that_cannot_be(fields: dict[str, bytes]) -> None:
    with pytest.raises(IntegrityError, match="damaged at byte 1,024: "):
        scan(NEXT + block(b"it", **{"size": 0, **fields}))  # type: ignore[arg-type] # size is the third argument


def test_a_size_that_no_tar_has_is_cut_off() -> None:
    with pytest.raises(IntegrityError, match="cut off at byte 2,048, in the entry at byte 0"):
        scan(block(b"it", b"0", b"\x80" + bytes(3) + b"\x7f" + b"\xff" * 7) + bytes(1536))


@pytest.mark.parametrize(
    ("seconds", "micro"),
    [
        (b"253402300799.9999999", 253_402_300_799_999_999),
        (b"253402300800", None),
        (b"-62135596800", -62_135_596_800_000_000),
        (b"-62135596800.0000001", None),
        (b"9" * 3000, None),
    ],
)
def test_times_that_no_clock_shows(seconds: bytes, micro: int | None) -> None:
    assert scan(pax((b"mtime", seconds)) + NEXT).mtime == [micro]


def test_times_before_1970_in_old_headers() -> None:
    assert scan(block(b"it", mtime=b"\xff" * 12)).mtime == [-1_000_000]
    assert scan(block(b"it", mtime=b"\x80" + bytes(3) + b"\x7f" + b"\xff" * 7)).mtime == [None]


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        *[(b"/etc/passwd", "etc/passwd"), (b"../../etc", "../../etc"), (b"a/../b", "a/../b"), (b"./", ""), (b"/", "")],
        *[(b"C:\\Windows", "C:\\Windows"), (b"C:/x", "C:/x"), (b"a\nb", "a\nb"), (b"\x1b[2J", "\x1b[2J")],
        *[(b"caf\xe9", "caf\\xe9"), (b".", ""), (b"a/.", "a"), (b"", ""), (b".wh..wh..opq", ".wh..wh..opq")],
    ],
)
def test_names_that_mean_harm_are_names(raw: bytes, path: str) -> None:
    assert scan(pax((b"path", raw)) + entry(b"" if not raw else b"it")).path == [path]


def test_rows_are_taken_once() -> None:
    scanner = Scanner(LIMITS, "the layer")
    scanner.feed(NEXT + NEXT[:513])
    assert scanner.take().path == ["next"]
    assert len(scanner.take()) == 0
    scanner.feed(memoryview(NEXT)[513:])
    assert scanner.take().position == [1]
    assert scanner.seen == 2048
    scanner.finish()


def test_content_is_read_no_further_than_it_goes() -> None:
    def chunks() -> object:
        yield NEXT
        yield entry(b"b", b"x" * 600)
        raise AssertionError("nothing behind it is read")

    assert read_entry(chunks(), 1, LIMITS, "the layer") == b"x" * 600  # type: ignore[arg-type] # a generator of bytes


@pytest.mark.parametrize(
    ("position", "told"), [(2, "the layer has no entry 2"), (1, "the entry 1 of the layer is no regular file")]
)
def test_content_that_is_not_there(position: int, told: str) -> None:
    with pytest.raises(InvalidError, match=told):
        content(NEXT + block(b"d/", b"5") + END, position)


def test_content_that_is_cut_off() -> None:
    with pytest.raises(IntegrityError, match="cut off"):
        content(entry(b"b", b"x" * 600)[:700], 0)
