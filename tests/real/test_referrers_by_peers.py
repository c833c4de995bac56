"""What refers to an image is found in a registry that cannot list it, and wherever skopeo has copied it to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import ocinb
from ocinb._settings import settings
from tests.frames.facts import records
from tests.real import djangooci, zuulregistry
from tests.real.attesting import PROVENANCE, descriptor
from tests.real.djangooci import DjangoOci
from tests.real.dockerregistry import DockerRegistry
from tests.real.formats import Formats
from tests.real.realimages import OCI_INDEX, OCI_MANIFEST, Layout
from tests.real.referred import REPOSITORY, SBOM, Referred
from tests.real.tools import run, skopeo_raw
from tests.real.zuulregistry import ZuulRegistry

pytestmark = pytest.mark.real


def rows(reference: str, **more: Any) -> list[tuple[str, str, str, str]]:
    frame = ocinb.referrers(reference, **more)
    columns = ["subject", "digest", "artifact_type", "found_via"]
    return [(row[0], row[1], row[2], row[3]) for row in frame[columns].itertuples(index=False)]


def test_a_registry_without_a_list_has_it_under_a_tag(referred: Referred) -> None:
    assert rows(referred.reference) == referred.rows


def test_it_is_asked_for_a_list_once(docker_registry: DockerRegistry, referred: Referred) -> None:
    settings.tag_ttl = 0
    before = len(docker_registry.requests)
    for _ in range(3):
        assert rows(referred.reference) == referred.rows
    asked = docker_registry.requests[before:]
    assert len([request for request in asked if "/referrers/" in request]) == 1
    assert len([request for request in asked if request.endswith(referred.signature)]) == 1, "its type is read once"


def test_a_type_that_only_the_manifest_says_is_chosen_by(referred: Referred) -> None:
    for row in referred.rows:
        assert rows(referred.reference, artifact_type=row[2]) == [row]


def test_what_was_copied_to_another_repository_is_found_there(
    docker_registry: DockerRegistry, referred: Referred
) -> None:
    for tag in ("1", referred.tag, f"{referred.tag}.sig"):
        _copy(f"docker://{docker_registry.host}/{REPOSITORY}:{tag}", f"docker://{docker_registry.host}/real/copy:{tag}")
    assert rows(f"{docker_registry.host}/real/copy:1") == referred.rows


def test_what_was_copied_to_a_layout_is_found_there(
    docker_registry: DockerRegistry, referred: Referred, tmp_path: Path
) -> None:
    for tag in ("1", referred.tag, f"{referred.tag}.sig"):
        _copy(f"docker://{docker_registry.host}/{REPOSITORY}:{tag}", f"oci:{tmp_path}/layout:{tag}")
    assert rows(f"oci:{tmp_path}/layout:1") == referred.rows


def test_zuul_registry_has_them_under_a_tag(zuul_registry: ZuulRegistry, busybox_layout: Layout) -> None:
    settings.credentials[zuul_registry.host] = zuulregistry.READER
    reference = zuul_registry.push(busybox_layout.reference, "real/referred:1")
    digest = ocinb.document(reference).digest
    assert rows(reference) == []
    settings.tag_ttl = 0
    index, entry = _list_of_one(digest)
    zuul_registry.put_manifest(f"real/referred:{digest.replace(':', '-')}", OCI_INDEX, index)
    assert rows(reference) == [(digest, entry["digest"], SBOM, "tag")]


def test_an_image_in_django_oci_has_none(django_oci: DjangoOci, busybox_layout: Layout) -> None:
    django_oci.put(busybox_layout.path, "referred", skopeo_raw(busybox_layout.reference), OCI_MANIFEST)
    assert rows(f"{django_oci.host}/{djangooci.REPOSITORY}:referred") == []


def _list_of_one(subject: str) -> tuple[bytes, dict[str, Any]]:
    entry = descriptor(subject.encode(), OCI_MANIFEST, artifactType=SBOM)
    return json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}).encode(), entry


def test_what_attests_the_images_of_an_index_is_linked_to_them(formats: Formats) -> None:
    index = json.loads(skopeo_raw(formats.attested))["manifests"]
    linked = {entry["digest"]: entry["annotations"]["vnd.docker.reference.digest"] for entry in index[2:]}
    frame = ocinb.referrers(formats.attested)
    assert dict(zip(frame["digest"], frame["subject"], strict=True)) == linked
    assert set(frame["found_via"]) == {"index"}
    repository = formats.attested.rpartition(":")[0]
    blobs = ocinb.layers(f"{repository}@{frame['digest'][0]}")
    statement = ocinb.document(f"{repository}@{blobs['digest'][0]}").json
    assert statement["predicateType"] == PROVENANCE
    assert f"sha256:{statement['subject'][0]['digest']['sha256']}" == frame["subject"][0]


def test_an_image_to_which_nobody_refers(formats: Formats) -> None:
    assert records(ocinb.referrers(formats.zstd)) == []


def _copy(source: str, target: str) -> None:
    # Of a list under a tag, skopeo leaves out the types: they are read then where only the manifests say them.
    flags = ["--all", "--src-tls-verify=false"]
    if target.startswith("docker:"):
        flags.append("--dest-tls-verify=false")
    run("skopeo", "--insecure-policy", "copy", "--quiet", *flags, source, target)
