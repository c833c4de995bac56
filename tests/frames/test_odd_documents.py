"""Whatever a manifest is, it is a row: artifacts old and new, unknown types, what is embedded, what nobody sizes."""

from __future__ import annotations

import base64
from typing import Any

import pytest

import ocinb
from ocinb._settings import settings
from ocinb.errors import IntegrityError, InvalidError, NotFoundError
from ocinb.frames.documents import NoConfigError
from ocinb.samples import SampleRegistry
from ocinb.samples.images import JSON, make_json
from ocinb.spec.digest import Digest
from ocinb.spec.mediatypes import (
    DOCKER_LAYER,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    IN_TOTO,
    OCI_ARTIFACT,
    OCI_CONFIG,
    OCI_EMPTY,
    OCI_INDEX,
    OCI_LAYER,
    OCI_MANIFEST,
    ORAS_ARTIFACT,
)
from tests.documents import REPOSITORY, descriptor, embedded, layer, put, put_image, put_index
from tests.frames.facts import records

STRANGE = "application/vnd.example.strange.v1+json"
HELM = "application/vnd.cncf.helm.config.v1+json"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
CACHE_CONFIG = "application/vnd.buildkit.cacheconfig.v0"
FILE = descriptor("application/x.file", b"content", annotations={"org.opencontainers.image.title": "a.txt"})
EMPTY = embedded(OCI_EMPTY, b"{}")


def name(registry: SampleRegistry, tag: str = "1") -> str:
    return registry.reference(f"{REPOSITORY}:{tag}")


@pytest.mark.parametrize("media_type", [OCI_ARTIFACT, ORAS_ARTIFACT])
def test_an_artifact_of_old_has_its_blobs_as_rows_and_no_config(registry: SampleRegistry, media_type: str) -> None:
    subject = put_image(registry, tag="image")
    wanted: JSON = {
        "schemaVersion": ...,
        "artifactType": "application/x.sbom",
        "blobs": [FILE, FILE],
        "subject": subject,
    }
    put(registry, media_type, **wanted, annotations={"a": "b"})
    [row] = records(ocinb.manifests(name(registry)))
    assert (row["kind"], row["media_type"]) == ("artifact", media_type)
    assert (row["artifact_type"], row["subject"]) == ("application/x.sbom", subject["digest"])
    assert row["annotations"] == {"a": "b"}
    layers = ocinb.layers(name(registry))
    assert layers["digest"].tolist() == [FILE["digest"]] * 2
    assert layers["compressed_bytes"].tolist() == [7, 7]
    assert len(ocinb.configs(name(registry))) == len(ocinb.history(name(registry))) == 0
    with pytest.raises(NoConfigError, match=r"is an artifact of type application/x\.sbom, which has no config"):
        _ = ocinb.document(name(registry)).config


def test_an_artifact_of_old_is_pulled_with_its_blobs(registry: SampleRegistry) -> None:
    registry.put_blob(b"content")
    put(registry, OCI_ARTIFACT, schemaVersion=..., artifactType="application/x", blobs=[FILE])
    pulled = ocinb.pull(name(registry), progress=False)
    assert pulled["digest"].tolist() == [FILE["digest"]]
    assert pulled["outcome"].tolist() == ["downloaded"]


@pytest.mark.parametrize(
    ("config", "blobs", "kind", "artifact_type"),
    [
        (HELM, ["application/vnd.cncf.helm.chart.content.v1.tar+gzip"], "artifact", None),
        ("application/vnd.wasm.config.v0+json", ["application/wasm"], "artifact", None),
        ("application/vnd.docker.plugin.v1+json", [DOCKER_LAYER], "artifact", None),
        ("application/vnd.unknown.config.v1+json", ["application/x.file"], "artifact", None),
        (CACHE_CONFIG, ["application/vnd.oci.image.layer.v1.tar+zstd"], "artifact", None),
        (OCI_EMPTY, ["application/x.file"], "artifact", "application/x.thing"),
        (OCI_EMPTY, ["application/vnd.dsse.envelope.v1+json"], "attestation", "application/vnd.in-toto+json"),
        (OCI_EMPTY, [BUNDLE], "signature", BUNDLE),
        (OCI_EMPTY, [OCI_EMPTY], "artifact", "application/vnd.example.nothing"),
    ],
)
def test_artifacts_of_today_are_rows(
    registry: SampleRegistry, config: str, blobs: list[str], kind: str, artifact_type: str | None
) -> None:
    stacked = [descriptor(one, b"content") for one in blobs]
    more = {} if artifact_type is None else {"artifactType": artifact_type}
    put(registry, OCI_MANIFEST, config=embedded(config, b"{}"), layers=stacked, **more)
    [row] = records(ocinb.manifests(name(registry)))
    assert (row["kind"], row["artifact_type"]) == (kind, artifact_type or config)
    assert ocinb.layers(name(registry))["media_type"].tolist() == blobs
    assert len(ocinb.configs(name(registry))) == 0
    assert ocinb.document(name(registry)).config.raw == b"{}"
    assert not any("/blobs/" in request.path for request in registry.requests), "the config is embedded"


