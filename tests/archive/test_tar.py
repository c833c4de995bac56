"""What tarfile writes is read as tarfile reads it, and as it was meant."""

from __future__ import annotations

import gc
import hashlib
import io
import tarfile
import tracemalloc
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocinb._pool import StoppedError
from ocinb.archive import tar
from ocinb.archive.entries import COLUMNS, text_of
from ocinb.archive.limits import TarLimits
from ocinb.archive.tar import Scanner, read_entry
from ocinb.errors import IntegrityError, InvalidError
from tests.archive.tars import (
    END,
    KINDS,
    LIMITS,
    Member,
    block,
    content,
    entry,
    members,
    pax,
    record,
    scan,
    summed,
    written,
)
from tests.archive.test_sparse import FORMS as FORMS_TAR_CUTS
from tests.archive.test_sparse import FORMS as FORMS_TAR_LIMITS
from tests.archive.test_sparse import RUNS, SIZE, STORED, Form, old
from tests.archive.test_sparse import written as written_of_tar_limits

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


FORMS = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}


def steps(name: bytes) -> str:
    return text_of(b"/".join(step for step in name.split(b"/") if step not in {b"", b"."}))


def expected(member: Member, form: str) -> tuple[object, ...]:
    link = {b"1": steps, b"2": text_of}.get(member.kind, lambda _: None)(member.link)
    micro = member.micro if form == "pax" else member.micro // 10**6 * 10**6
    digest = hashlib.sha256(member.content).digest() if member.kind == b"0" else None
    owner = (member.uid, member.gid)
    return (steps(member.name), KINDS[member.kind], len(member.content), member.mode, *owner, micro, link, digest)


@pytest.mark.parametrize("form", FORMS)
@given(data=st.data())
def test_it_is_read_as_it_was_meant(form: str, data: st.DataObject) -> None:
    wanted = data.draw(st.lists(members(plain=form == "ustar"), max_size=5))
    raw = written(wanted, FORMS[form])
    found = scan(raw, data.draw(st.lists(st.integers(0, len(raw)), max_size=5)))
    kept = (found.path, found.type, found.size_bytes, found.mode, found.uid, found.gid)
    rows = list(zip(*kept, found.mtime, found.link_target, found.sha256, strict=True))
    assert rows == [expected(member, form) for member in wanted]
    assert found.position == list(range(len(wanted)))
    for place, member in enumerate(wanted):
        if member.kind == b"0":
            assert content(raw, place) == member.content
            at = found.offset[place]
            assert at is not None
            assert raw[at : at + len(member.content)] == member.content


@pytest.mark.parametrize("form", FORMS)
@given(data=st.data())
def test_tarfile_reads_the_same(form: str, data: st.DataObject) -> None:
    raw = written(data.draw(st.lists(members(plain=form == "ustar"), max_size=5)), FORMS[form])
    found = scan(raw)
    with tarfile.open(fileobj=io.BytesIO(raw), encoding="utf-8", errors="surrogateescape") as tar:
        infos = tar.getmembers()
    names = [info.name.encode("utf-8", "surrogateescape") for info in infos]
    assert found.path == [steps(name) for name in names]
    assert found.size_bytes == [info.size for info in infos]
    assert found.offset == [info.offset_data if info.isreg() else None for info in infos]
    assert list(zip(found.mode, found.uid, found.gid, strict=True)) == [(i.mode, i.uid, i.gid) for i in infos]


SMALL = TarLimits(entries=20, header_bytes=20_000, content_bytes=1_000_000)
_KEYS = st.sampled_from(
    "path linkpath size mtime uid gid GNU.sparse.major GNU.sparse.minor GNU.sparse.size GNU.sparse.realsize "
    "GNU.sparse.numblocks GNU.sparse.map GNU.sparse.offset GNU.sparse.numbytes GNU.sparse.name hdrcharset".split()
).map(str.encode)
_VALUES = st.sampled_from([b"", b"0", b"1", b"-1", b"600", b"0,1", b"1,2,3", b"9" * 30, b"a\0b", b"/../x", b"1.5"])
_SIZES = st.sampled_from([0, 1, 511, 512, 600, 2**33 - 1, b"\xff" * 12, b"\x80" + b"\xff" * 11, b"", b" ", b"x"])
_PARTS = st.one_of(
    st.binary(max_size=600),
    st.sampled_from([bytes(512), bytes(100), *(form(RUNS, STORED, SIZE) for form in FORMS_TAR_CUTS)]),
    st.lists(st.tuples(_KEYS, _VALUES), max_size=4).map(lambda said: pax(*said)),
    st.lists(st.tuples(_KEYS, _VALUES), max_size=4).map(lambda said: pax(*said, kind=b"g")),
    st.builds(entry, st.binary(max_size=100), st.binary(max_size=700), st.binary(min_size=1, max_size=1)),
    st.builds(
        block, st.binary(max_size=100), st.sampled_from([bytes([kind]) for kind in b"01234567xgLKXSDVMNZ\0"]), _SIZES
    ),
    st.binary(min_size=512, max_size=512).map(summed),
    st.lists(members(), max_size=2).map(lambda wanted: written(wanted, tarfile.PAX_FORMAT)),
)


