"""Archives of docker in all dialects: each image gets the manifest that follows from what was kept."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ocinb._settings import settings
from ocinb.errors import InvalidError, NotFoundError, OcinbError
from ocinb.sources.base import Source
from ocinb.sources.session import default_session, open_source
from ocinb.spec.digest import Verifier
from ocinb.spec.documents import parse_manifest
from ocinb.spec.image_config import ImageConfig, parse_config
from ocinb.spec.reference import Reference
from tests.localfiles import (
    Member,
    config_name,
    crane_archive,
    hybrid_archive,
    layout_files,
    legacy_archive,
    members_of,
    podman_archive,
    tar_bytes,
    tiny_image,
    untarred,
)

APP, OTHER = tiny_image("app", "more", "app"), tiny_image("other", "more")
BARE = "application/vnd.oci.image.layer.v1.tar"


def write(path: Path, members: list[Member], pack: Callable[[bytes], bytes] = bytes) -> str:
    path.write_bytes(pack(tar_bytes(members)))
    return f"docker-archive:{path}"


def open_(reference: str) -> Source:
    return open_source(Reference(reference), session=default_session())


def made_manifest(reference: str) -> dict[str, Any]:
    parsed = Reference(reference)
    source = open_(reference)
    document = source.document(source.resolve(parsed.wanted))
    assert document.digest == f"sha256:{hashlib.sha256(document.raw).hexdigest()}"
    made: dict[str, Any] = json.loads(document.raw)
    return made


def read_blobs(reference: str) -> list[bytes]:
    """Read the config and the layers, each verified."""
    parsed, source = Reference(reference), open_(reference)
    document = source.document(source.resolve(parsed.wanted))
    manifest = parse_manifest(document.raw, document.media_type, "it")
    assert manifest.config is not None
    read = []
    for blob in (manifest.config, *manifest.layers):
        verifier, chunks = Verifier(blob.digest, blob.size), []
        with source.open_blob(blob) as stream:
            for chunk in stream.chunks():
                verifier.update(chunk)
                chunks.append(chunk)
        verifier.check()
        read.append(b"".join(chunks))
    return read


@pytest.mark.parametrize("dialect", ["crane", "containerd"])
def test_compressed_layers_stay_as_they_stand(tmp_path: Path, dialect: str) -> None:
    members = crane_archive(APP, ["app:1"]) if dialect == "crane" else hybrid_archive(APP, ["app:1"], compressed=True)
    reference = write(tmp_path / "a.tar", members)
    assert made_manifest(reference)["layers"] == [
        {"mediaType": f"{BARE}+gzip", "digest": layer.digest, "size": len(layer.raw)} for layer in APP.layers
    ]
    assert read_blobs(reference) == [APP.config.raw, *(layer.raw for layer in APP.layers)]


def test_the_config_of_many_images_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[bytes] = []

    def counted(raw: bytes, what: str) -> ImageConfig:
        read.append(raw)
        return parse_config(raw, what)

    monkeypatch.setattr("ocinb.sources.docker_archive.parse_config", counted)
    [*others, manifest] = podman_archive(APP, ["app:1"])
    [listed] = json.loads(manifest.raw)
    links = [Member(f"config{place}", type=tarfile.LNKTYPE, target=listed["Config"]) for place in range(50)]
    images = [{**listed, "Config": link.name} for link in links]
    many = Member("manifest.json", json.dumps(images).encode())
    assert made_manifest(write(tmp_path / "a.tar", [many, *others, *links]))["config"]["digest"] == APP.config.digest
    assert len(read) == 1


def test_too_many_images_are_refused(tmp_path: Path) -> None:
    settings.max_index_children = 2
    three = write(tmp_path / "a.tar", [Member("manifest.json", b"[{}, {}, {}]")])
    with pytest.raises(InvalidError, match=r"a\.tar has 3 images, more than max_index_children = 2"):
        open_(three)


def test_several_images_are_told_apart(tmp_path: Path) -> None:
    both = [(APP, ["app:1", "quay.io/org/app:1"]), (OTHER, ["other:2"]), (tiny_image("third"), None)]
    reference = write(tmp_path / "a.tar", legacy_archive(both))
    for name, image in [
        (":app:1", APP),
        (":docker.io/library/app:1", APP),
        (":quay.io/org/app:1", APP),
        (":other:2", OTHER),
        (":@0", APP),
        (":@1", OTHER),
        (":@2", tiny_image("third")),
    ]:
        assert made_manifest(f"{reference}{name}")["config"]["digest"] == image.config.digest
        assert read_blobs(f"{reference}{name}") == [image.config.raw, *untarred(image)]
    assert open_(reference).tags() == ["docker.io/library/app:1", "quay.io/org/app:1", "docker.io/library/other:2"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", r"there are 2 images in docker-archive:.*; there are: docker.io/library/app:1, @1$"),
        (":app", r"no image 'docker.io/library/app:latest' in .*; there are: docker.io/library/app:1, @1$"),
        (":apps:1", r"Did you mean docker-archive:.*:docker.io/library/app:1\?$"),
        (":nothing:1", r"there is no image 'docker.io/library/nothing:1' in .*Name one"),
        (":@2", r"there is no image at @2 in .*\. The last one is @1"),
        (f"@sha256:{'0' * 64}", r"there is no blob sha256:0000"),
    ],
)
def test_what_is_not_there_says_what_is(tmp_path: Path, name: str, message: str) -> None:
    reference = write(tmp_path / "a.tar", legacy_archive([(APP, ["app:1"]), (OTHER, None)]))
    with pytest.raises(NotFoundError, match=message):
        made_manifest(f"{reference}{name}")


def _manifest(**changes: Any) -> list[dict[str, Any]]:
    return [{"Config": config_name(APP), "RepoTags": ["app:1"], "Layers": ["0.tar", "1.tar", "2.tar"]} | changes]


def _archive(document: Any, *more: Member, without: str = "") -> list[Member]:
    files = {config_name(APP): APP.config.raw} | {f"{place}.tar": raw for place, raw in enumerate(untarred(APP))}
    files.pop(without, None)
    raw = document if isinstance(document, bytes) else json.dumps(document).encode()
    return [*members_of(files), Member("manifest.json", raw), *more]


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (_archive(b""), "is not valid JSON"),
        (_archive(b"{}"), "has to be a list, not an object"),
        (_archive(b'[], "more": 1'), "is not a JSON list"),
        (_archive(b'[], "images": []'), "the key 'images' stands twice"),
        (_archive(b"[1]"), "has to be a JSON object, not a number"),
        (_archive(_manifest(Config=None)), "names no config"),
        (_archive(_manifest(Config=1)), "'Config' of .* has to be a text"),
        (_archive(_manifest(Config="../../etc/passwd")), "there is no '../../etc/passwd' in docker-archive:"),
        (_archive(_manifest(Config="/etc/passwd")), "there is no '/etc/passwd' in docker-archive:"),
        (_archive(_manifest(Layers=["0.tar", "1.tar"])), "has 2 layers, but its config has 3 diff_ids"),
        (_archive(_manifest(Layers=None)), "has 0 layers, but its config has 3 diff_ids"),
        (_archive(_manifest(Layers="0.tar")), "'Layers' of .* has to be a list"),
        (_archive(_manifest(), without="1.tar"), "there is no '1.tar' in .*names it as a layer"),
        (_archive(_manifest(), without=config_name(APP)), "there is no '.*json' in .*names it as a config"),
        (_archive(_manifest(RepoTags=[1])), "has to be a list of texts"),
        (_archive(_manifest(), Member("./manifest.json", b"[]")), "has 'manifest.json' twice"),
        (_archive(_manifest(), Member(config_name(APP), b"{}")), "has '.*json' twice"),
        (
            _archive(_manifest(), Member("1.tar", type=tarfile.SYMTYPE, target="1.tar"), without="1.tar"),
            "'1.tar' in .* is a link that leads in a circle",
        ),
        (
            _archive(_manifest(), Member("1.tar", type=tarfile.SYMTYPE, target="/dev/zero"), without="1.tar"),
            "leads to '/dev/zero', which is not there",
        ),
        (_archive(_manifest(), Member("1.tar", type=tarfile.FIFOTYPE), without="1.tar"), "is no regular file"),
    ],
)
def test_an_archive_that_is_written_wrong_is_refused(tmp_path: Path, members: list[Member], message: str) -> None:
    with pytest.raises(InvalidError, match=message):
        made_manifest(write(tmp_path / "a.tar", members))


def test_what_docker_before_1_10_saved_is_told(tmp_path: Path) -> None:
    members = [Member("repositories", b'{"app": {"1": "ab"}}'), Member("ab/json", b"{}"), Member("ab/layer.tar", b"")]
    with pytest.raises(InvalidError, match=r"has no file 'manifest.json', .*It was saved by Docker before 1\.10"):
        open_(write(tmp_path / "a.tar", members))


def test_a_layout_is_told_from_an_archive_of_docker(tmp_path: Path) -> None:
    reference = write(tmp_path / "a.tar", members_of(layout_files([APP.manifest], [])))
    with pytest.raises(InvalidError, match=f"Did you mean oci-archive:{tmp_path}/a.tar"):
        open_(reference)
    reference = write(tmp_path / "b.tar", [Member("etc/passwd", b"root")])
    with pytest.raises(InvalidError, match=r"has no file 'manifest.json', as docker save writes it$"):
        open_(reference)


def test_names_that_docker_would_not_take_name_nothing(tmp_path: Path) -> None:
    reference = write(tmp_path / "a.tar", _archive(_manifest(RepoTags=["<none>:<none>", "app", "app:latest", "B"])))
    source = open_(reference)
    assert source.tags() == ["docker.io/library/app:latest"]
    assert source.head("docker.io/library/app:latest") == source.head("@0") == source.head("")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["0.tar", config_name(APP)]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["Config", "Layers", "RepoTags", "images"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(document=_JSON | st.lists(st.fixed_dictionaries({"Config": _JSON, "Layers": _JSON, "RepoTags": _JSON})))
def test_whatever_stands_in_the_manifest_is_read_or_refused(tmp_path: Path, document: Any) -> None:
    reference = write(tmp_path / "a.tar", _archive(document))
    try:
        source = open_(reference)
        digests = [source.head(name) for name in (*source.tags(), "")]
    except OcinbError as error:
        assert "docker-archive:" in str(error) or "sha256" in str(error)  # noqa: PT017 - either is right
        return
    assert len(set(digests)) == 1
