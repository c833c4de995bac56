"""read gives the bytes of one file, at the end or of one layer, and says of all else what it is."""

from __future__ import annotations

import tarfile
from typing import Any

import pandas as pd
import pytest

import ocinb
from ocinb._settings import settings
from ocinb.errors import IntegrityError, InvalidError, NotFoundError, OcinbError
from ocinb.samples import SampleRegistry
from ocinb.samples.tars import Entry, directory, file, hardlink, opaque, symlink, whiteout
from tests.frames.layerfacts import put_layers

SHOP = "demo/shop:2.0"
BASE = [
    directory("etc"),
    file("etc/passwd", "root"),
    file("etc/key", "secret"),
    symlink("lib", "usr/lib"),
    file("usr/lib/a.so", "a"),
    symlink("etc/link", "../lib/a.so"),
    file("empty"),
]
TOP = [
    file("etc/passwd", "root, app"),
    whiteout("etc/key"),
    hardlink("etc/again", "usr/lib/a.so"),
    symlink("etc/mine", "passwd"),
    symlink("etc/theirs", "/usr/lib/a.so"),
    file("lib/b.so", "b"),
]
ODD = [
    Entry("dev/null", tarfile.CHRTYPE),
    Entry("dev/sda", tarfile.BLKTYPE),
    Entry("pipe", tarfile.FIFOTYPE),
    symlink("round", "round"),
    symlink("out", "../../../../etc/passwd"),
    symlink("dangling", "/proc/self/environ"),
    directory("d"),
    file("twice", "first"),
    file("twice", "second"),
    file("../../escaped", "out"),
]


@pytest.fixture
def image(registry: SampleRegistry) -> str:
    return put_layers(registry, BASE, TOP, ODD)


@pytest.mark.parametrize(
    ("path", "layer", "content"),
    [
        ("etc/passwd", 0, b"root"),
        ("etc/passwd", 1, b"root, app"),
        ("etc/key", 0, b"secret"),
        ("/etc/key", 0, b"secret"),
        ("etc/again", 1, b"a"),
        ("etc/mine", 1, b"root, app"),
        ("etc/link", 0, b"a"),
        ("lib/a.so", 0, b"a"),
        ("lib/b.so", 1, b"b"),
        ("usr/lib/b.so", 1, b"b"),
        ("twice", 2, b"second"),
        ("../../escaped", 2, b"out"),
    ],
)
def test_what_a_layer_stored(image: str, path: str, layer: int, content: bytes) -> None:
    assert ocinb.read(image, path, layer=layer) == content


@pytest.mark.parametrize(
    ("path", "layer", "message"),
    [
        ("etc/key", None, "there is no 'etc/key' in the final file system. Layer 0 stores it, and layer 1 hides it"),
        ("etc/key", 1, "layer 1 stores no 'etc/key'. Layer 0 stores it, and layer 1 hides it: layer=0 reads it"),
        ("etc/passwd", 2, "layer 2 stores no such file: 'etc/passwd' leads to 'etc/passwd', which layer 1"),
        ("etc/theirs", 1, "'etc/theirs' leads to 'usr/lib/a.so', which layer 0 stores. layer=0 reads it"),
        ("etc/pasword", None, "Did you mean 'etc/passwd'?"),
        ("etc/pasword", 1, "layer 1 stores no 'etc/pasword'. Did you mean 'etc/passwd'?"),
        ("dangling", None, "there is no 'dangling' in the final file system: it leads to 'proc/self/environ'"),
        ("no/such", None, "there is no 'no/such' in the final file system: not even 'no' is there"),
        ("../../escaped", None, "there is no '../../escaped' in the final file system: it leads to 'escaped'"),
        ("etc/passwd/x", None, "leads through 'etc/passwd', which is no directory"),
        ("etc/passwd/", None, "'etc/passwd/' leads through 'etc/passwd', which is no directory"),
        ("etc/passwd/", 0, "layer 0 stores no 'etc/passwd/'. 'etc/passwd' has the type file"),
        ("etc/key/", None, "there is no 'etc/key/' in the final file system"),
        ("etc/link/.", None, "'etc/link/.' leads through 'usr/lib/a.so', which is no directory"),
    ],
)
def test_what_is_not_there(image: str, path: str, layer: int | None, message: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        ocinb.read(image, path, layer=layer)
    assert str(caught.value).startswith(f"{image}: ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("dev/null", "'dev/null' is a character device, which has no content to read"),
        ("dev/sda", "is a block device"),
        ("pipe", "is a fifo"),
        ("d", "'d' is a directory, which has no content to read. ocinb.filesystem lists what is in it"),
        ("usr", "'usr' is a directory"),
        ("", "'' is a directory"),
        ("round", "'round' leads through more than 40 links, as if they went in a circle"),
    ],
)
@pytest.mark.parametrize("layer", [None, 2])
def test_what_has_no_content(image: str, path: str, message: str, layer: int | None) -> None:
    with pytest.raises(InvalidError) as caught:
        ocinb.read(image, path, layer=layer)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"path": 7}, "path takes a text such as 'etc/os-release', not 7"),
        ({"platform": "all"}, "a file is that of one platform, not 'all'"),
        ({"platform": ["amd64"]}, "a file is that of one platform"),
        ({"layer": -1}, "layer takes a layer's number, from 0 at the base, not -1"),
        ({"layer": True}, "not True"),
        ({"layer": "2"}, "not '2'"),
        ({"layer": 1.0}, "not 1.0"),
        ({"layer": pd.NA}, "not <NA>"),
        ({"reference": 7}, "7 is not a name"),
        ({"progress": 7}, "progress"),
    ],
)
def test_what_is_no_argument(registry: SampleRegistry, given: dict[str, Any], message: str) -> None:
    arguments = {"reference": registry.reference("demo/hello"), "path": "hello", **given}
    with pytest.raises(InvalidError, match=message):
        ocinb.read(arguments.pop("reference"), arguments.pop("path"), **arguments)
    assert registry.requests == ()


