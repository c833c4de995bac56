"""Pruning takes what is old or too much, and never what an image needs or somebody is at work on."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.errors import InvalidError, TransportError
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor
from ocinb.spec.mediatypes import OCI_INDEX, OCI_MANIFEST
from ocinb.storage.inventory import Item, count, list_items
from ocinb.storage.layout import Layout
from ocinb.storage.parts import claim_part
from ocinb.storage.pruning import choose, prune

DAY = 86_400.0
LIMIT = 4 * 1024 * 1024
HOLD = """
import sys
from pathlib import Path
from ocinb.spec.digest import Digest
from ocinb.storage.layout import Layout
from ocinb.storage.parts import claim_part, lock_part

layout = Layout(Path(sys.argv[1]), private=True)
with layout.in_use(), claim_part(layout.root, Digest.of(b"theirs"), 1000) as part, part.open("ab") as file:
    lock_part(file)
    file.write(b"half")
    file.flush()
    print("at work", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "layout")
    layout.prepare()
    return layout


def put(layout: Layout, raw: bytes, *, age: float = 0.0) -> Descriptor:
    digest = Digest.of(raw)
    path = layout.blobs.write(raw, digest)
    os.utime(path, (time.time() - age,) * 2)
    return Descriptor("application/octet-stream", digest, len(raw))


def put_document(layout: Layout, content: dict[str, Any], media_type: str = OCI_MANIFEST) -> Descriptor:
    raw = json.dumps({"schemaVersion": 2, "mediaType": media_type, **content}).encode()
    return Descriptor(media_type, put(layout, raw, age=DAY).digest, len(raw))


def named(descriptor: Descriptor) -> dict[str, Any]:
    return {"mediaType": descriptor.media_type, "digest": str(descriptor.digest), "size": descriptor.size}


def clean(layout: Layout, *, older_than: float | None = None, keep_bytes: int | None = None) -> list[Item]:
    return prune(layout, layout.root / "no-cache", older_than=older_than, keep_bytes=keep_bytes, limit=LIMIT)


def stands(layout: Layout, descriptor: Descriptor) -> bool:
    return layout.blobs.path(descriptor.digest).exists()


def item(size: int, used: float) -> Item:
    return Item("blobs", Digest.of(f"{size} {used}".encode()), size, used)


CHOICES: dict[str, tuple[dict[str, Any], list[float]]] = {
    "nothing is too old": ({"unused_since": 0.5}, []),
    "the oldest are": ({"unused_since": 2.5}, [1, 2]),
    "all are": ({"unused_since": 9}, [1, 2, 3]),
    "what was used at that very moment stays": ({"unused_since": 2}, [1]),
    "all may be left": ({"keep_bytes": 60}, []),
    "one byte is too much": ({"keep_bytes": 59}, [1]),
    "nothing may be left": ({"keep_bytes": 0}, [1, 2, 3]),
    "the first that make it small enough": ({"keep_bytes": 40}, [1, 2]),
    "both": ({"keep_bytes": 59, "unused_since": 2.5}, [1, 2]),
    "what may not go counts": ({"keep_bytes": 60, "total": 1000}, [1, 2, 3]),
}


@pytest.mark.parametrize(("arguments", "gone"), CHOICES.values(), ids=CHOICES)
def test_the_least_recently_used_go_first(arguments: dict[str, Any], gone: list[float]) -> None:
    items = [item(30, 3), item(10, 1), item(20, 2)]
    chosen = choose(items, **{"total": 60, "unused_since": None, "keep_bytes": None, **arguments})
    assert [one.used for one in chosen] == gone