def outcome(raw: bytes, cuts: list[int]) -> object:
    """Give all columns, or what is said instead; every other error ends the test."""
    try:
        found = scan(raw, cuts, SMALL)
    except (IntegrityError, InvalidError) as error:
        return type(error), str(error)
    return [getattr(found, name) for name in COLUMNS]


@given(st.lists(_PARTS, max_size=6).map(b"".join), st.lists(st.integers(0, 5000)))
def test_what_is_read_does_not_hang_on_the_pieces(raw: bytes, cuts: list[int]) -> None:
    assert outcome(raw, cuts) == outcome(raw, [])


def held_after(scanner: Scanner, raw: bytes, times: int) -> int:
    """Say how much memory is held when a tar has gone on so often, and its rows were taken."""
    for _ in range(times):
        scanner.feed(raw)
        scanner.take()
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


@given(st.lists(_PARTS, min_size=1, max_size=4).map(b"".join))
@settings(max_examples=50)
def test_memory_does_not_grow_with_what_was_read(raw: bytes) -> None:
    scanner = Scanner(replace(SMALL, entries=10**6, content_bytes=10**9), "the layer")
    gc.freeze()  # what all tests before have left is looked through no more
    tracemalloc.start()
    with suppress(IntegrityError, InvalidError):  # what is refused needs no memory either
        before = held_after(scanner, raw, 5)
        assert held_after(scanner, raw, 20) - before < 20 * 128, "not even an object for each time"
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < SMALL.header_bytes * 10 + len(raw) * 20, "as much as comes, and no more than may be said ahead"


@given(st.lists(_PARTS, max_size=4).map(b"".join))
def test_byte_by_byte(raw: bytes) -> None:
    assert outcome(raw, list(range(len(raw)))) == outcome(raw, [])


@given(
    st.lists(members(), min_size=1, max_size=3),
    st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
    st.lists(st.tuples(st.integers(0, 6000), st.integers(0, 255)), min_size=1, max_size=4),
    st.booleans(),
)
def test_damage_that_adds_up(wanted: list[Member], form: int, changes: list[tuple[int, int]], mended: bool) -> None:  # noqa: FBT001 - drawn
    raw = bytearray(written(wanted, form))
    for place, value in changes:
        raw[place % len(raw)] = value
        begin = place % len(raw) // 512 * 512
        if mended:
            raw[begin : begin + 512] = summed(raw[begin : begin + 512])
    assert outcome(bytes(raw), [700, 1500]) == outcome(bytes(raw), [])


@given(st.lists(_PARTS, max_size=5).map(b"".join), st.integers(0, 3))
def test_content_is_that_of_the_digest(raw: bytes, position: int) -> None:
    result = outcome(raw, [])
    if isinstance(result, list) and position < len(result[0]) and result[2][position] == "file":
        stored = content(raw, position, SMALL)
        assert hashlib.sha256(stored).digest() == result[9][position]
        assert len(stored) == result[3][position]


FEW = replace(LIMITS, header_bytes=4096, entries=10, content_bytes=100_000)


def test_empty_entries_need_no_memory() -> None:
    thousand = block(b"a") * 1000
    scanner = Scanner(replace(LIMITS, entries=10_000), "the layer")
    tracemalloc.start()
    for _ in range(10):
        scanner.feed(thousand)
        assert len(scanner.take()) == 1000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000
    with pytest.raises(InvalidError, match="the layer has more entries than max_tar_entries = 10,000"):
        scanner.feed(thousand)


def test_as_many_entries_as_are_allowed() -> None:
    assert len(scan(block(b"a") * 10, limits=FEW)) == 10
    with pytest.raises(InvalidError, match="max_tar_entries = 10"):
        scan(block(b"a") * 11, limits=FEW)