def test_a_number_that_no_layer_has(image: str, registry: SampleRegistry) -> None:
    with pytest.raises(InvalidError, match="there is no layer 3: the image has 3, from 0 to 2"):
        ocinb.read(image, "a", layer=3)
    with pytest.raises(InvalidError, match="there is no layer 0: the image has none"):
        ocinb.read(put_layers(registry, tag="none"), "a", layer=0)
    with pytest.raises(NotFoundError, match=r"there is no 'a' in the final file system$"):
        ocinb.read(registry.reference("demo/documents:none"), "a")
    with pytest.raises(NotFoundError, match=r"there is no 'd/x' in the final file system: not even 'd' is there$"):
        ocinb.read(registry.reference("demo/documents:none"), "d/x")


def test_a_file_that_is_too_large_is_an_error_that_names_the_setting(image: str) -> None:
    settings.max_file_bytes = 8
    with pytest.raises(InvalidError) as caught:
        ocinb.read(image, "etc/passwd")
    assert "'etc/passwd' has 9 bytes, more than max_file_bytes = 8. ocinb.settings.max_file_bytes = 9" in str(
        caught.value
    )
    settings.max_file_bytes = 9
    assert ocinb.read(image, "etc/passwd") == b"root, app"


def test_an_artifact_has_no_files_to_read(registry: SampleRegistry) -> None:
    with pytest.raises(InvalidError, match="is an artifact, and has no files"):
        ocinb.read(registry.reference("demo/chart:0.1"), "shop/Chart.yaml")


def test_of_an_index_one_platform_is_read(registry: SampleRegistry) -> None:
    reference = registry.reference("demo/nested:1")
    for platform in ("linux/amd64", "linux/arm64/v8", "linux/arm/v7"):
        assert ocinb.read(reference, "greeting", platform=platform) == f"Hello from {platform}\n".encode()
    with pytest.raises(NotFoundError, match="there is no image for linux/s390x"):
        ocinb.read(reference, "greeting", platform="s390x")


def test_content_that_is_not_what_was_listed_is_refused(image: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ocinb.layer_index.read_entry", lambda *_: b"other")
    with pytest.raises(IntegrityError, match=r"'etc/passwd' of the layer sha256:.* is not what it was before"):
        ocinb.read(image, "etc/passwd")


def test_an_opaque_directory_is_told_as_a_hidden_one(registry: SampleRegistry) -> None:
    name = put_layers(registry, [file("d/a", "1")], [opaque("d"), file("d/b", "2")])
    with pytest.raises(OcinbError, match="Layer 0 stores it, and layer 1 hides it: layer=0 reads it"):
        ocinb.read(name, "d/a")
    assert ocinb.read(name, "d/a", layer=0) == b"1"
