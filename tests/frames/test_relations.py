"""What images have alone and share: by hand, and against a slow reading of the frame of layers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ocinb
from ocinb.errors import InvalidError, TransportError
from ocinb.frames import schemas
from ocinb.frames.relations import _rows, _Stack
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from ocinb.samples.images import make_index
from ocinb.samples.shop import RELEASES, shop_index
from ocinb.samples.signed_images import cosign_signature, cosign_tag, sbom, signature
from ocinb.sources.session import close_default_session
from tests.catalog.making import sized
from tests.documents import REPOSITORY, descriptor, put, put_image, put_schema1
from tests.frames.facts import fetch, records, sha256
from tests.localfiles import entry, layout_files, write_files
from tests.spec.signing import Step

BASE, APP, TOOL, OTHER = sized("base", 1000), sized("app", 200), sized("tool", 30), sized("four", 4)
FIGURES = ["compressed_bytes", "unique_bytes", "shared_bytes", "layers", "shared_layers"]


def figures(frame: pd.DataFrame) -> list[list[Any]]:
    return [[None if pd.isna(value) else int(value) for value in row] for row in frame[FIGURES].to_numpy()]


def reckoned(layers: pd.DataFrame) -> pd.DataFrame:
    """Work the figures out by what the frame of layers says, slowly."""
    rows = []
    for (reference, digest), own in layers.groupby(["reference", "manifest_digest"], sort=False):
        others = set(layers.loc[layers["manifest_digest"] != digest, "digest"])
        once = own.drop_duplicates("digest")
        is_shared = once["digest"].isin(others)
        rows.append(
            {
                "reference": reference,
                "manifest_digest": digest,
                "compressed_bytes": own["compressed_bytes"].sum(),
                "unique_bytes": once.loc[~is_shared, "compressed_bytes"].sum(),
                "shared_bytes": once.loc[is_shared, "compressed_bytes"].sum(),
                "layers": len(own),
                "shared_layers": own["digest"].isin(others).sum(),
            }
        )
    return pd.DataFrame(rows)


def test_where_a_size_is_unknown_so_is_what_would_contain_it(registry: SampleRegistry) -> None:
    old = f"sha256:{'b' * 64}"
    put_schema1(registry, Step(["ADD"], BASE.digest), Step(["RUN"], old))
    put_image(registry, BASE, APP, tag="new")
    names = [registry.reference(f"{REPOSITORY}:{tag}") for tag in ("old", "new")]
    assert figures(ocinb.shared(names)) == [[None, None, None, 2, 1], [1200, 200, 1000, 2, 1]]
    assert figures(ocinb.shared(names[0])) == [[None, None, 0, 2, 0]]


def test_of_a_manifest_of_an_unknown_type_nothing_is_known(registry: SampleRegistry) -> None:
    put(registry, "application/vnd.example.strange.v1+json", layers=[descriptor("application/x", b"x")])
    frame = ocinb.shared(registry.reference(f"{REPOSITORY}:1"))
    assert figures(frame) == [[None] * 5]


@given(stacks=st.lists(st.lists(st.sampled_from("abcdef"), max_size=6), max_size=6))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_stacks_are_as_a_slow_reading_says(stacks: list[list[str]]) -> None:
    sizes = {digest: 10**place for place, digest in enumerate("abcdef")}
    images = [
        _Stack(
            {"reference": f"name {number}", "manifest_digest": "".join(stack)},
            "".join(stack),
            tuple((digest, sizes[digest]) for digest in stack),
        )
        for number, stack in enumerate(stacks)
        if stack
    ]
    layers = pd.DataFrame(
        [
            {**image.named, "digest": digest, "compressed_bytes": size}
            for image in images
            for digest, size in image.layers or ()
        ]
    )
    expected = reckoned(layers) if images else pd.DataFrame(columns=FIGURES)
    assert figures(schemas.SHARED.frame(_rows(images))) == figures(expected)


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
    ocinb.settings.offline = True
    assert records(ocinb.referrers(names)) == records(first)
    with pytest.raises(TransportError, match="offline, and"):
        ocinb.referrers(registry.reference(f"demo/shop@{other}"))


def test_a_registry_without_a_list_is_asked_for_it_once_for_all_images(old: SampleRegistry) -> None:
    names = ocinb.tags(ocinb.repositories(old.host)["reference"])
    images = names.loc[names["kind"] == "tag", "reference"]
    assert len(images) == 11
    ocinb.referrers(images)
    assert len([request for request in old.requests if "/referrers/" in request.path]) == 1
