"""Pruning a folder takes less than pruning the store: other tools write there too, and tell nobody about it."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from ocinb.errors import InvalidError
from ocinb.spec.digest import Digest
from ocinb.spec.mediatypes import OCI_MANIFEST
from ocinb.storage.garbage_collection import Aim, prune
from ocinb.storage.layout import Layout
from tests.storage.stores import DAY, LIMITS, named, put, put_document, put_image, stands


def clean_folder(layout: Layout, **keep: Any) -> set[object]:
    return {item.name for item in prune(layout, None, Aim(None, 0), limits=LIMITS, **keep).items}


def foreign_layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "foreign")
    (layout.root / "blobs" / "sha256").mkdir(parents=True)
    (layout.root / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return layout


def write_index(layout: Layout, *entries: dict[str, Any]) -> None:
    (layout.root / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": entries}))


def age_all(layout: Layout) -> None:
    """Make it look as if another tool had written it long ago."""
    shutil.rmtree(layout.root / ".ocinb", ignore_errors=True)
    for path in (layout.root / "blobs").glob("*/*"):
        os.utime(path, (time.time() - 2 * DAY,) * 2)


def test_what_loses_its_name_takes_nothing_along_that_speaks_of_what_stays(tmp_path: Path) -> None:
    layout = foreign_layout(tmp_path)
    stays, goes = put_image(layout, b"stays", config=b'{"of": 1}'), put_image(layout, b"goes", b"shared")
    speaking = put_image(layout, b"shared", subject=named(stays))
    write_index(layout, named(stays), named(goes))
    age_all(layout)
    assert clean_folder(layout, keep=lambda _: [0]) == {goes.digest, Digest.of(b"goes")}
    assert stands(layout, speaking)


def test_where_nothing_goes_nothing_is_made(tmp_path: Path) -> None:
    layout = foreign_layout(tmp_path)
    image = put_image(layout, b"layer")
    write_index(layout, named(image))
    age_all(layout)
    for keep in ({}, {"keep": lambda kept: range(len(kept))}):
        assert clean_folder(layout, **keep) == set()
        assert not (layout.root / ".ocinb").exists()
    assert clean_folder(layout, keep=lambda _: []) == {image.digest, *map(Digest.of, (b"layer", b"{}"))}


def test_an_entry_that_cannot_be_followed_stops_all_and_goes_with_none(tmp_path: Path) -> None:
    layout = foreign_layout(tmp_path)
    image = put_image(layout, b"layer")
    write_index(layout, named(image), {"mediaType": OCI_MANIFEST, "digest": "blake3:00", "size": 1})
    age_all(layout)
    before = (layout.root / "index.json").read_bytes()
    keeps: list[dict[str, Any]] = [{}, {"keep": lambda _: []}]
    for keep in keeps:
        with pytest.raises(InvalidError, match="nothing can be removed, since the layout names 'blake3:00'"):
            clean_folder(layout, **keep)
    assert (layout.root / "index.json").read_bytes() == before
    assert stands(layout, image)


def test_what_a_document_of_an_unknown_kind_names_stays(tmp_path: Path) -> None:
    layout = foreign_layout(tmp_path)
    part = put(layout, b"a part")
    model = put_document(layout, {"parts": [{"inner": named(part)}]}, "application/vnd.example.model+json")
    write_index(layout, named(model))
    age_all(layout)
    assert clean_folder(layout) == set()
    assert stands(layout, part)