@pytest.mark.parametrize("label", [block(b"v", b"V"), entry(b"v", b"x" * 600, b"V")])
def test_labels_count_though_they_are_no_entries(label: bytes) -> None:
    assert scan(label * 5 + block(b"a") * 5, limits=FEW).position == [0, 1, 2, 3, 4]
    for raw in (label * 11, label * 5 + block(b"a") * 6, block(b"a") * 5 + label * 6):
        with pytest.raises(InvalidError, match="max_tar_entries = 10"):
            scan(raw, limits=FEW)


LONG = {
    "a plain path": entry(b"n" * 100),
    "a plain target": block(b"l", b"2", link=b"t" * 99),
    "a path by pax": pax((b"path", b"n" * 100)) + entry(b"f"),
    "a path by GNU tar": entry(b"././@LongLink", b"n" * 100, b"L") + entry(b"f"),
    "a target by pax": pax((b"linkpath", b"t" * 99)) + block(b"l", b"1"),
    "a path with its bytes spelled": entry(b"\xff" * 25),
}


@pytest.mark.parametrize("raw", LONG.values(), ids=LONG)
def test_names_of_all_entries_count_together(raw: bytes) -> None:
    limits = replace(LIMITS, name_bytes=1000)
    assert len(scan(raw * 10, limits=limits)) == 10
    for cuts in (range(0), range(512, 20_000, 512)):
        with pytest.raises(
            InvalidError, match=r"the layer has paths and link targets of 1,[01]\d\d bytes, .*_name_bytes = 1,0"
        ):
            scan(raw * 11, cuts, limits)


def test_a_global_name_is_counted_for_each_entry_at_once() -> None:
    """A piece of a tar has thousands of entries, and each of them would have that name."""
    raw = pax((b"path", b"n" * 1_000_000), kind=b"g") + block(b"a") * 5000
    scanner = Scanner(replace(LIMITS, name_bytes=10_000_000), "the layer")
    tracemalloc.start()
    with pytest.raises(InvalidError, match="more than max_tar_name_bytes = 10,000,000"):
        scanner.feed(raw)
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000_000
    assert held < 5_000_000, "what was refused is not kept"


def test_names_that_nobody_keeps_cost_nothing() -> None:
    limits = TarLimits(100, 4096, 1000, name_bytes=10)
    assert content(entry(b"n" * 100) * 5 + entry(b"b", b"wanted"), 5, limits) == b"wanted"


