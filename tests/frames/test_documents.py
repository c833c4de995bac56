"""Documents are exactly what the registry has, whatever they are, and shown without harm."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import pytest

import ocinb
from ocinb._settings import settings
from ocinb.errors import IntegrityError, InvalidError, NotFoundError, TransportError
from ocinb.frames.documents import NoConfigError
from ocinb.samples import SampleRegistry
from ocinb.samples.images import JSON, make_json
from ocinb.spec.mediatypes import (
    DOCKER_LAYER,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    DOCKER_SCHEMA1_LAYER,
    OCI_ARTIFACT,
    OCI_CONFIG,
    OCI_EMPTY,
    OCI_INDEX,
    OCI_MANIFEST,
    ORAS_ARTIFACT,
)
from tests.documents import REPOSITORY, descriptor, embedded, layer, put, put_image, put_index, put_schema1
from tests.frames.facts import images, records
from tests.spec.signing import Step

NOBODY = f"sha256:{'0' * 64}"


def test_a_registry_that_fails_at_blobs_is_not_asked_for_them_twice(registry: SampleRegistry) -> None:
    blob = registry.put_blob(b'{"packages": []}')
    failing = registry.fault(f"*/manifests/{blob}", status=500, times=None)
    assert ocinb.document(registry.reference(f"demo/shop@{blob}")).json == {"packages": []}
    for ask in (ocinb.layers, ocinb.manifests):
        with pytest.raises(InvalidError, match=r"is no image manifest\. ocinb\.document reads what is no image"):
            ask(registry.reference(f"demo/shop@{blob}"))
    assert failing.hits == 1


def test_a_registry_that_fails_for_a_moment_is_asked_again(registry: SampleRegistry) -> None:
    digest = images(registry, "demo/shop:2.0")[0].digest
    failing = registry.fault(f"*/manifests/{digest}", status=500, times=2)
    missing = registry.fault(f"*/blobs/{digest}", status=404)
    assert ocinb.document(registry.reference(f"demo/shop@{digest}")).media_type == OCI_MANIFEST
    assert (failing.hits, missing.hits) == (2, 1)


def test_a_registry_that_goes_on_failing_is_told_of(registry: SampleRegistry) -> None:
    settings.retries = 1
    failing = registry.fault(f"*/manifests/{NOBODY}", status=500, times=None)
    with pytest.raises(TransportError, match="500"):
        ocinb.document(registry.reference(f"demo/shop@{NOBODY}"))
    assert failing.hits == 3


@pytest.mark.parametrize("platform", ["all", ["amd64"], 5, ""])
def test_a_document_is_that_of_one_platform(registry: SampleRegistry, platform: str) -> None:
    with pytest.raises(InvalidError):
        ocinb.document(registry.reference("demo/shop:2.0"), platform=platform)


def test_a_document_that_is_too_large_is_refused(registry: SampleRegistry) -> None:
    settings.max_manifest_bytes = 600
    index = registry.reference("demo/shop:2.0")
    blob = registry.put_blob(b"x" * 601)
    for name in (index, registry.reference(f"demo/shop@{blob}")):
        with pytest.raises(InvalidError, match="600"):
            ocinb.document(name)
    fits = registry.put_blob(b"x" * 600)
    assert len(ocinb.document(registry.reference(f"demo/shop@{fits}")).raw) == 600


def test_html_of_what_is_no_json_shows_the_text(registry: SampleRegistry) -> None:
    digest = registry.put_blob(b"<script>alert(1)</script>\x1b[2J\nnext \xff\r\n")
    html = ocinb.document(registry.reference(f"demo/shop@{digest}"))._repr_html_()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\x1b[2J\nnext �\\r\n" in html


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


@pytest.mark.parametrize("raw", [b"\x1f\x8b\x08layer", b"", b"[1]", b'"text"'])
def test_a_tag_that_is_answered_by_a_blob_is_refused(registry: SampleRegistry, raw: bytes) -> None:
    registry.put_manifest(REPOSITORY, raw, media_type="application/octet-stream", tag="blob")
    with pytest.raises(InvalidError):
        ocinb.manifests(name(registry, "blob"))


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


BASE, TOP = f"sha256:{'b' * 64}", f"sha256:{'c' * 64}"


STEPS = (
    Step(["/bin/sh", "-c", "#(nop) ADD file:1 in /"], BASE),
    Step(["/bin/sh", "-c", "#(nop) ENV A=1"]),
    Step(
        ["/bin/sh", "-c", "make"],
        TOP,
        (("os", "linux"), ("architecture", "amd64"), ("config", {"User": "app", "Labels": {"a": "b"}})),
    ),
)


def stored(registry: SampleRegistry, digest: str) -> bytes:
    return registry._content.repositories[REPOSITORY].manifests[digest].raw


def test_what_was_damaged_in_the_store_is_asked_for_again(registry: SampleRegistry) -> None:
    digest = put_schema1(registry, *STEPS)
    name = registry.reference(f"{REPOSITORY}@{digest}")
    raw = ocinb.document(name).raw
    for damage in (b"x", b"\xff", b"sha256:" + b"0" * 64, make_json({})):
        [note] = settings.store_dir.glob(".ocinb/signed/*/*")
        note.write_bytes(damage)
        assert ocinb.document(name).raw == raw
    [blob] = settings.store_dir.glob("blobs/*/*")
    blob.write_bytes(raw.replace(b"demo/old", b"demo/new"))
    asked = len(registry.requests)
    assert ocinb.document(name).raw == raw
    assert len(registry.requests) == asked + 1


@pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])
def test_rows_have_no_sizes_and_no_layer_for_what_was_thrown_away(registry: SampleRegistry, *, signed: bool) -> None:
    digest = put_schema1(registry, *STEPS, signed=signed)
    name = registry.reference(f"{REPOSITORY}:old")
    layers = ocinb.layers(name)
    assert layers["digest"].tolist() == [BASE, TOP]
    assert layers["layer"].tolist() == [0, 1]
    assert layers["instruction"].tolist() == ["ADD file:1 in /", "RUN make"]
    assert layers["media_type"].unique().tolist() == [DOCKER_SCHEMA1_LAYER]
    assert layers[["compressed_bytes", "diff_id", "chain_id", "compression"]].isna().all(axis=None)
    assert layers["manifest_digest"].unique().tolist() == [digest]
    history = ocinb.history(name)
    assert history["empty_layer"].tolist() == [False, True, False]
    assert history["layer"].astype(object).where(history["layer"].notna(), None).tolist() == [0, None, 1]
    assert history["compressed_bytes"].isna().all()
    [config] = records(ocinb.configs(name))
    assert (config["user"], config["labels"], config["platform"]) == ("app", {"a": "b"}, "linux/amd64")
    assert config["digest"] is None, "there is none to ask for"
    [manifest] = records(ocinb.manifests(name))
    assert (manifest["kind"], manifest["digest"], manifest["platform"]) == ("image", digest, "linux/amd64")
    assert manifest["manifest_bytes"] == len(stored(registry, digest))


def test_a_platform_is_chosen_by_what_the_image_says(registry: SampleRegistry) -> None:
    put_schema1(registry, *STEPS)
    name = registry.reference(f"{REPOSITORY}:old")
    assert len(ocinb.layers(name, platform="amd64")) == len(ocinb.layers(name, platform="all")) == 2
    with pytest.raises(NotFoundError, match="It has: linux/amd64"):
        ocinb.layers(name, platform="arm64")


def test_it_has_no_config_of_its_own(registry: SampleRegistry) -> None:
    put_schema1(registry, *STEPS)
    document = ocinb.document(registry.reference(f"{REPOSITORY}:old"))
    assert not hasattr(document, "config")
    with pytest.raises(NoConfigError, match=r"ocinb\.configs shows"):
        _ = document.config
    assert "v1Compatibility" in document._repr_html_()


def test_pull_says_that_it_fits_into_no_layout(registry: SampleRegistry) -> None:
    put_schema1(registry, *STEPS)
    name = registry.reference(f"{REPOSITORY}:old")
    with pytest.raises(InvalidError, match="schema 1, for which an image layout has no place") as caught:
        ocinb.pull(name, progress=False)
    assert caught.value.reference == name
    put_image(registry, tag="new")
    frame = ocinb.pull([name, registry.reference(f"{REPOSITORY}:new")], progress=False, errors="skip")
    assert [failure["reference"] for failure in frame.attrs["failures"]] == [name]


ALGORITHMS = ["sha512", "sha384"]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_all_helpers_show_its_digests(registry: SampleRegistry, algorithm: str) -> None:
    one, two = layer("one"), layer("two")
    child = put_image(registry, one, two, tag="image", algorithm=algorithm)
    platform = {"os": "linux", "architecture": "amd64"}
    put_index(registry, {**child, "platform": platform}, tag="index")
    name = registry.reference(f"{REPOSITORY}:index")
    assert ocinb.manifests(name)["digest"].tolist() == [child["digest"]]
    layers = ocinb.layers(name)
    expected = [f"{algorithm}:{hashlib.new(algorithm, blob.raw).hexdigest()}" for blob in (one, two)]
    assert layers["digest"].tolist() == expected
    assert layers["manifest_digest"].unique().tolist() == [child["digest"]]
    assert layers["diff_id"].tolist() == [one.diff_id, two.diff_id]
    assert ocinb.configs(name)["digest"].str.startswith(f"{algorithm}:").all()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_image_is_pulled_into_its_own_folder(registry: SampleRegistry, algorithm: str) -> None:
    child = put_image(registry, layer("one"), layer("two"), tag="image", algorithm=algorithm)
    name = registry.reference(f"{REPOSITORY}:image")
    frame = ocinb.pull(name, progress=False)
    assert frame["outcome"].tolist() == ["downloaded"] * 3
    for path, digest in zip(frame["path"], frame["digest"], strict=True):
        assert path == str(settings.store_dir / "blobs" / algorithm / digest.partition(":")[2])
        with Path(path).open("rb") as file:
            assert hashlib.file_digest(file, algorithm).hexdigest() == digest.partition(":")[2]
    [entry] = json.loads((settings.store_dir / "index.json").read_bytes())["manifests"]
    assert entry["digest"] == child["digest"]
    assert ocinb.pull(name, progress=False, verify="full")["outcome"].tolist() == ["present"] * 3