@given(
    st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), unique=True),
    st.integers(0, 3000),
    st.one_of(st.none(), st.integers(0, 100)),
)
def test_enough_goes_and_nothing_too_much(sizes: list[tuple[int, int]], keep: int, since: int | None) -> None:
    items = [item(size, used) for size, used in sizes]
    total = sum(one.size for one in items)
    gone = choose(items, total=total, unused_since=since, keep_bytes=keep)
    left = [one for one in items if one not in gone]
    assert sum(one.size for one in left) <= keep
    assert not [one for one in left if since is not None and one.used < since]
    young = [one for one in gone if since is None or one.used >= since]
    assert not young or sum(one.size for one in left) + young[-1].size > keep


def test_what_named_images_need_stays_whatever_its_age(layout: Layout) -> None:
    parts = [put(layout, name.encode(), age=400 * DAY) for name in ("config", "layer 1", "layer 2", "lone config")]
    image = put_document(layout, {"config": named(parts[0]), "layers": [named(parts[1]), named(parts[2])]})
    inner = put_document(layout, {"manifests": [named(image)]}, OCI_INDEX)
    outer = put_document(layout, {"manifests": [named(inner), named(inner)]}, OCI_INDEX)
    lone = put_document(layout, {"config": named(parts[3]), "layers": []})
    other = put_document(layout, {"config": named(put(layout, b"not needed", age=2 * DAY)), "layers": []})
    layout.name({"app:1": outer, "app:2": lone})
    gone = clean(layout, older_than=3600, keep_bytes=0)
    assert {one.name for one in gone} == {other.digest, Digest.of(b"not needed")}
    assert all(stands(layout, one) for one in (*parts, image, inner, outer, lone))
    assert not stands(layout, other)


NAMED: dict[str, bytes] = {
    "a document that is missing": b"",
    "a document that is none": b"x" * 50,
    "an index of itself": b'{"manifests": [{"digest": "SELF"}]}',
    "odd fields": b'{"config": 5, "layers": [null, {"digest": 5}, {"digest": "sha256:z"}], "manifests": {"digest": 1}}',
}


@pytest.mark.parametrize("raw", NAMED.values(), ids=NAMED)
def test_odd_documents_behind_a_name_stop_nothing(layout: Layout, raw: bytes) -> None:
    image = Descriptor(OCI_MANIFEST, Digest.of(raw), len(raw))
    if raw:
        put(layout, raw, age=DAY)
    other = put(layout, b"other", age=DAY)
    layout.name({"app:1": image})
    clean(layout, keep_bytes=0)
    assert not stands(layout, other)
    assert stands(layout, image) is bool(raw)


def test_schema1_and_artifacts_name_blobs_too(layout: Layout) -> None:
    blob, layer = put(layout, b"an artifact's", age=DAY), put(layout, b"schema 1's", age=DAY)
    layout.name(
        {
            "a:1": put_document(layout, {"blobs": [named(blob)]}),
            "b:1": put_document(layout, {"fsLayers": [{"blobSum": str(layer.digest)}]}),
        }
    )
    clean(layout, keep_bytes=0)
    assert stands(layout, blob)
    assert stands(layout, layer)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"manifests": 5}', b"\xff", b'{"manifests": [5]}'])
def test_where_nobody_can_tell_what_is_named_nothing_goes(layout: Layout, content: bytes) -> None:
    blob = put(layout, b"blob", age=400 * DAY)
    (layout.root / "index.json").write_bytes(content)
    with pytest.raises(InvalidError, match=r"index\.json"):
        clean(layout, keep_bytes=0)
    assert stands(layout, blob)


def test_what_was_read_is_of_use(layout: Layout) -> None:
    read, held, unread = (put(layout, raw, age=10 * DAY) for raw in (b"read", b"held", b"unread"))
    layout.blobs.read(read.digest, LIMIT)
    layout.blobs.holds(held.digest, held.size)
    before = layout.blobs.path(held.digest).stat().st_mtime
    assert before < time.time() - 9 * DAY, "what it looks like does not change"
    assert [one.name for one in clean(layout, older_than=DAY)] == [unread.digest]


