"""An image says of which distribution it is, by the os-release file that a container of it would see."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import ocinb
from ocinb.samples import SampleRegistry
from ocinb.samples.images import Layer, make_layer
from ocinb.samples.seekable_layers import make_estargz
from ocinb.samples.tars import Entry, file, hardlink, opaque, symlink, whiteout

DEBIAN = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nID=debian\n'
ALPINE = "ID=alpine\nVERSION_ID=3.20.3\n"
USR = file("usr/lib/os-release", DEBIAN)
LINK = symlink("etc/os-release", "../usr/lib/os-release")


@pytest.fixture
def catalog() -> Iterator[ocinb.Catalog]:
    ocinb.settings.tag_ttl = 0
    with ocinb.Catalog() as made:
        yield made


def distribution(catalog: ocinb.Catalog, registry: SampleRegistry, *layers: list[Entry] | Layer) -> str | None:
    """Add an image of some layers, and give what the catalogue says of it."""
    made = [layer if isinstance(layer, Layer) else make_layer(layer) for layer in layers]
    digest = registry.put_image("team/app", made, tag="1")
    name = registry.reference("team/app:1")
    assert catalog.add(name, depth="files", progress=False)["outcome"].tolist() == ["added"]
    return said_of(catalog, digest)


def said_of(catalog: ocinb.Catalog, digest: str) -> str | None:
    frame = catalog.sql("SELECT distribution FROM images WHERE manifest_digest = ?", [digest]).dropna()
    return frame["distribution"].item() if len(frame) else None


def blob_of(layer: Layer) -> Path:
    """Say where the store has a layer."""
    return Path(ocinb.settings.store_dir) / "blobs" / layer.digest.replace(":", "/")


STACKS: dict[str, tuple[list[list[Entry]], str | None]] = {
    "a link": ([[USR, LINK]], "debian 12"),
    "the other way": (
        [[file("etc/os-release", ALPINE), symlink("usr/lib/os-release", "/etc/os-release")]],
        "alpine 3.20.3",
    ),
    "only in usr": ([[USR]], "debian 12"),
    "etc comes first": ([[USR, file("etc/os-release", ALPINE)]], "alpine 3.20.3"),
    "in another layer": ([[USR], [LINK]], "debian 12"),
    "overwritten": ([[USR, LINK], [file("usr/lib/os-release", ALPINE)]], "alpine 3.20.3"),
    "overwritten in one layer": ([[LINK, USR, file("usr/lib/os-release", ALPINE)]], "alpine 3.20.3"),
    "deleted": ([[USR, LINK], [whiteout("usr/lib/os-release")]], None),
    "its link deleted": ([[USR, LINK], [whiteout("etc/os-release")]], "debian 12"),
    "made opaque": ([[USR, LINK], [opaque("usr/lib"), file("usr/lib/x")]], None),
    "deleted and back": ([[USR, LINK], [whiteout("usr/lib/os-release")], [USR]], "debian 12"),
    "twice the same layer": ([[USR, LINK], [file("usr/lib/os-release", ALPINE)], [USR, LINK]], "debian 12"),
    "a hard link": ([[USR, hardlink("etc/os-release", "usr/lib/os-release")]], "debian 12"),
    "two links": (
        [
            [
                LINK,
                symlink("usr/lib/os-release", "os.release.d/os-release-c"),
                file("usr/lib/os.release.d/os-release-c", ALPINE),
            ]
        ],
        "alpine 3.20.3",
    ),
    "a link out of the root": ([[symlink("etc/os-release", "../../../usr/lib/os-release"), USR]], "debian 12"),
    "a dead link": ([[symlink("etc/os-release", "nowhere")]], None),
    "links in a circle": ([[LINK, symlink("usr/lib/os-release", "../../etc/os-release")]], None),
    "a directory": ([[file("etc/os-release/x", DEBIAN)]], None),
    "huge": ([[file("etc/os-release", DEBIAN + "#" * 100_000)]], None),
    "empty": ([[file("etc/os-release", "")]], None),
    "says nothing in etc": ([[file("etc/os-release", "NAME=x\n"), USR]], "debian 12"),
    "a script": ([[file("etc/os-release", "ID=$(reboot)\nVERSION_ID='; DROP TABLE images; --'\n")]], None),
    "no such file": ([[file("x", DEBIAN)]], None),
    "no layers": ([], None),
}


@pytest.mark.parametrize("stack", STACKS)
def test_the_file_that_a_container_sees(registry: SampleRegistry, catalog: ocinb.Catalog, stack: str) -> None:
    layers, expected = STACKS[stack]
    assert distribution(catalog, registry, *layers) == expected


def test_by_a_table_of_contents(registry: SampleRegistry, catalog: ocinb.Catalog) -> None:
    layer = make_estargz([USR, LINK])
    assert distribution(catalog, registry, layer) == "debian 12"
    assert not blob_of(layer).exists(), "the layer was not fetched"


def test_what_is_damaged_in_the_store_says_nothing(registry: SampleRegistry, catalog: ocinb.Catalog) -> None:
    layer = make_layer([USR, LINK])
    digest = registry.put_image("team/app", [layer], tag="1")
    name = registry.reference("team/app:1")
    ocinb.files(name, progress=False)
    blob = blob_of(layer)
    raw = make_layer([file("usr/lib/os-release", DEBIAN.replace("debian", "doubt!")), LINK]).raw
    blob.chmod(0o600)
    blob.write_bytes(raw[: len(layer.raw)].ljust(len(layer.raw), b"\0"))
    catalog.add(name, depth="files", progress=False)
    assert said_of(catalog, digest) is None
