"""Whatever happens to the files of a store: the answer is right, or an error says which file is wrong."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import ocinb
from ocinb._settings import settings
from ocinb.errors import OcinbError
from ocinb.samples import SampleRegistry
from ocinb.sources.session import close_default_session

HEALS = ""
Damage = Callable[[Path], object]


def each(change: Callable[[Path], object]) -> Damage:
    """Do something to every blob."""

    def damage(store: Path) -> None:
        for path in (store / "blobs").glob("*/*"):
            change(path)

    return damage


def become_file(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
    path.write_bytes(b"no folder")


def become_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def become_link(path: Path, target: Path) -> None:
    path.unlink()
    path.symlink_to(target)


# What happened; the file that errors name when layers are asked for, and when the image is pulled again.
DAMAGES: dict[str, tuple[Damage, str, str]] = {
    "index.json is empty": (lambda store: (store / "index.json").write_bytes(b""), HEALS, "index.json"),
    "index.json is no text": (lambda store: (store / "index.json").write_bytes(b"\xff\0"), HEALS, "index.json"),
    "index.json is a list": (lambda store: (store / "index.json").write_bytes(b"[]"), HEALS, "index.json"),
    "index.json is a folder": (lambda store: become_folder(store / "index.json"), HEALS, "index.json"),
    "index.json is gone": (lambda store: (store / "index.json").unlink(), HEALS, HEALS),
    "oci-layout is gone": (lambda store: (store / "oci-layout").unlink(), HEALS, HEALS),
    "oci-layout is no JSON": (lambda store: (store / "oci-layout").write_bytes(b"x"), HEALS, HEALS),
    "all is gone": (shutil.rmtree, HEALS, HEALS),
    "the store is a file": (become_file, "own-store", "own-store"),
    "the blobs are a file": (lambda store: become_file(store / "blobs"), "own-store", "own-store"),
    "the notes are a file": (lambda store: become_file(store / ".ocinb" / "verified"), HEALS, HEALS),
    "our folder is a file": (lambda store: become_file(store / ".ocinb"), "own-store", "own-store"),
    "blobs were overwritten": (each(lambda path: path.write_bytes(b"x" * path.stat().st_size)), HEALS, HEALS),
    "blobs were emptied": (each(lambda path: path.write_bytes(b"")), HEALS, HEALS),
    "blobs were cut": (each(lambda path: path.write_bytes(path.read_bytes()[:-1])), HEALS, HEALS),
    "blobs have grown": (each(lambda path: path.write_bytes(path.read_bytes() + b"x")), HEALS, HEALS),
    "blobs lead nowhere": (each(lambda path: become_link(path, Path("/none/x"))), HEALS, HEALS),
    "blobs lead to another": (each(lambda path: become_link(path, path.parents[2] / "oci-layout")), HEALS, HEALS),
    "blobs are folders": (each(become_folder), "sha256", "sha256"),
}


@pytest.mark.parametrize(("damage", "layers_name", "pull_names"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_store_heals_or_says_what_is_wrong(
    registry: SampleRegistry, damage: Damage, layers_name: str, pull_names: str
) -> None:
    name = registry.reference("demo/shop:2.0")
    right = ocinb.layers(name, platform="all")
    ocinb.pull(name, platform="arm64", progress=False)
    close_default_session()
    damage(settings.store_dir)
    _try(lambda: ocinb.layers(name, platform="all").equals(right), layers_name)
    _try(lambda: set(ocinb.pull(name, platform="arm64", verify="full", progress=False)["outcome"]), pull_names)
    assert len(ocinb.store.usage()) == 4


def _try(call: Callable[[], object], names: str) -> None:
    if names == HEALS:
        assert call()
    else:
        with pytest.raises(OcinbError, match=names) as caught:
            call()
        assert caught.value.hint