def test_compression_of_an_unknown_blob_is_not_known(registry: SampleRegistry) -> None:
    put(registry, OCI_MANIFEST, config=EMPTY, layers=[FILE, descriptor(f"{OCI_LAYER}+zstd", b"x")])
    assert ocinb.layers(name(registry))["compression"].fillna("unknown").tolist() == ["unknown", "zstd"]


def test_layers_that_lie_elsewhere_are_rows(registry: SampleRegistry) -> None:
    foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
    config = make_json({"os": "windows", "architecture": "amd64", "os.version": "10.0.1", "rootfs": {"diff_ids": []}})
    registry.put_blob(config)
    far = descriptor(foreign, b"far", urls=["https://example.com/layer"])
    put(registry, DOCKER_MANIFEST, config=descriptor(OCI_CONFIG, config), layers=[far])
    [row] = records(ocinb.layers(name(registry)))
    assert (row["digest"], row["compression"], row["platform"]) == (far["digest"], "gzip", "windows/amd64")


@pytest.mark.parametrize("served", [STRANGE, "application/octet-stream", "text/plain"])
def test_a_manifest_of_an_unknown_type_is_a_row_without_layers(registry: SampleRegistry, served: str) -> None:
    put(registry, STRANGE, layers=[FILE], config=EMPTY)
    registry.fault("*/manifests/1", headers={"Content-Type": served}, times=None)
    [row] = records(ocinb.manifests(name(registry)))
    assert (row["kind"], row["media_type"], row["artifact_type"]) == ("unknown", STRANGE, None)
    assert len(ocinb.layers(name(registry))) == len(ocinb.history(name(registry))) == 0
    assert len(ocinb.configs(name(registry))) == 0
    assert ocinb.document(name(registry)).media_type == STRANGE
    with pytest.raises(InvalidError, match=r"is no manifest, but application/vnd\.example"):
        _ = ocinb.document(name(registry)).config
    assert len(ocinb.pull(name(registry), progress=False)) == 0


