"""What goes along with images is found through all that refers to it, each once, and read to the last manifest."""

from __future__ import annotations

import json

import pytest

from ocinb._settings import settings
from ocinb.errors import IntegrityError, InvalidError
from ocinb.samples import SampleRegistry
from ocinb.sources.images import ALL, Wanted, find_images, resolve_name
from ocinb.sources.referrer_closure import Along, find_along
from ocinb.spec.mediatypes import OCI_INDEX
from tests.frames.facts import sha256
from tests.sources.referring import REPOSITORY, SBOM, artifact, entry, index, put_subject
from tests.transferring import open_repository


def along(registry: SampleRegistry, tag: str, platform: Wanted = ALL) -> Along:
    source = open_repository(registry)
    resolved = resolve_name(source, tag, settings)
    images = find_images(source, resolved, platform, settings)
    return find_along(source, resolved, images, settings, whole=platform == ALL)


def manifests(found: Along) -> list[str]:
    return [image.document.digest for image in found.images]


def put(registry: SampleRegistry, raw: bytes, tag: str | None = None) -> str:
    return registry.put_manifest(REPOSITORY, raw, media_type=json.loads(raw)["mediaType"], tag=tag)


def test_all_that_refers_to_an_index_and_its_images(registry: SampleRegistry) -> None:
    whole, one = along(registry, "2.0"), along(registry, "2.0", ("arm64",))
    children = json.loads(open_repository(registry).read("2.0").raw)["manifests"]
    amd64, arm64, of_amd64, of_arm64 = (child["digest"] for child in children)
    assert len(manifests(whole)) == len(set(manifests(whole))) == 6
    assert {of_amd64, of_arm64} < set(manifests(whole))
    assert len(manifests(one)) == 4
    assert of_arm64 in manifests(one)
    assert not {amd64, arm64, of_amd64} & set(manifests(one)), "what is pulled does not go along with itself"
    assert {arm64, *manifests(one)} < one.asked
    assert of_arm64 not in {referrer.subject for referrer in one.referrers}


def test_what_refers_to_an_inner_index_goes_along_if_all_of_it_is_wanted(registry: SampleRegistry) -> None:
    image = open_repository(registry).read(registry.put_image(REPOSITORY, [], tag="plain")).raw
    inner = index(entry(image, platform={"os": "linux", "architecture": "amd64"}))
    sbom = artifact(sha256(inner), artifact_type=SBOM)
    for raw in (inner, sbom):
        put(registry, raw)
    put(registry, index(entry(inner, OCI_INDEX)), tag="nested")
    assert manifests(along(registry, "nested")) == [sha256(sbom)]
    assert manifests(along(registry, "nested", ("amd64",))) == []


UNKNOWN = b'{"schemaVersion": 2, "mediaType": "application/vnd.example.manifest+json", "things": []}'


def test_a_manifest_of_an_unknown_type_goes_along_as_it_is(registry: SampleRegistry) -> None:
    put(registry, UNKNOWN)
    described = entry(UNKNOWN, "application/vnd.example.manifest+json")
    put(registry, index(described), tag="odd")
    [image] = along(registry, "odd").images
    assert image.document.raw == UNKNOWN
    assert (image.manifest.config, image.manifest.layers) == (None, ())
    put(registry, index({**described, "size": 5}), tag="lying")
    with pytest.raises(IntegrityError, match="has to be 5 bytes long"):
        along(registry, "lying")


def test_what_is_no_manifest_is_refused(registry: SampleRegistry) -> None:
    broken = b'{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json"}'
    put(registry, broken)
    put(registry, index(entry(broken, annotations={"vnd.docker.reference.type": "x"})), tag="odd")
    with pytest.raises(InvalidError, match="without 'config'"):
        along(registry, "odd")


def test_the_limit_counts_each_referrer_once(registry: SampleRegistry) -> None:
    subject = put_subject(registry).digest
    for number in range(2):
        put(registry, artifact(subject, artifact_type=SBOM, annotations={"number": str(number)}))
    settings.max_index_children = 2
    assert len(along(registry, "subject").images) == 2
    settings.max_index_children = 1
    with pytest.raises(InvalidError, match="max_index_children = 1"):
        along(registry, "subject")
