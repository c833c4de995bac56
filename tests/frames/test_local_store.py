"""`ocinb.store` tells what is kept and removes what is old or too much."""

from __future__ import annotations

import re
import sqlite3
import threading
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import ocinb
from ocinb._settings import settings
from ocinb.errors import InvalidError, NotFoundError, TransportError
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry


def entries(frame: Any) -> dict[str, int]:
    return dict(zip(frame["kind"], frame["entries"], strict=True))


def sizes(frame: Any) -> dict[str, int]:
    return dict(zip(frame["kind"], map(int, frame["bytes"]), strict=True))


def on_disk() -> int:
    folders = [settings.store_dir / "blobs", settings.store_dir / ".ocinb" / "parts", settings.cache_dir]
    return sum(path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file())


def test_what_was_read_of_layers_is_counted_in_words(registry: SampleRegistry) -> None:
    ocinb.files(registry.reference("demo/hello"), progress=False)
    assert "1 index, " in repr(ocinb.store)
    ocinb.files(registry.reference("demo/shop:2.0"), progress=False)
    assert "8 indexes, " in repr(ocinb.store)


@pytest.mark.parametrize("older_than", ["1h", 3600, timedelta(hours=1)])
def test_what_is_young_stays(registry: SampleRegistry, older_than: Any) -> None:
    ocinb.layers(registry.reference("demo/shop:2.0"))
    assert ocinb.store.prune(older_than=older_than, keep_bytes="1GB")["entries"].sum() == 0
    assert ocinb.store.prune(older_than=0)["entries"].sum() == 4


def test_a_folder_is_pruned_like_the_store_and_the_store_is_left_alone(
    registry: SampleRegistry, tmp_path: Path
) -> None:
    one, two = (registry.reference(f"demo/shop:{tag}") for tag in ("1.0", "2.0"))
    for destination in (None, tmp_path):
        ocinb.pull([one, two], destination=destination, progress=False)
    before = ocinb.store.usage()
    unique = ocinb.store.images(destination=tmp_path).set_index("reference")["unique_bytes"]
    with pytest.raises(NotFoundError, match=re.escape(str(tmp_path))):
        ocinb.store.prune(keep="nothing", destination=tmp_path)
    removed = ocinb.store.prune(keep=f"oci:{tmp_path}:{one}", destination=tmp_path)
    assert entries(removed)["images"] == 1
    assert entries(removed)["responses"] == 0
    assert sizes(removed[:4])["blobs"] == unique[two]
    assert ocinb.store.images(destination=tmp_path)["reference"].tolist() == [one]
    assert ocinb.store.verify(destination=tmp_path, progress=False).empty
    assert ocinb.store.prune(older_than=0, destination=tmp_path)["entries"].sum() == 0
    assert ocinb.store.usage().equals(before)
    with pytest.raises(NotFoundError):
        ocinb.store.prune(keep_bytes=0, destination=tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_pruning_does_not_disturb_a_pull(tmp_path: Path) -> None:
    with start_registry(bandwidth=20_000_000) as registry:
        name = registry.reference("demo/shop:2.0")
        ocinb.layers(name)  # so that there is something to prune, which the pull will find present
        pulling = threading.Thread(target=ocinb.pull, args=(name,), kwargs={"platform": "all", "progress": False})
        pulling.start()
        while pulling.is_alive():
            ocinb.store.prune(keep_bytes=0)
            pulling.join(0.01)
        frame = ocinb.pull(name, platform="all", destination=tmp_path / "other", progress=False)
        settings.offline = True
        assert set(ocinb.pull(name, platform="all", verify="full", progress=False)["outcome"]) == {"present"}
    assert entries(ocinb.store.usage())["blobs"] == frame["digest"].nunique() + 3


ARGUMENTS: list[tuple[dict[str, Any], str]] = [
    ({}, "prune has to know what may go. Give older_than='30d', keep_bytes='10GB' or keep='python:*'"),
    ({"older_than": "soon"}, "older_than takes a duration, not 'soon'"),
    ({"keep_bytes": "much"}, "keep_bytes takes a size, not 'much'"),
    ({"older_than": "1d", "keep_bytes": -1}, "keep_bytes takes a size, not -1"),
    ({"keep": []}, "keep has no name in it, and an empty list may be a mistake"),
    ({"keep": [None]}, "None is not a name"),
    ({"keep": b"x"}, "names are a text or a list of texts"),
]


@pytest.mark.parametrize(("arguments", "message"), ARGUMENTS)
def test_what_makes_no_sense_is_told_before_anything_goes(
    registry: SampleRegistry, arguments: dict[str, Any], message: str
) -> None:
    ocinb.document(registry.reference("demo/hello"))
    with pytest.raises(InvalidError) as caught:
        ocinb.store.prune(**arguments)
    assert str(caught.value).startswith(message)
    assert entries(ocinb.store.usage())["blobs"] == 1


def test_a_cache_that_is_held_is_told(registry: SampleRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ocinb.storage.responses.BUSY_SECONDS", 0.05)
    ocinb.document(registry.reference("demo/hello"))
    with closing(sqlite3.connect(settings.cache_dir / "responses.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(TransportError, match="cannot be cleaned up"):
            ocinb.store.prune(keep_bytes=0)


def test_it_is_that_of_the_settings_and_shown_without_harm(registry: SampleRegistry, tmp_path: Path) -> None:
    ocinb.document(registry.reference("demo/hello"))
    assert "1 blob, " in repr(ocinb.store)
    settings.store_dir = tmp_path / "<b>other</b>\x1b[2J"
    assert "\x1b" not in repr(ocinb.store)
    shown = ocinb.store._repr_html_()
    assert "<b>other" not in shown
    assert "&lt;b&gt;other" in shown
    assert entries(ocinb.store.usage())["blobs"] == 0