def test_a_blob_that_goes_leaves_no_note(layout: Layout) -> None:
    blob = put(layout, b"blob")
    assert layout.blobs.holds(blob.digest, blob.size)
    assert list(layout.root.glob(".ocinb/verified/*/*"))
    clean(layout, keep_bytes=0)
    assert list(layout.root.glob(".ocinb/verified/*/*")) == []


def test_what_others_put_there_stays(layout: Layout) -> None:
    foreign = [layout.root / "blobs" / "sha256" / "notes.txt", layout.root / "blobs" / "md5" / "abc"]
    for path in foreign:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"somebody's")
    folder = layout.blobs.path(Digest.of(b"folder"))
    folder.mkdir()
    assert clean(layout, keep_bytes=0) == []
    assert all(path.exists() for path in (*foreign, folder))


def test_while_somebody_pulls_all_blobs_stay(layout: Layout) -> None:
    young, old = put(layout, b"young"), put(layout, b"old", age=2 * DAY)
    index = layout.root / "index" / "sha256" / "x.parquet"
    index.parent.mkdir(parents=True)
    index.write_bytes(b"read of a layer")
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(layout.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"at work\n"
        assert [one.name for one in clean(layout, keep_bytes=0)] == [index]
        assert [one.size for one in list_items(layout, layout.root) if one.kind == "parts"] == [4]
        other.communicate()
    # It is gone now, and so its part goes too.
    assert sorted(one.kind for one in clean(layout, keep_bytes=0)) == ["blobs", "blobs", "parts"]
    assert not stands(layout, young)
    assert not stands(layout, old)


def test_where_no_lock_can_tell_what_came_lately_stays(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no locks here")

    monkeypatch.setattr(fcntl, "flock", refuse)
    young, old = put(layout, b"young"), put(layout, b"old", age=2 * DAY)
    assert [one.name for one in clean(layout, keep_bytes=0)] == [old.digest]
    assert stands(layout, young)


@pytest.mark.parametrize(("age", "goes"), [(3600, False), (2 * DAY, True)])
def test_a_part_that_is_half_written_goes_only_when_its_writer_is_long_gone(
    layout: Layout, age: float, *, goes: bool
) -> None:
    new = layout.root / ".ocinb" / "new" / "1-abc"
    new.parent.mkdir(exist_ok=True)
    new.write_bytes(b"half")
    os.utime(new, (time.time() - age,) * 2)
    clean(layout, keep_bytes=0)
    assert new.exists() is not goes


def test_a_part_of_this_very_process_goes_when_it_is_left(layout: Layout) -> None:
    with claim_part(layout.root, Digest.of(b"blob"), 1000) as part:
        part.write_bytes(b"half")
        assert clean(layout, keep_bytes=0) == []
    assert [one.kind for one in clean(layout, keep_bytes=0)] == ["parts"]
    assert not part.exists()


def test_an_empty_place_has_nothing_to_prune(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "none")
    assert clean(layout, keep_bytes=0) == []
    assert [(one.kind, one.entries, one.size) for one in count(list_items(layout, tmp_path / "none"))] == [
        ("blobs", 0, 0),
        ("index", 0, 0),
        ("parts", 0, 0),
        ("responses", 0, 0),
    ]
    assert not layout.root.exists()


def test_what_another_process_removed_first_was_not_removed_here(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    blob = put(layout, b"blob")
    needed: Callable[[int], set[Digest]] = layout.needed

    def meanwhile(limit: int) -> set[Digest]:
        layout.blobs.remove(blob.digest)
        return needed(limit)

    monkeypatch.setattr(layout, "needed", meanwhile)
    assert clean(layout, keep_bytes=0) == []


def test_what_cannot_be_removed_is_an_error_that_says_where(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    blob = put(layout, b"blob")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(TransportError, match="Permission denied") as caught:
        clean(layout, keep_bytes=0)
    assert blob.digest.hex in str(caught.value)
