"""Image layouts: which image a name means, and what is no layout."""

from __future__ import annotations

import json
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

import pytest

from ocinb.errors import InvalidError, NotFoundError, TransportError
from ocinb.samples.catalog import nested_index
from ocinb.samples.images import Manifest, make_index
from ocinb.sources.layout import parse_entries
from ocinb.sources.session import default_session, open_source
from ocinb.spec.documents import Descriptor
from ocinb.spec.reference import Reference
from tests.localfiles import entry, layout_files, tiny_image, write_files, write_layout

ONE, TWO, THREE = tiny_image("one"), tiny_image("two"), tiny_image("three")
BOTH = make_index([(image.manifest, image.descriptor()) for image in (ONE, TWO)])


def resolve(reference: str) -> Descriptor:
    parsed = Reference(reference)
    return open_source(parsed, session=default_session()).resolve(parsed.wanted)


def write(folder: Path, entries: list[dict[str, Any]], *manifests: Manifest) -> Path:
    return write_files(folder, layout_files(manifests or (BOTH, THREE.manifest), entries))


@pytest.mark.parametrize(
    ("wanted", "suggested"),
    [("two:2", "docker.io/library/two:2"), ("docker.io/libary/two:2", "docker.io/library/two:2"), ("1.00", "1.0")],
)
def test_a_name_that_is_nearly_one_is_suggested(tmp_path: Path, wanted: str, suggested: str) -> None:
    write_layout(tmp_path, {"1.0": ONE.manifest, "docker.io/library/two:2": TWO.manifest})
    with pytest.raises(NotFoundError) as caught:
        resolve(f"oci:{tmp_path}:{wanted}")
    assert caught.value.hint == f"Did you mean oci:{tmp_path}:{suggested}?"
    assert resolve(f"oci:{tmp_path}:{suggested}").digest in {ONE.manifest.digest, TWO.manifest.digest}


def test_without_a_name_one_of_several_is_not_guessed(tmp_path: Path) -> None:
    write(tmp_path, [entry(ONE.manifest, "1.0"), entry(TWO.manifest), entry(BOTH), entry(THREE.manifest, "3.0")])
    with pytest.raises(NotFoundError) as caught:
        resolve(f"oci:{tmp_path}")
    expected = f"there are 4 images in oci:{tmp_path}. Name one, oci:{tmp_path}:NAME; there are: 1.0, @1, @2, 3.0"
    assert str(caught.value) == expected
    assert resolve(f"oci:{tmp_path}:@1").digest == TWO.manifest.digest
    assert resolve(f"oci:{tmp_path}:@2").digest == BOTH.digest
    with pytest.raises(NotFoundError, match=r"there is no image at @4 in .*The last one is @3"):
        resolve(f"oci:{tmp_path}:@4")


def test_of_many_names_some_are_told(tmp_path: Path) -> None:
    write(
        tmp_path, [entry(image, f"name-{number}") for number in range(30) for image in (ONE.manifest, THREE.manifest)]
    )
    with pytest.raises(NotFoundError, match=r"name-19 and 10 more$"):
        resolve(f"oci:{tmp_path}")


