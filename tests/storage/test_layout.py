"""The store is an OCI image layout at any time, whoever writes into it, and however many at once."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ocinb._settings import settings
from ocinb.errors import InvalidError, OcinbError, TransportError
from ocinb.sources.session import default_session
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor
from ocinb.spec.mediatypes import OCI_INDEX, OCI_MANIFEST
from ocinb.spec.platforms import Platform
from ocinb.storage.atomic_files import new_own_file
from ocinb.storage.index_updates import Companion, Pulled
from ocinb.storage.layout import Layout

LIMIT = 4 * 1024 * 1024
NAME_MANY = """
import sys
from pathlib import Path
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor
from ocinb.storage.layout import Layout

layout = Layout(Path(sys.argv[1]))
for number in range(20):
    layout.prepare()
    name = f"{sys.argv[2]}-{number}"
    layout.name({name: Descriptor("application/vnd.oci.image.manifest.v1+json", Digest.of(name.encode()), 1)})
"""


def describe(text: str, platform: Platform | None = None) -> Descriptor:
    return Descriptor(OCI_MANIFEST, Digest.of(text.encode()), len(text), platform)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "layout")


@pytest.fixture
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def index(layout: Layout) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((layout.root / "index.json").read_bytes())
    return document


def entries(layout: Layout) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = index(layout)["manifests"]
    return found


def names(layout: Layout) -> list[str]:
    return [entry["annotations"]["org.opencontainers.image.ref.name"] for entry in entries(layout)]


def test_a_folder_becomes_a_layout_as_the_specification_wants_it(layout: Layout) -> None:
    layout.prepare()
    assert json.loads((layout.root / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
    assert index(layout) == {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}
    assert (layout.root / "blobs" / "sha256").is_dir()
    assert sorted(path.name for path in layout.root.glob("[!.]*")) == ["blobs", "index.json", "oci-layout"]


def test_preparing_removes_what_killed_processes_left(layout: Layout) -> None:
    layout.prepare()
    left = new_own_file(layout.root, "new")
    left.parent.mkdir(exist_ok=True)
    left.touch()
    os.utime(left, (0, 0))
    Layout(layout.root).prepare()
    assert not left.exists()


@pytest.mark.parametrize("gone", ["index.json", ".ocinb", "."])
def test_what_is_removed_from_a_layout_in_use_is_made_anew(layout: Layout, gone: str) -> None:
    layout.prepare()
    path = layout.root / gone
    path.unlink() if path.is_file() else shutil.rmtree(path)
    layout.prepare()
    layout.name({"app:1": describe("image")})
    assert names(layout) == ["app:1"]


def test_an_image_gets_its_name(layout: Layout) -> None:
    layout.prepare()
    image = describe("image", Platform("linux", "arm", "v7"))
    layout.name({"registry.example/app:1": image})
    assert entries(layout) == [
        {
            "mediaType": OCI_MANIFEST,
            "digest": str(image.digest),
            "size": 5,
            "annotations": {"org.opencontainers.image.ref.name": "registry.example/app:1"},
            "platform": {"os": "linux", "architecture": "arm", "variant": "v7"},
        }
    ]


def test_a_name_stands_for_one_image_and_moves_to_the_new_one(layout: Layout) -> None:
    layout.prepare()
    layout.name({"app:1": describe("old"), "app:2": describe("other")})
    layout.name({"app:1": describe("new")})
    assert {name: entry["digest"] for name, entry in zip(names(layout), entries(layout), strict=True)} == {
        "app:1": describe("new").digest,
        "app:2": describe("other").digest,
    }


def test_the_same_name_again_writes_nothing(layout: Layout) -> None:
    layout.prepare()
    layout.name({"app:1": describe("image")})
    before = (layout.root / "index.json").stat().st_ino
    layout.name({"app:1": describe("image")})
    assert (layout.root / "index.json").stat().st_ino == before


@pytest.mark.parametrize("name", ["a__b:1", "app:v1_", "[::1]:5000/app:1", "app:-1"])
def test_a_name_outside_the_grammar_is_kept_beside_the_digest(layout: Layout, name: str) -> None:
    layout.prepare()
    layout.name({name: describe("old")})
    layout.name({name: describe("new")})
    [entry] = entries(layout)
    assert entry["annotations"] == {
        "org.opencontainers.image.ref.name": str(describe("new").digest),
        "dev.ocinb.reference": name,
    }


def test_what_others_wrote_into_the_index_stays(layout: Layout) -> None:
    layout.prepare()
    foreign = {
        "mediaType": OCI_MANIFEST,
        "digest": str(Digest.of(b"x")),
        "size": 1,
        "annotations": ["odd"],
        "data": "eA==",
    }
    written = {"schemaVersion": 2, "manifests": [foreign], "annotations": {"by": "somebody"}, "artifactType": "a/b"}
    (layout.root / "index.json").write_text(json.dumps(written))
    layout.name({"app:1": describe("image")})
    after = index(layout)
    assert after["manifests"][0] == foreign
    assert len(after["manifests"]) == 2
    assert {**after, "manifests": [foreign]} == written


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


def blocked_by_a_file(layout: Layout) -> None:
    layout.root.write_bytes(b"")


def blocked_by_a_folder(layout: Layout) -> None:
    (layout.root / "index.json").mkdir(parents=True)
    (layout.root / ".ocinb").mkdir()


@pytest.mark.parametrize("block", [blocked_by_a_file, blocked_by_a_folder])
def test_a_folder_that_cannot_be_used_is_an_error_that_says_what_to_do(
    layout: Layout, block: Callable[[Layout], None]
) -> None:
    block(layout)
    acts: list[Callable[[], object]] = [lambda: layout.name({"app:1": describe("image")})]
    if layout.root.is_file():
        acts.append(layout.prepare)
    for act in acts:
        with pytest.raises(TransportError, match=r"destination= or ocinb.settings.store_dir") as caught:
            act()
        assert str(layout.root) in str(caught.value)
        assert caught.value.__suppress_context__


def test_a_layout_that_was_never_prepared_cannot_be_named_into(layout: Layout) -> None:
    with pytest.raises(OcinbError):
        layout.name({"app:1": describe("image")})


def test_a_lock_that_is_never_given_back_is_an_error(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    layout.prepare()
    monkeypatch.setattr("ocinb.storage.file_locks.LOCK_SECONDS", 0.05)
    with (layout.root / ".ocinb" / "lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(TransportError, match="another process has held"):
            layout.name({"app:1": describe("image")})
    layout.name({"app:1": describe("image")})
    assert names(layout) == ["app:1"]


def test_threads_that_name_at_once_all_find_their_names(layout: Layout) -> None:
    layout.prepare()
    threads = [
        threading.Thread(target=layout.name, args=({f"app:{number}": describe(str(number))},)) for number in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(names(layout)) == sorted(f"app:{number}" for number in range(16))


def test_processes_that_make_and_name_at_once_all_find_their_names(layout: Layout) -> None:
    processes = [subprocess.Popen([sys.executable, "-c", NAME_MANY, str(layout.root), who]) for who in ("a", "b", "c")]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert sorted(names(layout)) == sorted(f"{who}-{number}" for who in ("a", "b", "c") for number in range(20))


def test_whoever_comes_second_does_not_empty_the_index(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Layout(layout.root)
    wait = Layout._locked

    def meanwhile(self: Layout) -> Any:
        monkeypatch.setattr(Layout, "_locked", wait)
        other.prepare()
        other.name({"app:1": describe("image")})
        return wait(self)

    monkeypatch.setattr(Layout, "_locked", meanwhile)
    layout.prepare()
    assert names(layout) == ["app:1"]


@pytest.mark.usefixtures("usual_umask")
def test_a_folder_of_the_users_own_is_as_open_as_the_user_likes(layout: Layout) -> None:
    layout.prepare()
    layout.blobs.write(b"x", Digest.of(b"x"))
    assert layout.root.stat().st_mode & 0o777 == 0o755
    files = [path for path in layout.root.rglob("*") if path.is_file() and path.name != "lock"]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o644}
    os.umask(0o002)
    shared = Layout(layout.root.with_name("shared"))
    shared.prepare()
    assert shared.root.stat().st_mode & 0o777 == 0o775
    assert (shared.root / "index.json").stat().st_mode & 0o777 == 0o664


@pytest.mark.usefixtures("usual_umask")
def test_the_store_of_a_session_is_for_its_owner_only() -> None:
    store = default_session().store
    store.prepare()
    assert store.root == settings.store_dir
    assert store.root.stat().st_mode & 0o777 == 0o700


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


def test_a_layout_that_another_tool_made_is_one(layout: Layout) -> None:
    foreign = {"digest": str(Digest.of(b"x")), "annotations": {"org.opencontainers.image.ref.name": "x"}, "mine": [1]}
    layout.root.mkdir()
    (layout.root / "index.json").write_text(json.dumps({"manifests": [foreign, foreign], "x": 1, "schemaVersion": 2}))
    assert remove(layout, "y") == []
    layout.name({"app:1": describe("image")})
    assert remove(layout, "app:1") == [describe("image").digest]
    assert list(index(layout).items()) == [("manifests", [foreign, foreign]), ("x", 1), ("schemaVersion", 2)]


def test_a_process_that_names_and_one_that_removes_lose_nothing(layout: Layout) -> None:
    layout.prepare()
    kept = [f"kept:{number}" for number in range(20)]
    layout.name({name: describe(name) for name in [*kept, *(f"gone:{number}" for number in range(20))]})
    with subprocess.Popen([sys.executable, "-c", NAME_MANY, str(layout.root), "new"]) as other:
        for number in range(20):
            [gone] = remove(layout, f"gone:{number}")
            assert gone == describe(f"gone:{number}").digest
        assert other.wait() == 0
    assert sorted(names(layout)) == sorted([*kept, *(f"new-{number}" for number in range(20))])


def test_what_was_fetched_anew_under_a_name_that_stood_is_on_the_disk_too(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout.prepare()
    layout.name({"app:1": describe("image")})
    settled: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda file: settled.append(os.fstat(file).st_ino))
    layout.name({"app:1": describe("image")})
    assert (layout.root / "blobs" / "sha256").stat().st_ino in settled


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
