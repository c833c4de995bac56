"""Names in any shape, in their order, each once; what fails is raised or told."""

from __future__ import annotations

from pathlib import Path

import pytest

import ocinb
from ocinb._settings import settings
from ocinb.errors import InvalidError, OcinbError, TransportError
from ocinb.samples import SampleRegistry
from ocinb.sources.name_lookup import meant_file
from tests.localfiles import write_layout

BAD_NAMES = [
    "",
    " ",
    "demo/hello ",
    "Demo/Hello",
    "https://registry.example/demo/hello",
    "demo/hello:",
    "demo/hello:la test",
    "demo//hello",
    "-demo/hello",
    "demo/hello@sha256:12",
    "demo/hello@md5:d41d8cd98f00b204e9800998ecf8427e",
    "demo/hello\n",
    "demo/hello\x00",
    "demo/<script>",
    "demo/\ud800",
    "0" * 64,
    "oci:",
    "oci:folder:@first",
    "oci-archive::name",
    "docker-archive:file.tar:App",
]


@pytest.mark.parametrize("helper", ["tags", "manifests", "layers", "history", "configs", "repositories"])
def test_every_helper_skips(registry: SampleRegistry, helper: str) -> None:
    good = registry.host if helper == "repositories" else registry.reference("demo/hello")
    frame = getattr(ocinb, helper)(["no name!", good], errors="skip")
    assert len(frame)
    assert [failure["reference"] for failure in frame.attrs["failures"]] == ["no name!"]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_bad_names_are_refused_without_asking_anybody(registry: SampleRegistry, name: str) -> None:
    with pytest.raises(InvalidError) as caught:
        ocinb.layers(name)
    assert str(caught.value).isprintable()
    frame = ocinb.layers([name, registry.reference("demo/hello")], errors="skip")
    assert len(frame) == 1
    assert [failure["reference"] for failure in frame.attrs["failures"]] == [name]
    assert all("hello" in request.path for request in registry.requests)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("images", "oci:images"),
        ("./images/", "oci:./images/"),
        ("~/images", "oci:~/images"),
        ("ocidir:images", "oci:images"),
        ("ocidir://images", "oci:images"),
        ("app.tar", "docker-archive:app.tar or oci-archive:app.tar"),
        ("docker-archve:app.tar", "docker-archive:app.tar or oci-archive:app.tar"),
        ("notes.txt", None),
        ("folder", None),
        ("x" * 200, None),
        ("a\0b", None),
    ],
)
def test_a_file_that_was_typed_without_its_transport_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str, meant: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    settings.offline = True
    write_layout(tmp_path / "images", {})
    (tmp_path / "folder").mkdir()
    for name in ("app.tar", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    for ask in (ocinb.layers, ocinb.tags, ocinb.document):
        with pytest.raises(OcinbError) as caught:
            ask(typed)
        assert ("Did you mean" in str(caught.value)) == (meant is not None)
        assert meant is None or caught.value.hint == f"Did you mean {meant}?"


def test_a_hint_about_something_else_than_the_name_stays(
    registry: SampleRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    reference = registry.reference("demo/hello")
    write_layout(tmp_path / reference, {})
    assert meant_file(reference)
    with pytest.raises(OcinbError) as caught:
        ocinb.layers(reference, platform="linux/amd46")
    assert str(caught.value.hint).startswith("Did you mean 'linux/amd64'?")
    registry.fault("*", status=403, times=None)
    with pytest.raises(OcinbError) as caught:
        ocinb.tags(reference)
    assert "Did you mean" not in str(caught.value)


@pytest.mark.parametrize("name", ["localhost:5000", "registry.example", "127.0.0.1:5000"])
def test_a_host_alone_is_told_from_a_repository_there(name: str) -> None:
    settings.offline = True
    with pytest.raises(TransportError, match=f"{name} alone is an image of Docker Hub; a repository .* {name}/NAME$"):
        ocinb.tags(name)
    with pytest.raises(TransportError, match=r"settings\.offline"):
        ocinb.repositories(name)
    with pytest.raises(TransportError, match=r"settings\.offline"):
        ocinb.tags(f"{name}/python")


@pytest.mark.usefixtures("internet")
@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("Demo/shop", "demo/shop"),
        ("myOrg/team/app:V1", "myorg/team/app:V1"),
        ("Registry.example/shop", None),
        ("HOST:5000/shop", None),
    ],
)
def test_a_repository_with_capitals_that_is_read_as_a_host_is_suggested_without(name: str, meant: str | None) -> None:
    with pytest.raises(TransportError, match="cannot be reached") as caught:
        ocinb.layers(name)
    hint = str(caught.value.hint)
    assert hint.endswith(f"{name.partition('/')[0]} was read as a host. Did you mean '{meant}'?") == (meant is not None)
    assert ("Did you mean" in hint) == (meant is not None)
