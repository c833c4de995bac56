"""Checking finds every byte that changed and everything that is not where it should be, and changes nothing."""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ocinb.errors import TransportError
from ocinb.progress.protocol import NoProgress, State, Task
from ocinb.spec.digest import Digest
from ocinb.spec.mediatypes import OCI_MANIFEST
from ocinb.storage import verification
from ocinb.storage.layout import Layout
from ocinb.storage.reachability import Problem
from ocinb.storage.verification import Finding, check_blobs, check_images, list_blobs
from tests.patience import SECONDS
from tests.storage.stores import LIMITS, named, put, put_document, put_image


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "layout")
    layout.prepare()
    return layout


def check(layout: Layout, progress: Any = None) -> list[Finding]:
    blobs, strange = list_blobs(layout.root)
    return check_images(layout, LIMITS, [*strange, *check_blobs(layout, blobs, progress or NoProgress())])


def problems(findings: Sequence[Finding]) -> list[tuple[str, str]]:
    return sorted((finding.problem.value, finding.path.name) for finding in findings)


def of(layout: Layout, raw: bytes) -> Path:
    return layout.blobs.path(Digest.of(raw))


def append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"!")


def flip(path: Path) -> None:
    raw = path.read_bytes()
    path.write_bytes(bytes([raw[0] ^ 1]) + raw[1:])


def make_link(path: Path) -> None:
    path.rename(path.with_name("moved"))
    path.symlink_to("moved")


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def make_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


SPOILED: dict[str, tuple[Callable[[Path], None], str, int | None]] = {
    "one bit": (flip, "damaged", 5),
    "a byte more": (append, "damaged", 6),
    "empty": (lambda path: os.truncate(path, 0), "damaged", 0),
    "gone": (Path.unlink, "missing", None),
    "a link": (make_link, "unreadable", None),
    "a folder": (make_folder, "unreadable", None),
    "a fifo": (make_fifo, "unreadable", None),
}


@pytest.mark.parametrize(("spoil", "problem", "size"), SPOILED.values(), ids=SPOILED)
def test_what_is_wrong_with_a_blob_is_told_once_with_an_image_that_needs_it(
    layout: Layout, spoil: Callable[[Path], None], problem: str, size: int | None
) -> None:
    layout.name({"app:1": put_image(layout, b"layer"), "app:2": put_image(layout, b"layer", b"other")})
    spoil(of(layout, b"layer"))
    [finding] = [one for one in check(layout) if one.problem is not Problem.FOREIGN]
    assert (finding.problem.value, finding.digest, finding.path) == (problem, Digest.of(b"layer"), of(layout, b"layer"))
    assert (finding.size, finding.expected, finding.reference) == (size, 5, "app:1")
    assert finding.reason


def test_a_document_may_say_another_size_than_the_blob_has(layout: Layout) -> None:
    layer = named(put(layout, b"layer"))
    image = put_document(layout, {"config": named(put(layout, b"{}")), "layers": [{**layer, "size": 4}]})
    layout.name({"app:1": image})
    [finding] = check(layout)
    assert (finding.problem.value, finding.size, finding.expected) == ("wrong size", 5, 4)


MARKS: dict[str, tuple[str, str | None, str]] = {
    "no oci-layout": ("oci-layout", None, "missing"),
    "no index": ("index.json", None, "missing"),
    "an empty index": ("index.json", "", "invalid"),
    "an index that is a list": ("index.json", "[]", "invalid"),
    "an index without manifests": ("index.json", "{}", "invalid"),
    "an index that nests deep": ("index.json", '{"a":' * 5000 + "1" + "}" * 5000, "invalid"),
    "another version": ("oci-layout", '{"imageLayoutVersion": "2.0.0"}', "invalid"),
    "no version": ("oci-layout", "{}", "invalid"),
}


@pytest.mark.parametrize(("name", "content", "problem"), MARKS.values(), ids=MARKS)
def test_the_two_files_of_a_layout_are_checked(layout: Layout, name: str, content: str | None, problem: str) -> None:
    layout.name({"app:1": put_image(layout, b"layer")})
    flip(of(layout, b"layer"))
    if content is None:
        (layout.root / name).unlink()
    else:
        (layout.root / name).write_text(content)
    assert problems(check(layout)) == sorted([("damaged", Digest.of(b"layer").hex), (problem, name)])


def test_an_index_of_a_hundred_megabytes_is_not_read(layout: Layout) -> None:
    os.truncate(layout.root / "index.json", 100 * 1024 * 1024)
    [finding] = check(layout)
    assert finding.problem is Problem.INVALID
    assert "max_list_bytes" in finding.reason


def test_a_document_that_is_none_is_invalid_and_one_that_is_too_large_unreadable(layout: Layout) -> None:
    none = put(layout, b"no document", media_type=OCI_MANIFEST)
    large = put(layout, b"x" * (LIMITS.document + 1), media_type=OCI_MANIFEST)
    layout.name({"app:1": none, "app:2": large})
    assert {finding.digest: finding.problem.value for finding in check(layout)} == {
        none.digest: "invalid",
        large.digest: "unreadable",
    }