def test_nested_indexes_are_read_to_the_ground(tmp_path: Path) -> None:
    nested = nested_index()
    write_layout(tmp_path, {"nested": nested})
    source = open_source(Reference(f"oci:{tmp_path}"), session=default_session())
    waiting, seen = [source.resolve("nested")], 0
    while waiting:
        document = source.document(waiting.pop())
        seen += 1
        listed = json.loads(document.raw).get("manifests", [])
        waiting += [Descriptor(one["mediaType"], source.head(one["digest"]), one["size"]) for one in listed]
    assert seen == 5


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "is no image layout: it has no file 'oci-layout'"),
        ({"index.json": b'{"schemaVersion": 2, "manifests": []}'}, "it has no file 'oci-layout'"),
        ({"manifest.json": b"[]"}, "It is an archive of docker save that was unpacked"),
        ({"oci-layout": b'{"imageLayoutVersion": "1.0.0"}'}, "it has no file 'index.json'"),
        (
            {"oci-layout": b'{"imageLayoutVersion": "2.0.0"}'},
            "an image layout of version '2.0.0'. Version 1.0.0 is read",
        ),
        ({"oci-layout": b"{}"}, "an image layout of version None"),
        ({"oci-layout": b""}, "'oci-layout' of oci:.* is not valid JSON"),
        ({"oci-layout": b'{"imageLayoutVersion": 1}'}, "has to be a text, not a number"),
    ],
)
def test_what_is_no_layout_says_what_is_missing(tmp_path: Path, files: dict[str, bytes], message: str) -> None:
    write_files(tmp_path, files)
    with pytest.raises(InvalidError, match=message):
        resolve(f"oci:{tmp_path}")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "is not valid JSON"),
        (b"[]", "is not a JSON object"),
        (b'{"schemaVersion": 2, "manifests": {}}', "has to be a list, not an object"),
        (b'{"schemaVersion": 2, "manifests": [], "manifests": []}', "the key 'manifests' stands twice"),
        (b'{"schemaVersion": 2, "manifests": [], "layers": []}', "an index and a manifest at once"),
        (b'{"schemaVersion": 2, "manifests": [{}]}', "needs mediaType, digest and size"),
        (b'{"schemaVersion": 2, "manifests": [{"mediaType": "a", "digest": "../../etc", "size": 1}]}', "not a digest"),
    ],
)
def test_an_index_that_is_none_is_refused(raw: bytes, message: str) -> None:
    with pytest.raises(InvalidError, match=message):
        parse_entries(raw, "oci:folder")


def test_a_folder_that_is_not_there_and_a_file(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=f"there is no folder {tmp_path}/nowhere"):
        resolve(f"oci:{tmp_path}/nowhere:1")
    (tmp_path / "file.tar").write_bytes(b"")
    with pytest.raises(InvalidError) as caught:
        resolve(f"oci:{tmp_path}/file.tar")
    assert caught.value.hint == f"Did you mean oci-archive:{tmp_path}/file.tar or docker-archive:{tmp_path}/file.tar?"


def test_a_folder_of_skopeos_dir_is_told(tmp_path: Path) -> None:
    write_files(tmp_path, {"version": b"Directory Transport Version: 1.1\n", "manifest.json": b"{}"})
    with pytest.raises(InvalidError) as caught:
        resolve(f"oci:{tmp_path}")
    assert caught.value.hint is not None
    assert f"skopeo copy dir:{tmp_path} oci:FOLDER" in caught.value.hint


def _as_link(path: Path) -> None:
    path.rename(path.with_suffix(".real"))
    path.symlink_to(path.with_suffix(".real").name)


def _as_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _as_socket(path: Path) -> None:
    path.unlink()
    with socket.socket(socket.AF_UNIX) as listener, chdir(path.parent):  # its whole path may be too long
        listener.bind(path.name[:20])
    (path.parent / path.name[:20]).rename(path)


@pytest.mark.parametrize("change", [_as_link, _as_fifo, _as_folder, _as_socket])
@pytest.mark.parametrize("name", ["oci-layout", "index.json", "blob"])
def test_only_regular_files_are_read(tmp_path: Path, change: Any, name: str) -> None:
    write_layout(tmp_path, {"1.0": ONE.manifest})
    change(tmp_path / (f"blobs/sha256/{ONE.manifest.digest.hex}" if name == "blob" else name))
    with pytest.raises(InvalidError, match=r"is a (symbolic link|fifo|folder|socket). Only regular files are read"):
        document_of(tmp_path)


def document_of(folder: Path) -> bytes:
    source = open_source(Reference(f"oci:{folder}"), session=default_session())
    return source.document(source.resolve("1.0")).raw


@contextmanager
def nobody() -> Iterator[Path]:
    """Give a folder whose files can be forbidden, also where the tests are root's, who may read everything."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        write_layout(Path(folder), {"1.0": ONE.manifest})
        before = os.geteuid()
        try:
            if before == 0:
                os.seteuid(65534)
            yield Path(folder)
        finally:
            os.seteuid(before)


@pytest.mark.parametrize("name", ["oci-layout", "index.json", f"blobs/sha256/{ONE.manifest.digest.hex}", "."])
def test_what_may_not_be_read_says_so(name: str) -> None:
    with nobody() as folder:
        euid = os.geteuid()
        os.seteuid(os.getuid())
        (folder / name).chmod(0)
        os.seteuid(euid)
        with pytest.raises(TransportError, match=r"cannot be read: Permission denied\. Are you allowed to read it\?"):
            document_of(folder)