@pytest.mark.parametrize(("raw", "heard"), [(NEXT, 0), (pax((b"comment", b"x")) * 10 + NEXT, 5)])
def test_whoever_stops_is_heard(raw: bytes, heard: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A piece of a tar may hold megabytes of headers that take long."""
    asked = list[int]()

    def check() -> None:
        asked.append(1)
        if len(asked) > heard:
            raise StoppedError

    monkeypatch.setattr(tar, "check_stopped", check)
    with pytest.raises(StoppedError):
        Scanner(LIMITS, "the layer").feed(raw)


def test_a_path_of_many_steps() -> None:
    path = b"a/" * 100_000 + b"f"
    assert scan(pax((b"path", b"./" + path)) + entry(b"f")).path == [path.decode()]
    assert scan(entry(b"././@LongLink", path + b"\0", b"L") + entry(b"f")).path == [path.decode()]


@pytest.mark.parametrize("kind", [b"x", b"g", b"X", b"L", b"K"])
@pytest.mark.parametrize("size", [b"%011o\0" % 100_000_000, b"\x80" + bytes(6) + b"\xff" * 5])
def test_a_header_of_100_mb_is_refused_before_it_comes(kind: bytes, size: bytes) -> None:
    with pytest.raises(InvalidError, match=r"the entry at byte 0 of the layer has headers of .* max_tar_header_bytes"):
        scan(block(b"it", kind, size))


@pytest.mark.parametrize("kind", [b"x", b"g", b"L"])
def test_headers_of_one_entry_count_together(kind: bytes) -> None:
    part = entry(b"it", record(b"comment", b"x" * 1000), kind)
    assert len(scan((part * 2 + block(b"a")) * 5, limits=FEW)) == 5
    with pytest.raises(InvalidError, match="more than max_tar_header_bytes = 4,096"):
        scan(part * 3, limits=FEW)


def test_a_map_of_holes_without_end() -> None:
    goes_on = b"\1" * 504 + b"\1" + bytes(7)
    header = old([(0, 0)] * 5, b"", 1000)[:512]
    with pytest.raises(InvalidError, match="max_tar_header_bytes"):
        scan(header + (b"00000000000\x0000000000000\0" * 21 + goes_on[504:]) * 100, limits=FEW)
    with pytest.raises(InvalidError, match="max_tar_header_bytes"):
        scan(written_of_tar_limits([(0, 0)] * 3000, b"", 1000), limits=FEW)


@pytest.mark.parametrize("form", [old, written_of_tar_limits])
@pytest.mark.parametrize("size", [2**33 - 1, 200_000])
def test_holes_are_not_read_past_the_limit(form: Form, size: int) -> None:
    with pytest.raises(InvalidError, match=r"the layer has sparse files of .* max_unpacked_bytes = 100,000"):
        scan(form([(0, 0)], b"", size), limits=FEW)


def test_holes_of_all_files_count_together() -> None:
    raw = old([(0, 0)], b"", 40_000)
    assert len(scan(raw * 2, limits=FEW)) == 2
    with pytest.raises(InvalidError, match="sparse files of 120,000 bytes"):
        scan(raw * 3, limits=FEW)


@pytest.mark.parametrize("form", FORMS_TAR_LIMITS)
def test_holes_have_a_limit_of_their_own(form: Form) -> None:
    """They are hashed, and what a tar claims costs it nothing."""
    limits = replace(LIMITS, hole_bytes=SIZE - len(STORED))
    assert len(scan(form(RUNS, STORED, SIZE), limits=limits)) == 1
    with pytest.raises(InvalidError, match=r"sparse files with 4,389 bytes of holes.* max_hole_bytes = 4"):
        scan(form(RUNS, STORED, SIZE + 1), limits=limits)
    with pytest.raises(InvalidError, match="with 8,776 bytes of holes, more than max_hole_bytes = 4,388"):
        scan(form(RUNS, STORED, SIZE) * 2, limits=limits)


def test_stored_bytes_of_a_sparse_file_are_no_holes() -> None:
    limits = replace(LIMITS, hole_bytes=0)
    assert scan(old([(0, 512), (512, 100)], STORED, 612) * 5, limits=limits).size_bytes == [612] * 5


def test_holes_of_what_nobody_wants_cost_nothing() -> None:
    limits = TarLimits(10, 4096, 64 * 1024**3)
    raw = written_of_tar_limits([(0, 0)], b"", 60 * 1024**3) + entry(b"b", b"wanted")
    assert content(raw, 1, limits) == b"wanted"


def test_terabytes_of_nothing() -> None:
    limits = TarLimits(10, 4096, 64 * 1024**3)
    size, nothing = (b"GNU.sparse.size", b"%d" % 10**13), (b"GNU.sparse.map", b"0,0")
    with pytest.raises(InvalidError, match="sparse files of 10,000,000,000,000 bytes"):
        content(pax(size, nothing, (b"GNU.sparse.numblocks", b"1")) + entry(b"a"), 0, limits)


def test_a_large_file_needs_no_memory() -> None:
    piece = bytes(1024 * 1024)
    scanner, digest = Scanner(LIMITS, "the layer"), hashlib.sha256()
    scanner.feed(block(b"large", b"0", 200 * len(piece)))
    tracemalloc.start()
    for _ in range(200):
        scanner.feed(piece)
        digest.update(piece)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000
    assert scanner.take().sha256 == [digest.digest()]


def test_a_million_records_are_read_once_over() -> None:
    body = record(b"path", b"a") * 90_000
    assert scan(entry(b"it", body, b"x") + entry(b"b")).path == ["a"]


def test_global_records_do_not_grow() -> None:
    part = entry(b"it", record(b"comment", b"x" * 3000), b"g") + block(b"a")
    scanner = Scanner(replace(FEW, entries=10_000), "the layer")
    scanner.feed(part)
    tracemalloc.start()
    for _ in range(500):
        scanner.feed(part)
        scanner.take()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 500_000


@pytest.mark.parametrize("name", [b"a", b"n" * 5000])
@pytest.mark.parametrize("after", [b"x" * 512, block(b"b") * 10])
def test_nothing_is_believed_of_a_damaged_tar(name: bytes, after: bytes) -> None:
    scanner = Scanner(replace(LIMITS, entries=5), "the layer")
    with pytest.raises((IntegrityError, InvalidError)):
        scanner.feed(pax((b"path", name)) + block(b"a") + after)
    assert len(scanner.take()) == 0
