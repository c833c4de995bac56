"""The store is an OCI image layout at any time, whoever writes into it, and however many at once."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from ocinb.errors import InvalidError
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor
from ocinb.spec.mediatypes import OCI_INDEX, OCI_MANIFEST
from ocinb.spec.platforms import Platform
from ocinb.storage.index_updates import Companion, Pulled
from ocinb.storage.layout import Layout
from ocinb.storage.safe_files import new_own_file
from ocinb.storage.verification import check_images
from tests.storage.stores import LIMITS

LIMIT = 4 * 1024 * 1024


def describe(text: str, platform: Platform | None = None) -> Descriptor:
    return Descriptor(OCI_MANIFEST, Digest.of(text.encode()), len(text), platform)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "layout")


def index(layout: Layout) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((layout.root / "index.json").read_bytes())
    return document


def entries(layout: Layout) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = index(layout)["manifests"]
    return found


def names(layout: Layout) -> list[str]:
    return [entry["annotations"]["org.opencontainers.image.ref.name"] for entry in entries(layout)]


def test_preparing_removes_what_killed_processes_left(layout: Layout) -> None:
    layout.prepare()
    left = new_own_file(layout.root, "new")
    left.parent.mkdir(exist_ok=True)
    left.touch()
    os.utime(left, (0, 0))
    Layout(layout.root).prepare()
    assert not left.exists()


@pytest.mark.parametrize(
    "content", [b"", b"no JSON", b"[]", b"{}", b'{"manifests": {}}', b'{"manifests": [1]}', b'{"manifests": null}']
)
def test_an_index_that_is_none_is_an_error_and_stays_as_it_is(layout: Layout, content: bytes) -> None:
    layout.prepare()
    path = layout.root / "index.json"
    path.write_bytes(content)
    with pytest.raises(InvalidError) as caught:
        layout.name({"app:1": describe("image")})
    assert str(path) in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    layout.prepare()
    assert path.read_bytes() == content


def companion(layout: Layout, subject: Descriptor) -> Companion:
    """Make a list of referrers of something."""
    raw = json.dumps({"schemaVersion": 2, "manifests": []}).encode()
    listed = Descriptor(OCI_INDEX, Digest.of(raw), len(raw))
    layout.blobs.write(raw, listed.digest)
    return Companion(subject.digest.replace(":", "-"), listed, subject.digest)


def put(layout: Layout, text: str) -> Descriptor:
    raw = json.dumps({"schemaVersion": 2, "layers": [], "annotations": {"": text}}).encode()
    layout.blobs.write(raw, Digest.of(raw))
    return Descriptor(OCI_MANIFEST, Digest.of(raw), len(raw))


def with_companion(layout: Layout, image: Descriptor, repository: str = "a") -> Pulled:
    return Pulled(image, repository, companions=(companion(layout, image),))


def remove(layout: Layout, name: str) -> list[str | None]:
    return [entry.digest for entry in layout.remove(lambda entry: entry.name == name, LIMIT)]


def test_what_is_removed_takes_along_what_came_along_with_it(layout: Layout) -> None:
    layout.prepare()
    image, other = put(layout, "image"), put(layout, "other")
    layout.name({"a:1": with_companion(layout, image), "a:2": image, "b:1": with_companion(layout, other, "b")})
    before = layout.entries()
    assert layout.remove(lambda entry: entry.name == "a:1", LIMIT) == before[:1], "another name needs it still"
    assert [entry.name for entry in layout.remove(lambda entry: entry.name == "a:2", LIMIT)] == [
        f"a:{image.digest.replace(':', '-')}",
        "a:2",
    ]
    assert [entry.digest for entry in layout.entries()] == [other.digest, companion(layout, other).descriptor.digest]
    assert remove(layout, "gone") == []


def test_a_name_that_moves_takes_along_what_came_along_if_it_can_be_known(layout: Layout) -> None:
    layout.prepare()
    layout.name({"a:1": with_companion(layout, put(layout, "image"))})
    layout.name({"a:1": put(layout, "new")})
    assert len(names(layout)) == 2
    layout.name({"a:1": put(layout, "newer")}, limit=LIMIT)
    assert names(layout) == ["a:1"]


def test_nothing_is_removed_from_what_is_no_layout(layout: Layout) -> None:
    assert layout.entries() == []
    assert layout.remove(lambda _: True, LIMIT) == []
    assert not layout.root.exists()


def test_whoever_pulls_into_what_another_tool_made_is_seen_from_the_beginning(layout: Layout) -> None:
    layout.prepare()
    shutil.rmtree(layout.root / ".ocinb")  # as skopeo leaves a layout
    with Layout(layout.root).in_use():
        other = Layout(layout.root)
        other.prepare()
        with other.unless_in_use() as free:
            assert free is False
    with other.unless_in_use() as free:
        assert free is True


class Killed(BaseException):
    pass


def test_each_step_leaves_nothing_wrong(tmp_path: Path) -> None:
    states = set()
    for left in count():
        layout = Layout(tmp_path / str(left))
        with pytest.MonkeyPatch.context() as patch:
            steps = [left]
            for name in ("mkdir", "replace"):
                patch.setattr(Path, name, killing(getattr(Path, name), steps))
            try:
                layout.prepare()
            except Killed:
                states.add(tuple(sorted(path.name for path in layout.root.glob("*"))))
            else:
                break
        assert check_images(layout, LIMITS, []) == []
        layout.prepare()
        assert (check_images(layout, LIMITS, []), layout.entries()) == ([], [])
    assert {(), (".ocinb", "blobs"), (".ocinb", "blobs", "oci-layout")} <= states


def killing(function: Callable[..., Any], left: list[int]) -> Callable[..., Any]:
    """Let a function be called so often in all, and die then."""

    def counted(*arguments: Any, **more: Any) -> Any:
        if left[0] == 0:
            raise Killed
        left[0] -= 1
        return function(*arguments, **more)

    return counted
