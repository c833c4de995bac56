"""Layers for many images: systems, what runs on them, releases of a program; all that layers do, in a few kilobytes."""

from __future__ import annotations

import gzip
import hashlib
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.real.oddimages import Item, folder, link, name_of, packed

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

OCI_TAR = "application/vnd.oci.image.layer.v1.tar"
_ENDINGS = {"gzip": "+gzip", "zstd": "+zstd", "none": ""}


@dataclass(frozen=True)
class Tar:
    """A layer, and the step that made it."""

    raw: bytes = field(repr=False)
    diff_id: str
    media_type: str
    step: str


def digest_of(raw: bytes) -> str:
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"


def layer(step: str, items: Sequence[Item], compression: str = "gzip") -> Tar:
    tar = packed(items)
    packers = {"gzip": lambda raw: gzip.compress(raw, 1, mtime=0), "zstd": zstd.compress, "none": bytes}
    return Tar(packers[compression](tar), digest_of(tar), OCI_TAR + _ENDINGS[compression], f"{step} # buildkit")


def base(version: int, revision: int = 1) -> list[Tar]:
    """A system of two layers: its files, and what an update changes in them."""
    release = f'ID=debian\nVERSION_ID="{version}"\nPRETTY_NAME="Debian {version}"\n'.encode()
    system = [
        *map(folder, ("etc", "usr", "usr/bin", "usr/lib", "usr/share", "usr/share/doc", "var", "var/cache", "srv")),
        link("bin", "usr/bin"),
        link("lib", "usr/lib"),
        Item("usr/lib/os-release", release),
        link("etc/os-release", "../usr/lib/os-release"),
        Item("etc/passwd", b"root:x:0:0\n"),
        Item("etc/empty"),
        *(Item(f"usr/lib/lib{number}.so", noise(f"lib {number}", 3000 + 500 * number)) for number in range(version)),
        *(Item(f"usr/share/doc/copyright-{number}", b"the same for all\n" * 40) for number in range(6)),
        *(Item(f"var/cache/{name}", noise(f"{name} {version}", 2000)) for name in ("one", "two", "three")),
        Item("usr/bin/tool", b"tool" * 300, mode=0o4755),
        name_of("usr/bin/tool-again", "usr/bin/tool"),
    ]
    update = [
        Item("usr/lib/lib0.so", noise(f"lib 0 {version} {revision}", 3100)),
        Item("lib/added.so", noise(f"added {version} {revision}", 900)),  # through a link
        Item("var/cache/.wh.one"),
        folder("usr/share/doc"),
        Item("usr/share/doc/.wh..wh..opq"),
        Item("usr/share/doc/copyright-0", b"the same for all\n" * 40),
    ]
    return [layer(f"ADD debian-{version} /", system), layer(f"RUN apt-get upgrade -y {revision}", update)]


def runtime(version: int) -> Tar:
    """What runs programs: it removes a cache, and one name of a file that has two."""
    items = [
        Item("usr/bin/python3", noise("python", 9000), mode=0o755),
        name_of("usr/bin/python3.11", "usr/bin/python3"),
        link("usr/bin/python", "python3"),
        Item("usr/bin/.wh.tool"),
        Item("var/.wh.cache"),
        *(Item(f"usr/lib/python3/m{number}.py", noise(f"m {number % 4}", 700)) for number in range(8)),
    ]
    return layer(f"RUN apt-get install -y python3-{version}", items, "zstd" if version == 13 else "gzip")


def release(number: int) -> list[Tar]:
    """A program: what it needs, which is new in every sixth release, the program, and some tidying up after it."""
    needs = [Item(f"srv/lib/{name}", noise(f"{name} {number // 6}", 1500)) for name in ("flask", "click", "jinja")]
    rng = random.Random(number)
    program = [
        Item("srv/app.py", noise(f"app {number}", rng.randrange(500, 9000))),
        Item("srv/key", f"secret {number}".encode()),
        Item("srv/README", b"read me\n"),
        *(Item(f"srv/static/{place}", noise(f"static {place}", 400)) for place in range(number % 5)),
    ]
    tidy = [Item("srv/.wh.key"), Item("srv/app.py", noise(f"app {number}", 100)), folder("srv/lib"), Item("srv/log")]
    if number % 4 == 3:
        tidy += [Item("srv/lib/.wh..wh..opq"), Item("usr/bin/.wh.tool-again")]
    steps = ("RUN pip install -r needs.txt", f"COPY app-{number} /srv", "RUN tidy")
    return [layer(step, items) for step, items in zip(steps, (needs, program, tidy), strict=True)]


def program(name: str, size: int) -> Tar:
    """One file in a layer of its own."""
    return layer(f"COPY {name} /srv/program", [Item("srv/program", noise(name, size), mode=0o755)])


def noise(name: str, size: int) -> bytes:
    """Give bytes that do not compress, the same for a name at all times."""
    return hashlib.shake_128(name.encode()).digest(size)
