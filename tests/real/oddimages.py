"""Images of odd layers: all that builders may write, and much that they should not, through the hands of umoci."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.real.realimages import Layout
from tests.real.tools import run

CLOCK: Final = 1_700_000_000
_HISTORY = "--history.created=2024-05-06T07:08:09Z"


@dataclass(frozen=True)
class Item:
    """One entry of a tar; a name of bytes that are no UTF-8 has them as surrogates."""

    path: str
    content: bytes = b""
    type: bytes = tarfile.REGTYPE
    mode: int = 0o644
    owner: tuple[int, int] = (0, 0)
    target: str = ""
    device: tuple[int, int] = (0, 0)
    mtime: float = CLOCK


def folder(path: str, mode: int = 0o755, owner: tuple[int, int] = (0, 0), mtime: float = CLOCK) -> Item:
    return Item(path, type=tarfile.DIRTYPE, mode=mode, owner=owner, mtime=mtime)


def link(path: str, target: str) -> Item:
    return Item(path, type=tarfile.SYMTYPE, mode=0o777, target=target)


def name_of(path: str, target: str) -> Item:
    """Give another name of a file."""
    return Item(path, type=tarfile.LNKTYPE, target=target)


def packed(items: Iterable[Item], tar_format: int = tarfile.PAX_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tar_format) as tar:
        for item in items:
            info = tarfile.TarInfo(item.path)
            info.type, info.mode, info.linkname, info.mtime = item.type, item.mode, item.target, item.mtime
            info.uid, info.gid = item.owner
            info.devmajor, info.devminor = item.device
            info.size = len(item.content)
            tar.addfile(info, io.BytesIO(item.content))
        end = tar.offset + 2 * tarfile.BLOCKSIZE  # skopeo forgets the rest when it makes zstd:chunked of it
    return buffer.getvalue()[:end]


def make(directory: Path, name: str, layers: Sequence[bytes]) -> Layout:
    """Let umoci make an image of tars."""
    layout = Layout(directory / name, "1.0", len(layers))
    run("umoci", "init", "--layout", layout.path)
    run("umoci", "new", "--image", layout.image)
    for place, tar in enumerate(layers):
        archive = directory / f"{name}.{place}.tar"
        archive.write_bytes(tar)
        step = f"--history.created_by=COPY {hashlib.sha256(tar).hexdigest()[:8]} / # buildkit"
        run("umoci", "raw", "add-layer", "--image", layout.image, _HISTORY, step, archive)
    run("umoci", "config", "--image", layout.image, "--no-history", "--architecture=amd64", "--os=linux")
    return layout


def make_odd(directory: Path) -> Layout:
    """Markers, clashes, links through links and across layers, devices and special bits, in all formats of tar."""
    formats = [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT, tarfile.PAX_FORMAT]
    layers = [_base(), _changes(), _markers(), _late_links()]
    return make(directory, "odd", [packed(items, kind) for items, kind in zip(layers, formats, strict=True)])


def make_names(directory: Path) -> Layout:
    """Names of all bytes, long ones and deep ones, in GNU's format and in pax."""
    odd = [
        "new\nline",
        "tab\there",
        "\x1b[2J",
        "\\x41",
        "a\\b",
        "C:\\x",
        "caf\udce9",
        "café",
        "\u202ecod.exe",
        "a'\"<b>",
    ]
    long = ["l" * 255, "/".join(["d" * 200] * 10), *(f"wide/{'n' * length}" for length in (99, 100, 101, 155, 156))]
    layers = [
        [
            folder("gnu"),
            *(Item(f"gnu/{name}", name.encode("utf-8", "surrogateescape")) for name in odd + long[:1]),
            Item("gnu/twice", b"first"),
            Item("gnu/twice", b"the last entry of a path counts", mode=0o600),
        ],
        [folder("pax"), *(Item(f"pax/{name}", b"p") for name in odd if name.isprintable() or name == "new\nline")],
        [folder("wide"), *_with_folders(long[1]), *(Item(name, b"w" * len(name)) for name in long[2:])],
        [link("to-long", "/" + long[1]), name_of("name-of-long", long[1]), Item("gnu/.wh.caf\udce9")],
    ]
    formats = [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
    return make(directory, "names", [packed(items, kind) for items, kind in zip(layers, formats, strict=True)])


def _with_folders(path: str) -> list[Item]:
    parts = path.split("/")
    return [*(folder("/".join(parts[:depth])) for depth in range(1, len(parts))), Item(path, b"deep")]


def _base() -> list[Item]:
    return [
        folder("./", 0o751),
        *map(folder, ("usr", "usr/bin/", "./usr/lib", "etc", "srv", "dev", "run", "srv/old", "srv/old/deep")),
        folder("tmp", 0o1777),
        folder("var", mtime=CLOCK + 0.25),
        folder("var/mail", 0o2775, (0, 8)),
        link("bin", "usr/bin"),
        link("lib", "usr/lib"),
        link("lib64", "/usr/lib"),
        Item("usr/bin/tool", b"tool" * 300, mode=0o4755),
        name_of("usr/bin/again", "usr/bin/tool"),
        link("usr/bin/sh", "tool"),
        Item("usr/lib/a.so", b"a" * 1000),
        Item("usr/lib/gone.so", b"g" * 700),
        Item("/etc/passwd", b"root:x:0:0\n"),
        Item("etc/shadow", b"root:!\n", mode=0o640, owner=(0, 42)),
        Item("etc/motd", b"one\n", owner=(1000, 100), mtime=CLOCK - 5.5),
        link("etc/nowhere", "to/nothing"),
        link("etc/loop-a", "loop-b"),
        link("etc/loop-b", "loop-a"),
        link("etc/above", "../../../../../etc/passwd"),
        link("etc/absolute", "/bin/sh"),
        Item("etc/empty"),
        Item("dev/null", type=tarfile.CHRTYPE, mode=0o666, device=(1, 3)),
        Item("dev/loop0", type=tarfile.BLKTYPE, mode=0o660, owner=(0, 6), device=(7, 0)),
        Item("run/pipe", type=tarfile.FIFOTYPE, mode=0o600),
        *(Item(f"srv/{name}", name.encode() * 50) for name in ("one", "two", "three", "four", "to-folder")),
        *(Item(f"srv/old/{name}", name.encode()) for name in ("kept", "deep/kept")),
        *(
            one
            for place in ("to-file", "to-link", "opaque", "opaque-late", "merged")
            for one in (folder(f"srv/{place}"), Item(f"srv/{place}/below", b"below" * 9), folder(f"srv/{place}/sub"))
        ),
        Item("srv/opaque/sub/deep", b"deep"),
        Item("implied/one", b"implied parent", owner=(5, 6)),
    ]


def _changes() -> list[Item]:
    return [
        folder("etc", 0o700),
        Item("etc/passwd", b"root:x:0:0\nshop:x:1:1\n"),
        Item("lib/b.so", b"through a link"),
        Item("lib64/c.so", b"through an absolute link"),
        Item("bin/new", b"new", mode=0o755),
        name_of("usr/bin/third", "usr/bin/tool"),
        name_of("srv/first-name-gone", "srv/one"),
        folder("srv/to-folder", 0o711),
        Item("srv/to-folder/inside", b"inside"),
        Item("srv/to-file", b"a file where a folder was"),
        link("srv/to-link", "/tmp"),
        folder("srv/merged", 0o500, (7, 7)),
        Item("srv/merged/more", b"more"),
        Item("tmp/same", b"below" * 9),
    ]


def _markers() -> list[Item]:
    return [
        Item("srv/.wh.one"),
        Item("srv/.wh.old"),
        Item("srv/.wh.two"),
        Item("srv/two", b"again in the same layer"),
        Item("srv/three", b"before its own marker"),
        Item("srv/.wh.three"),
        folder("srv/opaque"),
        Item("srv/opaque/.wh..wh..opq"),
        Item("srv/opaque/new", b"new"),
        folder("srv/opaque-late"),
        Item("srv/opaque-late/new", b"before the marker"),
        Item("srv/opaque-late/.wh..wh..opq"),
        Item("lib/.wh.gone.so"),
        Item("srv/.wh.never-there"),
        Item("etc/.wh.motd"),
    ]


def _late_links() -> list[Item]:
    return [
        name_of("etc/tool", "usr/bin/third"),
        Item("usr/bin/tool", b"another tool", mode=0o755),
        Item("usr/bin/again", b"and its other name"),
        Item("srv/.wh.merged"),
        folder("srv/old"),
        Item("srv/old/back", b"back"),
        Item("run/pipe", b"no pipe any more"),
        name_of("dev/zero", "dev/null"),
        name_of("bin/shell", "usr/bin/sh"),
    ]
