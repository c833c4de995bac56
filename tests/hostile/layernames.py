"""Layers whose names and links lead astray, or around and around."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

import ocinb
from ocinb.errors import NotFoundError, OcinbError
from tests.hostile import headers
from tests.hostile.headers import LINK, folder, linked, long_named, member, named
from tests.hostile.layerrows import LayerRow


def _seen(paths: dict[str, bool]) -> Callable[[str], None]:
    """Expect these rows of the layer, and of each whether it is visible; what is not has no place in the end."""

    def check(reference: str) -> None:
        frame = ocinb.files(reference)
        rows = frame[frame["layer"] == 1]
        assert dict(zip(rows["path"], rows["visible"], strict=True)) == paths
        final = set(ocinb.filesystem(reference)["path"])
        assert {path for path, visible in paths.items() if visible} <= final
        assert not {path for path, visible in paths.items() if not visible} & final

    return check


def _reads(paths: dict[str, bytes | None]) -> Callable[[str], None]:
    """Expect some paths to be read as these bytes, or refused."""

    def check(reference: str) -> None:
        for path, content in paths.items():
            if content is None:
                with pytest.raises(OcinbError) as caught:
                    ocinb.read(reference, path)
                assert str(caught.value).isprintable()
            else:
                assert ocinb.read(reference, path) == content, path

    return check


def _both(*checks: Callable[[str], None]) -> Callable[[str], None]:
    def check(reference: str) -> None:
        for one in checks:
            one(reference)

    return check


def _tar(*parts: bytes) -> Callable[[], bytes]:
    return partial(headers.tar, *parts)


def _outside(name: bytes) -> LayerRow:
    """Store a file that would lie above the root; nothing of this machine is read instead of it."""
    text = name.decode().removeprefix("./").strip("/")
    return LayerRow(
        f"a file at {name.decode()}",
        _tar(member(name, b"evil")),
        check=_both(_seen({text: False}), _reads({"etc/passwd": None, "../etc/passwd": None, "evil": None})),
    )


def _doubling() -> bytes:
    """Make links of which each leads twice through the one before: forty of them are a million million steps."""
    links = [linked(b"l0", b"."), *(linked(b"l%d" % n, b"l%d/l%d" % (n - 1, n - 1)) for n in range(1, 41))]
    return headers.tar(*links, member(b"l40/file", b"far"), member(b"file", b"near"))


def _chain(length: int) -> bytes:
    links = [linked(b"c%d" % n, b"c%d" % (n + 1)) for n in range(length)]
    return headers.tar(*links, member(b"c%d" % length, b"end"))


def _hard_chain(length: int) -> bytes:
    """Give a file another name, that another, and so on, each before what it names."""
    links = [linked(b"h%d" % n, b"h%d" % (n + 1), LINK) for n in range(length)]
    return headers.tar(*links, member(b"h%d" % length, b"end"))


def _check_no_sizes(reference: str) -> None:
    """Names of nothing have no content, and none of them is counted."""
    [figures] = ocinb.efficiency(reference).to_dict("records")
    stored = ocinb.files(reference).query("type == 'file'")["size_bytes"].sum()
    assert figures["stored_bytes"] == stored == figures["visible_bytes"]


def _not_found(path: str) -> Callable[[str], None]:
    def check(reference: str) -> None:
        with pytest.raises(NotFoundError):
            ocinb.read(reference, path)

    return check


ODD_NAMES = {
    b"new\nline": "new\nline",
    b"bell\x07": "bell\x07",
    b"\x1b[2J": "\x1b[2J",
    b"caf\xe9": "caf\\xe9",
    b"caf\\xe9": "caf\\\\xe9",
    b"\xff\xfe": "\\xff\\xfe",
    b"\xed\xa0\x80": "\\xed\\xa0\\x80",  # half a character of UTF-16
    b"\xc0\xae\xc0\xae/up": "\\xc0\\xae\\xc0\\xae/up",  # two dots, written too long
    b"C:\\Windows\\evil": "C:\\Windows\\evil",
    b"C:/evil": "C:/evil",
    b"\\\\host\\share": "\\\\host\\share",
    b"\xe2\x80\xaetxt.exe": "\u202etxt.exe",
    b"-rf": "-rf",
    b"~/.ssh/x": "~/.ssh/x",
    b"$(reboot)": "$(reboot)",
    b"'; DROP TABLE files; --": "'; DROP TABLE files; --",
    b"<script>alert(1)</script>": "<script>alert(1)</script>",
    b" ": " ",
    b"...": "...",
    b"NUL": "NUL",
}

ROWS = [
    *[
        LayerRow(
            f"odd names {kind}",
            _tar(*(write(raw, raw) for raw in ODD_NAMES)),
            check=_both(
                _seen(dict.fromkeys(ODD_NAMES.values(), True)), _reads({text: raw for raw, text in ODD_NAMES.items()})
            ),
        )
        for kind, write in (("in headers", member), ("in pax", named), ("in GNU's way", long_named))
    ],
    *map(_outside, [b"../evil", b"../../../../etc/passwd", b"a/../../evil", b"/../evil", b"./../evil", b".."]),
    *[
        LayerRow(
            f"a file at {raw.decode()}",
            _tar(member(raw, b"in")),
            check=_both(_seen({text: True}), _reads({text: b"in"})),
        )
        for raw, text in {
            b"/etc/evil": "etc/evil",
            b"//etc/evil": "etc/evil",
            b"./././etc/evil": "etc/evil",
        }.items()
    ],
    LayerRow("a file at a/../b", _tar(folder(b"a"), member(b"a/../b", b"in")), check=_reads({"b": b"in"})),
    LayerRow("a file at a//./b", _tar(folder(b"a"), member(b"a//./b", b"in")), check=_reads({"a/b": b"in"})),
    LayerRow(
        "a link out of the root, and a file through it",
        _tar(linked(b"out", b"../../../.."), member(b"out/inside", b"in"), linked(b"up", b"/../../etc")),
        check=_reads({"inside": b"in", "out/inside": b"in", "up/passwd": None, "out/etc/passwd": None}),
    ),
    LayerRow(
        "a link to the root of this machine, and a file over its passwords",
        _tar(linked(b"root", b"/"), member(b"root/etc/passwd", b"of the image")),
        check=_reads({"etc/passwd": b"of the image", "root/root/root/etc/passwd": b"of the image"}),
    ),
    LayerRow(
        "links to files of this machine",
        _tar(linked(b"a", b"/etc/passwd"), linked(b"b", b"../../../../etc/passwd"), linked(b"c", b"/proc/self/mem")),
        check=_reads({"a": None, "b": None, "c": None}),
    ),
    LayerRow(
        "links to nothing and to themselves",
        _tar(
            linked(b"a", b"b"),
            linked(b"b", b"a"),
            linked(b"self", b"self"),
            linked(b"in", b"in/in"),
            linked(b"e", b"."),
        ),
        check=_reads({"a": None, "self": None, "self/x": None, "in": None, "e": None, "e/e/e/honest/kept": b"kept"}),
    ),
    LayerRow(
        "a file below a link to itself",
        _tar(
            linked(b"self", b"self"), member(b"self/file", b"x"), linked(b"a", b"b"), linked(b"b", b"a"), folder(b"a/f")
        ),
    ),
    LayerRow("links that double at each step", _doubling, check=_reads({"file": b"near", "l3/l2/file": b"near"})),
    LayerRow(
        "a chain of a hundred thousand links", partial(_chain, 100_000), check=_reads({"c0": None, "c99999": b"end"})
    ),
    LayerRow(
        "names of names that go around",
        _tar(linked(b"a", b"b", LINK), linked(b"b", b"a", LINK), linked(b"c", b"c", LINK)),
        check=_both(_check_no_sizes, _reads({"a": None, "b": None, "c": None})),
    ),
    LayerRow("names of what comes later", partial(_hard_chain, 50_000), check=_reads({"h50000": b"end", "h0": None})),
    LayerRow(
        "names of what is outside, of nothing, and of a folder",
        _tar(
            linked(b"a", b"../../etc/passwd", LINK),
            linked(b"b", b"/etc/passwd", LINK),
            linked(b"c", b"", LINK),
            linked(b"d", b"honest", LINK),
            linked(b"e", b"..", LINK),
        ),
        check=_both(_check_no_sizes, _reads(dict.fromkeys("abcde"))),
    ),
    LayerRow(
        "a file with a slash at its end",
        _tar(member(b"slash/", b"seen")),
        check=_both(_seen({"slash": True}), _reads({"slash": b"seen"})),
    ),
    LayerRow(
        "files in what a directory of old tars calls its content",
        _tar(headers.header(b"d/", size=1024, kind=b"\0"), member(b"d/inner", b"unpacked by engines")),
        check=_both(_seen({"d": True, "d/inner": True}), _reads({"d/inner": b"unpacked by engines"})),
    ),
    LayerRow(
        "a name by GNU tar and another by pax",
        _tar(headers.pax(headers.record(b"path", b"by pax")) + long_named(b"by GNU", b"x")),
        check=_both(_seen({"by GNU": True}), _reads({"by GNU": b"x", "by pax": None})),
    ),
    LayerRow("a marker for all", _tar(member(b".wh..wh..opq")), check=_not_found("honest/kept")),
    LayerRow(
        "markers that would remove what is outside",
        _tar(member(b"../.wh.etc"), member(b"a/../../.wh.etc"), member(b"../.wh..wh..opq")),
        check=_reads({"honest/kept": b"kept", "honest/above": b"above"}),
    ),
    LayerRow(
        "markers in the way of aufs",
        _tar(folder(b".wh..wh.plnk"), member(b".wh..wh.aufs", b"x"), member(b".wh..wh.plnk/1.2", b"x")),
        check=_both(
            _seen(dict.fromkeys((".wh..wh.plnk", ".wh..wh.aufs", ".wh..wh.plnk/1.2"), False)),
            _reads({".wh..wh.aufs": None, "honest/kept": b"kept"}),
        ),
    ),
    LayerRow(
        "a file at the root's own name, and one above a folder",
        _tar(folder(b"./"), member(b"honest", b"a file"), member(b"honest/child", b"child")),
        check=_reads({"honest/kept": None, "honest/above": b"above"}),
    ),
]
