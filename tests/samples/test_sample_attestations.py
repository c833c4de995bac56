"""Attestations and referrers say what they speak of, and are found where clients look for them."""

from __future__ import annotations

import json

import pytest

from ocinb.samples.base_image import PLATFORMS
from ocinb.samples.catalog import sample_content
from ocinb.samples.shop import RELEASES, Release, shop_image


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.version)
def test_each_index_has_an_attestation_of_each_image(release: Release) -> None:
    repository = sample_content().repositories["demo/shop"]
    entries = json.loads(repository.manifests[repository.tags[release.version]].raw)["manifests"]
    images, attestations = entries[:2], entries[2:]
    assert [entry["platform"] for entry in images] == [
        {"architecture": "amd64", "os": "linux"},
        {"architecture": "arm64", "os": "linux", "variant": "v8"},
    ]
    for image, attestation in zip(images, attestations, strict=True):
        assert attestation["platform"] == {"architecture": "unknown", "os": "unknown"}
        assert attestation["annotations"] == {
            "vnd.docker.reference.digest": image["digest"],
            "vnd.docker.reference.type": "attestation-manifest",
        }


def test_attestations_speak_of_their_image() -> None:
    repository = sample_content().repositories["demo/shop"]
    entry = json.loads(repository.manifests[repository.tags["2.0"]].raw)["manifests"][2]
    layers = json.loads(repository.manifests[entry["digest"]].raw)["layers"]
    predicates = [layer["annotations"]["in-toto.io/predicate-type"] for layer in layers]
    assert predicates == ["https://spdx.dev/Document", "https://slsa.dev/provenance/v0.2"]
    for layer, predicate in zip(layers, predicates, strict=True):
        assert layer["mediaType"] == "application/vnd.in-toto+json"
        statement = json.loads(sample_content().blobs[layer["digest"]])
        assert statement["predicateType"] == predicate
        subject = statement["subject"][0]["digest"]["sha256"]
        assert entry["annotations"]["vnd.docker.reference.digest"] == f"sha256:{subject}"


def test_referrers_point_at_the_newest_shop() -> None:
    repositories = sample_content().repositories.values()
    documents = [json.loads(manifest.raw) for held in repositories for manifest in held.manifests.values()]
    found = {
        (document["subject"]["digest"], document["artifactType"]) for document in documents if "subject" in document
    }
    index = sample_content().repositories["demo/shop"].tags["2.0"]
    amd64 = shop_image(RELEASES[-1], PLATFORMS[0]).manifest.digest
    assert found == {
        (index, "application/vnd.cncf.notary.signature"),
        (index, "application/spdx+json"),
        (amd64, "application/spdx+json"),
    }


def test_cosign_s_tag_leads_to_a_signature_of_the_index() -> None:
    repository = sample_content().repositories["demo/shop"]
    index = repository.tags["2.0"]
    layer = json.loads(repository.manifests[repository.tags[f"{index.replace(':', '-')}.sig"]].raw)["layers"][0]
    assert layer["mediaType"] == "application/vnd.dev.cosign.simplesigning.v1+json"
    assert list(layer["annotations"]) == ["dev.cosignproject.cosign/signature"]
    payload = json.loads(sample_content().blobs[layer["digest"]])
    assert payload["critical"]["image"]["docker-manifest-digest"] == index