def test_an_entry_whose_digest_is_not_known_here_is_invalid(layout: Layout) -> None:
    index = {"schemaVersion": 2, "manifests": [{"mediaType": OCI_MANIFEST, "digest": "blake3:00", "size": 3}]}
    (layout.root / "index.json").write_text(json.dumps(index))
    assert problems(check(layout)) == [("invalid", "index.json")]


def test_what_vouches_for_a_damaged_blob_is_forgotten_and_nothing_else_changes(layout: Layout) -> None:
    layers = [put(layout, raw) for raw in (b"right" * 60_000, b"wrong" * 60_000)]
    for layer in layers:
        assert layout.blobs.holds(layer.digest, layer.size)
    path = layout.blobs.path(layers[1].digest)
    status = path.stat()
    path.write_bytes(b"wr0ng" * 60_000)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert layout.blobs.holds(layers[1].digest, layers[1].size), "it looks as it did: that is why one verifies"
    check(layout)
    assert path.read_bytes() == b"wr0ng" * 60_000
    assert [note.name for note in layout.root.glob(".ocinb/verified/*/*")] == [layers[0].digest.hex]
    assert not layout.blobs.holds(layers[1].digest, layers[1].size)


@given(st.lists(st.sets(st.integers(0, 5), max_size=3), min_size=1, max_size=3), st.sets(st.integers(0, 5)))
@hypothesis_settings(max_examples=30)
def test_exactly_the_damaged_are_found(images: list[set[int]], damaged: set[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        layout = Layout(Path(folder))
        layout.prepare()
        layers = [b"layer %d" % number for number in range(6)]
        layout.name(
            {f"app:{place}": put_image(layout, *(layers[one] for one in image)) for place, image in enumerate(images)}
        )
        there = {number for number in damaged if of(layout, layers[number]).exists()}
        for number in there:
            flip(of(layout, layers[number]))
        assert {finding.digest for finding in check(layout)} == {Digest.of(layers[number]) for number in there}


class Told:
    """A progress that writes down what it is told."""

    def __init__(self) -> None:
        self.bytes: dict[str, int] = {}
        self.states: dict[str, list[State]] = {}

    def start(self, title: str, tasks: Sequence[Task]) -> None:
        raise AssertionError(title, tasks)

    def advance(self, key: str, amount: int) -> None:
        self.bytes[key] = self.bytes.get(key, 0) + amount

    def state(self, key: str, state: State) -> None:
        self.states.setdefault(key, []).append(state)

    def finish(self, summary: str) -> None:
        raise AssertionError(summary)


def test_a_blob_that_is_mended_meanwhile_is_right(layout: Layout) -> None:
    blob = put(layout, b"blob")
    path = layout.blobs.path(blob.digest)
    flip(path)

    class Mender(NoProgress):
        def advance(self, key: str, amount: int) -> None:  # noqa: ARG002 - it is what a progress is told
            good = path.with_name("good")
            good.write_bytes(b"blob")
            good.replace(path)

    assert check(layout, Mender()) == []


def test_a_blob_that_another_process_removes_meanwhile_is_no_finding_unless_it_is_needed(layout: Layout) -> None:
    layout.name({"app:1": put_image(layout, b"layer")})
    put(layout, b"of no name")
    blobs, _ = list_blobs(layout.root)
    for raw in (b"layer", b"of no name"):
        of(layout, raw).unlink()
    found = check_images(layout, LIMITS, check_blobs(layout, blobs, NoProgress()))
    assert problems(found) == [("missing", Digest.of(b"layer").hex)]


def test_a_folder_that_cannot_be_read_is_an_error(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "listdir", refuse)
    with pytest.raises(TransportError, match=r"blobs cannot be used: Permission denied"):
        list_blobs(layout.root)


def test_a_blob_that_the_system_cannot_read_is_a_finding(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    layout.name({"app:1": put_image(layout, b"layer")})

    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(verification, "_feed", fail)
    found = check(layout)
    assert {(one.problem.value, one.reason, one.reference) for one in found} == {
        ("unreadable", "Input/output error", "app:1")
    }


def test_a_stop_ends_it_in_the_middle_of_a_blob(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "CHUNK", 1)
    put(layout, b"x" * 1_000_000)
    put(layout, b"y" * 1_000_000)
    began = threading.Event()

    class Stopper(NoProgress):
        def advance(self, key: str, amount: int) -> None:  # noqa: ARG002 - it is what a progress is told
            if began.is_set():
                raise KeyboardInterrupt
            began.set()

    with pytest.raises(KeyboardInterrupt):
        check(layout, Stopper())
    for thread in threading.enumerate()[1:]:
        thread.join(SECONDS)  # one that has done its work needs a moment to go
    assert threading.enumerate() == [threading.main_thread()]
