"""What is said of `demo/signed` is in the forms that tools write, and wrong just where it is meant to be."""

from __future__ import annotations

import json
from typing import Any

import pytest

import ocinb
from ocinb.samples.base_image import PLATFORMS
from ocinb.samples.registry_content import Content, Repository
from ocinb.samples.server import SampleRegistry
from ocinb.samples.signed_images import RELEASES, REPOSITORY, add_signed, signed_image
from tests.samples.test_sample_images import descriptors, sha256


@pytest.fixture(scope="module")
def content() -> Content:
    content = Content()
    add_signed(content)
    return content


@pytest.fixture(scope="module")
def repository(content: Content) -> Repository:
    return content.repositories[REPOSITORY]


@pytest.fixture(scope="module")
def local() -> Any:
    with SampleRegistry(signed=True) as registry:
        yield registry


def document(repository: Repository, reference: str) -> dict[str, Any]:
    digest = repository.find(reference)
    assert digest is not None
    parsed: dict[str, Any] = json.loads(repository.manifests[digest].raw)
    return parsed


def cosign_tag(repository: Repository, tag: str, suffix: str = "sig") -> str:
    return f"{repository.tags[tag].replace(':', '-')}.{suffix}"


def first_blob(content: Content, manifest: dict[str, Any]) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(content.blobs[manifest["layers"][0]["digest"]])
    return parsed


def statements(content: Content, tag: str, platform: int) -> dict[str, dict[str, Any]]:
    repository = content.repositories[REPOSITORY]
    entry = document(repository, tag)["manifests"][2 + platform]
    blobs = [json.loads(content.blobs[layer["digest"]]) for layer in document(repository, entry["digest"])["layers"]]
    return {blob["predicateType"]: blob for blob in blobs}


def referrers(repository: Repository) -> list[tuple[str, str]]:
    documents = [json.loads(manifest.raw) for manifest in repository.manifests.values()]
    return [(found["subject"]["digest"], found["artifactType"]) for found in documents if "subject" in found]


def test_it_is_there_for_those_who_ask_for_it(local: SampleRegistry) -> None:
    assert ocinb.tags(local.reference(REPOSITORY), match="?.?")["tag"].tolist() == list(RELEASES)
    with SampleRegistry() as plain, pytest.raises(ocinb.errors.NotFoundError):
        ocinb.tags(plain.reference(REPOSITORY))


def test_all_that_a_document_names_is_there(content: Content, repository: Repository) -> None:
    for digest, manifest in repository.manifests.items():
        assert digest == sha256(manifest.raw)
        for descriptor in descriptors(json.loads(manifest.raw)):
            child = repository.manifests.get(descriptor["digest"])
            raw = child.raw if child else content.blobs[descriptor["digest"]]
            assert (len(raw), sha256(raw)) == (descriptor["size"], descriptor["digest"])


def test_provenance_names_the_base_by_its_digest(content: Content, local: SampleRegistry) -> None:
    predicate = statements(content, "2.0", 0)["https://slsa.dev/provenance/v1"]["predicate"]
    [material] = predicate["buildDefinition"]["resolvedDependencies"]
    assert f"sha256:{material['digest']['sha256']}" == ocinb.document(local.reference("demo/base:12")).digest


def packages_of(local: SampleRegistry, platform: str) -> set[tuple[str, str]]:
    status = ocinb.read(local.reference(f"{REPOSITORY}:2.0"), "var/lib/dpkg/status", platform=platform).decode()
    fields = [dict(line.split(": ", 1) for line in part.splitlines()) for part in status.strip().split("\n\n")]
    return {(field["Package"], field["Version"]) for field in fields}


@pytest.mark.parametrize("platform", [0, 1])
def test_the_spdx_list_is_true(content: Content, local: SampleRegistry, platform: int) -> None:
    listed = statements(content, "2.0", platform)["https://spdx.dev/Document"]["predicate"]
    packages = {(package["name"], package["versionInfo"]) for package in listed["packages"]}
    assert packages == packages_of(local, PLATFORMS[platform])
    final = ocinb.filesystem(local.reference(f"{REPOSITORY}:2.0"), platform=PLATFORMS[platform])
    digests = dict(zip(final["path"], final["sha256"], strict=True))
    named = {file["fileName"]: file["checksums"][0]["checksumValue"] for file in listed["files"]}
    assert named == {path: digests[path] for path in named}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_cyclonedx_list_is_wrong_in_three_lines(
    content: Content, repository: Repository, local: SampleRegistry, platform: str
) -> None:
    image = signed_image("2.0", platform).manifest.digest
    documents = [json.loads(manifest.raw) for manifest in repository.manifests.values()]
    [manifest] = [found for found in documents if found.get("subject", {}).get("digest") == image]
    listed = first_blob(content, manifest)
    assert listed["bomFormat"] == "CycloneDX"
    told = {(component["name"], component["version"]) for component in listed["components"]}
    there = packages_of(local, platform)
    assert told - there == {("libc6", "2.36-9+deb12u10"), ("openssl", "3.0.15-1~deb12u1")}
    assert there - told == {("libc6", "2.36-9+deb12u9"), ("zlib1g", "1:1.2.13.dfsg-1")}


def test_referrers_are_found_by_the_list_and_without_it(repository: Repository) -> None:
    types = {"application/vnd.cncf.notary.signature": 1, "application/vnd.cyclonedx+json": 2}
    found = [artifact_type for _, artifact_type in referrers(repository)]
    assert {artifact_type: found.count(artifact_type) for artifact_type in found} == types
    with SampleRegistry(signed=True, referrers_api=False) as old:
        frame = ocinb.referrers(old.reference(f"{REPOSITORY}:2.0"))
    assert frame["found_via"].tolist() == ["tag", "index", "index", "cosign", "cosign"]
