"""Documents are exactly what the registry has, whatever they are, and shown without harm."""

from __future__ import annotations

import json

import pytest

import ocinb
from ocinb._settings import settings
from ocinb.errors import IntegrityError, InvalidError, NotFoundError, TransportError
from ocinb.frames.documents import SHOWN_CHARACTERS
from ocinb.samples import SampleRegistry
from ocinb.spec.mediatypes import DOCKER_CONFIG, DOCKER_MANIFEST, OCI_CONFIG, OCI_INDEX, OCI_MANIFEST
from tests.frames.facts import NAMES, fetch, images, sha256

NOBODY = f"sha256:{'0' * 64}"


@pytest.mark.parametrize("name", NAMES)
def test_a_document_is_the_bytes_that_the_registry_has(registry: SampleRegistry, name: str) -> None:
    repository, _, tag = name.partition(":")
    raw = fetch(registry, repository, "manifests", tag)
    document = ocinb.document(registry.reference(name))
    assert document.raw == raw
    assert document.digest == sha256(raw)
    assert document.json == json.loads(raw)
    assert document.media_type == json.loads(raw)["mediaType"]


@pytest.mark.parametrize(("platform", "place"), [("amd64", 0), ("arm64", 1), ("linux/arm64/v8", 1)])
def test_a_platform_gives_its_manifest_and_config(registry: SampleRegistry, platform: str, place: int) -> None:
    fact = images(registry, "demo/shop:2.0")[place]
    manifest = ocinb.document(registry.reference("demo/shop:2.0"), platform=platform)
    assert (manifest.digest, manifest.json, manifest.media_type) == (fact.digest, fact.manifest, OCI_MANIFEST)
    config = manifest.config
    assert (config.json, config.media_type) == (fact.config, OCI_CONFIG)
    assert (config.digest, sha256(config.raw)) == (fact.manifest["config"]["digest"],) * 2


def test_a_single_manifest_has_dockers_types(registry: SampleRegistry) -> None:
    manifest = ocinb.document(registry.reference("demo/hello"), platform="amd64")
    assert (manifest.media_type, manifest.config.media_type) == (DOCKER_MANIFEST, DOCKER_CONFIG)


def test_an_index_has_no_config_and_says_what_to_do(registry: SampleRegistry) -> None:
    index = ocinb.document(registry.reference("demo/shop:2.0"))
    assert index.media_type == OCI_INDEX
    with pytest.raises(InvalidError, match="ask for a platform"):
        _ = index.config
    with pytest.raises(InvalidError, match="is no manifest"):
        _ = ocinb.document(registry.reference("demo/hello")).config.config


def test_the_config_of_an_artifact_is_a_document_too(registry: SampleRegistry) -> None:
    assert ocinb.document(registry.reference("demo/chart:0.1")).config.json["name"] == "shop"


@pytest.mark.parametrize("wanted", ["config", "layer", "attestation"])
def test_a_blob_is_read_by_its_digest(registry: SampleRegistry, wanted: str) -> None:
    fact = images(registry, "demo/shop:2.0")[0]
    attested = ocinb.manifests(registry.reference("demo/shop:2.0")).query("kind == 'attestation'")["digest"].iloc[0]
    statement = ocinb.document(registry.reference(f"demo/shop@{attested}")).json["layers"][0]["digest"]
    digest = {
        "config": fact.manifest["config"]["digest"],
        "layer": min(fact.manifest["layers"], key=lambda layer: layer["size"])["digest"],
        "attestation": statement,
    }[wanted]
    name = registry.reference(f"demo/shop@{digest}")
    document = ocinb.document(name)
    assert document.raw == fetch(registry, "demo/shop", "blobs", digest)
    assert document.digest == digest
    asked = len(registry.requests)
    assert ocinb.document(name).raw == document.raw
    assert len(registry.requests) == asked, "it lives in the store now"
    if wanted == "layer":
        with pytest.raises(InvalidError, match="not valid JSON"):
            _ = document.json


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


