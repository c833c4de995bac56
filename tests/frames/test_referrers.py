"""What refers to an image, as a frame: what the registry holds, in the order of the names, at a known price."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ocinb
from ocinb._settings import settings
from ocinb.errors import InvalidError, TransportError
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from ocinb.samples.images import make_index
from ocinb.samples.shop import RELEASES, shop_index
from ocinb.samples.signed_images import cosign_signature, cosign_tag, sbom, signature
from ocinb.sources.session import close_default_session
from tests.frames.facts import fetch, records, sha256
from tests.localfiles import entry, layout_files, write_files

SBOM = "application/spdx+json"
SIGNATURE = "application/vnd.cncf.notary.signature"
COSIGN = "application/vnd.dev.cosign.simplesigning.v1+json"
IN_TOTO = "application/vnd.in-toto+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


@pytest.fixture
def old() -> Iterator[SampleRegistry]:
    with start_registry(referrers_api=False) as running:
        yield running


def digest_of(registry: SampleRegistry, tag: str = "2.0") -> str:
    return sha256(fetch(registry, "demo/shop", "manifests", tag))


def children(registry: SampleRegistry, tag: str = "2.0") -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads(fetch(registry, "demo/shop", "manifests", tag))["manifests"]
    return entries


def expected(registry: SampleRegistry) -> list[dict[str, Any]]:
    """Say by the manifests themselves what refers to the shop: each that is listed, attests, or is under a tag."""
    index = digest_of(registry)
    with start_registry() as new:
        listed = json.loads(fetch(new, "demo/shop", "referrers", index))["manifests"]
    named = [(index, entry["digest"], entry["artifactType"], "list") for entry in listed]
    linked = [
        (entry["annotations"]["vnd.docker.reference.digest"], entry["digest"], None, "index")
        for entry in children(registry)[2:]
    ]
    signed = [(index, digest_of(registry, f"{index.replace(':', '-')}.sig"), COSIGN, "cosign")]
    return [
        {
            "subject": subject,
            "digest": digest,
            "media_type": MANIFEST,
            "artifact_type": artifact_type,
            "manifest_bytes": len(fetch(registry, "demo/shop", "manifests", digest)),
            "found_via": way,
        }
        for subject, digest, artifact_type, way in (*named, *linked, *signed)
    ]


@pytest.mark.parametrize("artifact_type", ["", 5, [SBOM], b"a/b"])
def test_a_type_is_a_text(registry: SampleRegistry, artifact_type: object) -> None:
    with pytest.raises(InvalidError, match="artifact_type takes a type such as"):
        ocinb.referrers(registry.reference("demo/shop:2.0"), artifact_type=artifact_type)  # type: ignore[arg-type]
    assert registry.requests == ()


# On this machine.


def named_layout(folder: Path, *, listed: bool) -> str:
    """Write the shop with all that refers to it, listed under a tag or only standing beside it."""
    index = shop_index(RELEASES[-1])
    referring = [signature(index), sbom(index, "demo/shop@2.0")]
    entries = [(manifest, manifest.descriptor()) for manifest in referring]
    beside = {cosign_tag(index).removesuffix(".sig"): make_index(entries)} if listed else {}
    named = {"2.0": index, cosign_tag(index): cosign_signature(index, "registry.example/demo/shop"), **beside}
    described = [entry(manifest, name) for name, manifest in named.items()]
    described += [] if listed else [descriptor for _, descriptor in entries]
    write_files(folder, layout_files([*named.values(), *referring], described))
    return f"oci:{folder}:2.0"


@pytest.mark.parametrize("listed", [True, False])
def test_a_layout_has_what_the_registry_has(registry: SampleRegistry, tmp_path: Path, listed: bool) -> None:  # noqa: FBT001 - a row
    here = records(ocinb.referrers(named_layout(tmp_path, listed=listed)))
    there = records(ocinb.referrers(registry.reference("demo/shop:2.0")))
    way = "tag" if listed else "index"
    for row in there:
        row |= {"reference": here[0]["reference"], "found_via": row["found_via"].replace("api", way)}
    assert sorted(here, key=str) == sorted(there, key=str)


def test_an_image_on_this_machine_leads_to_its_sbom(tmp_path: Path) -> None:
    name = named_layout(tmp_path, listed=False)
    [digest] = ocinb.referrers(name, artifact_type=SBOM)["digest"]
    [blob] = ocinb.layers(f"oci:{tmp_path}:{digest}")["digest"]
    assert ocinb.document(f"oci:{tmp_path}:{blob}").json["spdxVersion"] == "SPDX-2.3"


# What a first call asks beside the tag itself; a second one asks nothing within the life of a tag.
API, TAG, SIGNED, MISSING = "GET referrers", "GET tag", ["HEAD .sig", "GET signature"], ["HEAD .att", "HEAD .sbom"]
PRICES: dict[str, tuple[bool, str, list[str]]] = {
    "a list": (True, "demo/shop:2.0", [API, *SIGNED, *MISSING]),
    "no list": (False, "demo/shop:2.0", [API, TAG, *SIGNED, *MISSING]),
    "a list of nothing": (True, "demo/hello", [API, "HEAD .sig", *MISSING]),
    "no list, and no tag": (False, "demo/hello", [API, TAG, "HEAD .sig", *MISSING]),
}


def prices(registry: SampleRegistry, since: int = 0) -> list[str]:
    """Say in short what was asked, but for the tag and the connection itself."""
    shown = []
    for request in registry.requests[since:]:
        last = request.path.rpartition("/")[2]
        if "/referrers/" in request.path:
            shown.append(f"{request.method} referrers")
        elif last.startswith("sha256-"):
            shown.append(f"{request.method} {last[71:] or 'tag'}")
        elif last.startswith("sha256:"):
            shown.append(f"{request.method} signature")
    return sorted(shown)


@pytest.mark.parametrize("api", [True, False])
def test_what_was_asked_before_is_answered_offline(api: bool) -> None:  # noqa: FBT001 - a row
    with start_registry(referrers_api=api) as registry:
        names = [registry.reference(f"demo/{name}") for name in ("shop:2.0", "hello")]
        first = ocinb.referrers(names)
        other = ocinb.document(registry.reference("demo/shop:1.0")).digest
    close_default_session()
    settings.offline = True
    assert records(ocinb.referrers(names)) == records(first)
    with pytest.raises(TransportError, match="offline, and"):
        ocinb.referrers(registry.reference(f"demo/shop@{other}"))


def test_a_registry_without_a_list_is_asked_for_it_once_for_all_images(old: SampleRegistry) -> None:
    names = ocinb.tags(ocinb.repositories(old.host)["reference"])
    images = names.loc[names["kind"] == "tag", "reference"]
    assert len(images) == 11
    ocinb.referrers(images)
    assert len([request for request in old.requests if "/referrers/" in request.path]) == 1