def test_what_says_nowhere_that_it_is_a_manifest_is_refused_as_one(registry: SampleRegistry) -> None:
    config = make_json({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": []}})
    for tag, raw in (("config", config), ("error", make_json({"errors": []})), ("empty", b"{}")):
        registry.put_manifest(REPOSITORY, raw, media_type="application/json", tag=tag)
        assert ocinb.document(name(registry, tag)).raw == raw
        for ask in (ocinb.manifests, ocinb.layers, ocinb.configs):
            with pytest.raises(InvalidError, match="which is no image manifest"):
                ask(name(registry, tag))


@pytest.mark.parametrize("raw", [b"\x1f\x8b\x08layer", b"", b"[1]", b'"text"'])
def test_a_tag_that_is_answered_by_a_blob_is_refused(registry: SampleRegistry, raw: bytes) -> None:
    registry.put_manifest(REPOSITORY, raw, media_type="application/octet-stream", tag="blob")
    with pytest.raises(InvalidError):
        ocinb.manifests(name(registry, "blob"))


def test_children_of_any_type_are_rows(registry: SampleRegistry) -> None:
    image = put_image(registry, layer(), tag="image")
    children: list[tuple[JSON, str]] = [
        ({**image, "platform": {"os": "linux", "architecture": "amd64"}}, "image"),
        (descriptor(f"{OCI_LAYER}+gzip", b"layer", annotations={"buildkit/createdat": "2024"}), "unknown"),
        (descriptor(CACHE_CONFIG, b"{}"), "unknown"),
        (descriptor(STRANGE, b"strange"), "unknown"),
        (descriptor(OCI_ARTIFACT, b"artifact", artifactType="application/x"), "artifact"),
        ({**image, "artifactType": "application/x"}, "artifact"),
        ({**image, "platform": {}}, "unknown"),
        ({**image, "platform": {"os": "linux"}}, "unknown"),
    ]
    put_index(registry, *(child for child, _ in children))
    frame = ocinb.manifests(name(registry))
    assert frame["kind"].tolist() == [kind for _, kind in children]
    assert frame["media_type"].tolist() == [child["mediaType"] for child, _ in children]
    assert ocinb.layers(name(registry), platform="all")["manifest_digest"].tolist() == [image["digest"]]


def test_a_cache_of_buildkit_has_no_images(registry: SampleRegistry) -> None:
    put_index(registry, descriptor(f"{OCI_LAYER}+gzip", b"layer"), descriptor(CACHE_CONFIG, b"{}"))
    assert ocinb.manifests(name(registry))["kind"].tolist() == ["unknown", "unknown"]
    assert len(ocinb.layers(name(registry), platform="all")) == 0
    with pytest.raises(NotFoundError, match="It has: none"):
        ocinb.layers(name(registry))


@pytest.mark.parametrize("absent", [..., None])
def test_lists_that_go_left_null_are_empty(registry: SampleRegistry, absent: Any) -> None:
    put(registry, OCI_INDEX, tag="index", manifests=[], annotations=absent, subject=absent)
    assert len(ocinb.manifests(name(registry, "index"))) == 0
    config = make_json({"os": "linux", "architecture": "amd64", "config": None, "rootfs": None, "history": None})
    registry.put_blob(config)
    put(registry, OCI_MANIFEST, config=descriptor(OCI_CONFIG, config, urls=None), layers=absent, annotations=absent)
    assert len(ocinb.layers(name(registry))) == len(ocinb.history(name(registry))) == 0
    [row] = records(ocinb.configs(name(registry)))
    assert (row["env"], row["labels"], row["cmd"], row["created"]) == ({}, {}, None, None)


@pytest.mark.parametrize(
    ("rootfs", "history"),
    [(None, None), ({"diff_ids": None}, []), ({"diff_ids": [str(Digest.of(b"a"))]}, [{"created_by": "RUN a"}])],
)
def test_a_config_that_does_not_fit_its_layers_leaves_them_without_identity(
    registry: SampleRegistry, rootfs: Any, history: Any
) -> None:
    one, two = layer("one"), layer("two")
    put_image(registry, one, two, rootfs=rootfs, history=history)
    frame = ocinb.layers(name(registry))
    assert frame["digest"].tolist() == [one.digest, two.digest]
    assert frame["compressed_bytes"].tolist() == [len(one.raw), len(two.raw)]
    assert frame[["diff_id", "chain_id", "instruction", "created"]].isna().all(axis=None)
    assert ocinb.pull(name(registry), progress=False)["outcome"].tolist() == ["present", "downloaded", "downloaded"]


@pytest.mark.parametrize("media_type", [OCI_MANIFEST, DOCKER_MANIFEST])
@pytest.mark.parametrize("served", ["right", "application/json", "text/plain; charset=utf-8", None])
def test_a_manifest_may_leave_its_type_to_the_header(
    registry: SampleRegistry, media_type: str, served: str | None
) -> None:
    config = make_json({"os": "linux", "architecture": "amd64"})
    registry.put_blob(config)
    put(registry, media_type, mediaType=..., config=descriptor(OCI_CONFIG, config), layers=[])
    if served != "right":
        registry.fault("*/manifests/1", headers={"Content-Type": served}, times=None)
    [row] = records(ocinb.manifests(name(registry)))
    assert row["kind"] == "image"
    assert row["media_type"] == (media_type if served == "right" else OCI_MANIFEST)


def test_an_index_that_names_another_type_than_its_child_says_is_refused(registry: SampleRegistry) -> None:
    image = put_image(registry, tag="image")
    put_index(registry, {**image, "mediaType": DOCKER_MANIFEST})
    with pytest.raises(InvalidError, match=r"was served as \S+docker\S+, but says that it is \S+oci"):
        ocinb.layers(name(registry))
    plain = put(registry, OCI_MANIFEST, tag="plain", mediaType=..., config=EMPTY, layers=[FILE])
    put(registry, DOCKER_LIST, tag="2", manifests=[{**plain, "mediaType": DOCKER_MANIFEST}])
    assert ocinb.layers(name(registry, "2"), platform="all")["digest"].tolist() == [FILE["digest"]]


def test_embedded_documents_need_no_request_and_are_there_for_pull(registry: SampleRegistry) -> None:
    config = make_json({"os": "linux", "architecture": "amd64", "rootfs": {"diff_ids": []}, "author": "ada"})
    put(registry, OCI_MANIFEST, config=embedded(OCI_CONFIG, config), layers=[embedded("application/x", b"small")])
    assert ocinb.configs(name(registry))["author"].tolist() == ["ada"]
    pulled = ocinb.pull(name(registry), progress=False)
    assert pulled["blob_bytes"].tolist() == [len(config), 5]
    assert [settings.store_dir.joinpath(path).read_bytes() for path in pulled["path"]] == [config, b"small"]
    assert [request.path for request in registry.requests if "/blobs/" in request.path] == []


def test_an_embedded_manifest_needs_no_request(registry: SampleRegistry) -> None:
    raw = make_json({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": EMPTY, "layers": [FILE]})
    put_index(registry, embedded(OCI_MANIFEST, raw))
    assert ocinb.layers(name(registry), platform="all")["digest"].tolist() == [FILE["digest"]]
    assert len([request for request in registry.requests if "/manifests/" in request.path]) == 1


@pytest.mark.parametrize("field", ["config", "layers", "subject", "manifests"])
def test_embedded_bytes_that_are_others_are_refused_wherever_they_stand(registry: SampleRegistry, field: str) -> None:
    wrong = {**EMPTY, "data": base64.b64encode(b"[]").decode()}
    fields: JSON = {"config": EMPTY, "layers": []} | {field: [wrong] if field in {"layers", "manifests"} else wrong}
    if field == "manifests":
        put(registry, OCI_INDEX, manifests=fields[field])
    else:
        put(registry, OCI_MANIFEST, **fields)
    with pytest.raises(IntegrityError, match="is not what it stands for"):
        ocinb.manifests(name(registry))


def test_attestations_are_linked_to_their_image_and_read_by_their_digest(registry: SampleRegistry) -> None:
    reference = registry.reference("demo/shop:2.0")
    frame = ocinb.manifests(reference)
    attested = frame[frame["kind"] == "attestation"]
    assert sorted(attested["subject"]) == sorted(frame.loc[frame["kind"] == "image", "digest"])
    repository = registry.reference("demo/shop")
    for row in records(attested):
        manifest = ocinb.document(f"{repository}@{row['digest']}")
        types = set()
        for blob in manifest.json["layers"]:
            assert blob["mediaType"] == IN_TOTO
            statement = ocinb.document(f"{repository}@{blob['digest']}")
            types.add(statement.json["predicateType"])
            assert statement.json["subject"][0]["digest"]["sha256"] == row["subject"].partition(":")[2]
        assert types == {"https://spdx.dev/Document", "https://slsa.dev/provenance/v0.2"}


def test_a_document_has_just_so_many_bytes_and_no_more(registry: SampleRegistry) -> None:
    limit = settings.max_manifest_bytes
    assert limit == 4 * 1024 * 1024
    empty = len(make_json({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [], "annotations": {"a": ""}}))
    for size, tag in ((limit, "fits"), (limit + 1, "over")):
        put_index(registry, tag=tag, annotations={"a": "x" * (size - empty)})
    assert len(ocinb.document(name(registry, "fits")).raw) == limit
    with pytest.raises(InvalidError, match=f"limit of {limit:,} bytes"):
        ocinb.document(name(registry, "over"))


def test_a_config_has_just_so_many_bytes_and_no_more(registry: SampleRegistry) -> None:
    limit = settings.max_manifest_bytes
    bare = len(
        make_json({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": []}, "author": ""})
    )
    for size, tag in ((limit, "fits"), (limit + 1, "over")):
        put_image(registry, tag=tag, author="x" * (size - bare))
    assert len(ocinb.configs(name(registry, "fits"))["author"][0]) == limit - bare
    with pytest.raises(InvalidError, match=f"more than max_manifest_bytes = {limit:,}"):
        ocinb.configs(name(registry, "over"))