def test_what_is_nowhere_is_not_found(registry: SampleRegistry) -> None:
    for name in (f"demo/shop@{NOBODY}", "demo/shop:gone", "demo/gone:1"):
        typed = registry.reference(name)
        with pytest.raises(NotFoundError) as caught:
            ocinb.document(typed)
        assert caught.value.reference == typed
    with pytest.raises(NotFoundError, match="It has: linux/amd64, linux/arm64"):
        ocinb.document(registry.reference("demo/shop:2.0"), platform="s390x")


@pytest.mark.parametrize("platform", ["all", ["amd64"], 5, ""])
def test_a_document_is_that_of_one_platform(registry: SampleRegistry, platform: str) -> None:
    with pytest.raises(InvalidError):
        ocinb.document(registry.reference("demo/shop:2.0"), platform=platform)


@pytest.mark.parametrize("name", [["demo/hello"], None, 5, b"demo/hello", "No Name"])
def test_a_document_has_one_name(name: str) -> None:
    with pytest.raises(InvalidError):
        ocinb.document(name)


def test_a_document_that_is_too_large_is_refused(registry: SampleRegistry) -> None:
    settings.max_manifest_bytes = 600
    index = registry.reference("demo/shop:2.0")
    blob = registry.put_blob(b"x" * 601)
    for name in (index, registry.reference(f"demo/shop@{blob}")):
        with pytest.raises(InvalidError, match="600"):
            ocinb.document(name)
    fits = registry.put_blob(b"x" * 600)
    assert len(ocinb.document(registry.reference(f"demo/shop@{fits}")).raw) == 600


def test_bytes_that_do_not_match_are_not_shown(registry: SampleRegistry) -> None:
    digest = images(registry, "demo/shop:2.0")[0].digest
    registry.fault(f"*/manifests/{digest}", corrupt=40, times=None)
    with pytest.raises(IntegrityError):
        ocinb.document(registry.reference(f"demo/shop@{digest}"))


def test_a_repr_is_one_line(registry: SampleRegistry) -> None:
    document = ocinb.document(registry.reference("demo/hello"))
    assert repr(document) == f"<Document {DOCKER_MANIFEST} {document.digest}, {len(document.raw)} B>"


def test_html_shows_the_document_indented_and_escaped(registry: SampleRegistry) -> None:
    html = ocinb.document(registry.reference("demo/shop:2.0"), platform="amd64").config._repr_html_()
    assert "A shop for &lt;b&gt;demonstrations&lt;/b&gt; &amp; lessons" in html
    assert "<b>demonstrations" not in html
    assert "\n  &quot;architecture&quot;: &quot;amd64&quot;,\n" in html


def test_html_of_what_is_no_json_shows_the_text(registry: SampleRegistry) -> None:
    digest = registry.put_blob(b"<script>alert(1)</script>\x1b[2J\nnext \xff\r\n")
    html = ocinb.document(registry.reference(f"demo/shop@{digest}"))._repr_html_()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\x1b[2J\nnext �\\r\n" in html


def test_html_of_what_is_nested_too_deep_shows_the_text(registry: SampleRegistry) -> None:
    digest = registry.put_blob(b'{"a":' * 50_000 + b"1" + b"}" * 50_000)
    document = ocinb.document(registry.reference(f"demo/shop@{digest}"))
    assert "&quot;a&quot;" in document._repr_html_()
    with pytest.raises(InvalidError):
        _ = document.json


def test_html_of_a_large_document_is_cut(registry: SampleRegistry) -> None:
    digest = registry.put_blob(json.dumps({"long": "x" * 3 * SHOWN_CHARACTERS}).encode())
    html = ocinb.document(registry.reference(f"demo/shop@{digest}"))._repr_html_()
    assert SHOWN_CHARACTERS < len(html) < SHOWN_CHARACTERS + 2000
    assert "x\n…" in html


def test_an_index_just_has_no_attribute_config(registry: SampleRegistry) -> None:
    index = ocinb.document(registry.reference("demo/shop:2.0"))
    assert not hasattr(index, "config")
    with pytest.raises(InvalidError, match="ask for a platform"):
        _ = index.config
