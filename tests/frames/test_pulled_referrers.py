"""What refers to an image comes along with it: signatures, SBOMs and attestations, verified, and is found again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import ocinb
from ocinb._settings import settings
from ocinb.errors import IntegrityError, InvalidError, NotFoundError, TransportError
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from ocinb.spec.mediatypes import IN_TOTO
from tests.frames.facts import images, sha256
from tests.frames.layouts import named
from tests.sources.referring import SBOM, artifact, cosigned, index

SHOP = "demo/shop:2.0"
PLATFORMS: list[Any] = ["all", "amd64", ["amd64", "arm64"]]


@pytest.fixture
def old() -> Iterator[SampleRegistry]:
    """A registry that lists no referrers but by tags."""
    with start_registry(referrers_api=False) as running:
        yield running


def pull(reference: str, folder: Path, platform: Any = "all", **more: Any) -> pd.DataFrame:
    return ocinb.pull(reference, platform=platform, referrers=True, destination=folder, progress=False, **more)


def listed(reference: str) -> set[tuple[str, str]]:
    frame = ocinb.referrers(reference)
    return set(zip(frame["subject"], frame["digest"], strict=True))


def put_blobs(registry: SampleRegistry, *blobs: str) -> None:
    for blob in (b"{}", *(blob.encode() for blob in blobs)):
        registry.put_blob(blob)


def put_referrer(registry: SampleRegistry, subject: str, blob: str = "a word on it", **more: Any) -> str:
    put_blobs(registry, blob)
    raw = artifact(subject, artifact_type=SBOM, blobs=(blob,), annotations={"about": blob}, **more)
    return registry.put_manifest("demo/shop", raw)


def reads(path: Path, digest: str) -> bytes:
    return (path / "blobs" / "sha256" / digest.partition(":")[2]).read_bytes()


def test_what_came_along_is_named_as_in_a_registry_and_listed_as_such(registry: SampleRegistry, tmp_path: Path) -> None:
    reference, shop = registry.reference(SHOP), registry.reference("demo/shop")
    pull(reference, tmp_path, "amd64")
    whole, amd64 = ocinb.document(reference).digest, images(registry, SHOP)[0].digest
    tags = {f"{shop}:{digest.replace(':', '-')}" for digest in (whole, amd64)}
    signed = f"{shop}:{whole.replace(':', '-')}.sig"
    assert set(named(tmp_path)) == {reference, signed, *tags}
    kinds = ocinb.tags(f"oci:{tmp_path}").set_index("tag")["kind"].to_dict()
    assert kinds == {reference: "tag", signed: "signature", **dict.fromkeys(tags, "referrers")}
    assert ocinb.document(f"oci:{tmp_path}").digest == amd64, "without a name it is the one image"
    lists = [ocinb.document(f"oci:{tmp_path}:{tag}").json["manifests"] for tag in tags]
    told = {one["digest"]: one["artifactType"] for listed in lists for one in listed if "artifactType" in one}
    known = ocinb.referrers([f"{shop}@{whole}", f"{shop}@{amd64}"]).query("found_via == 'api'")
    types = dict(zip(known["digest"], known["artifact_type"], strict=True))
    assert told.items() >= types.items(), "so nobody has to read them"
    assert {told[digest] for digest in told.keys() - types.keys()} == {IN_TOTO}, "its index says nothing of that"


@pytest.mark.parametrize("platform", ["all", "amd64"])
def test_an_attestation_that_came_along_and_is_lost_is_told_and_mended(
    registry: SampleRegistry, tmp_path: Path, platform: str
) -> None:
    reference = registry.reference(SHOP)
    frame = pull(reference, tmp_path, platform)
    amd64, told = images(registry, SHOP)[0].digest, ocinb.referrers(reference)
    [lost] = told[(told["found_via"] == "index") & (told["subject"] == amd64)]["digest"]
    assert lost in set(frame["manifest_digest"])
    (tmp_path / "blobs" / "sha256" / lost[7:]).unlink()
    found = ocinb.store.verify(destination=tmp_path, progress=False)
    assert found[["problem", "digest", "reference"]].to_numpy().tolist() == [["missing", lost, reference]]
    assert ocinb.store.images(destination=tmp_path)["missing_blobs"].sum() == 1
    pull(reference, tmp_path, found["platform"].item())
    assert ocinb.store.verify(destination=tmp_path, progress=False).empty


def test_too_many_referrers_are_refused(registry: SampleRegistry, tmp_path: Path) -> None:
    subject: str = registry.put_image("demo/shop", [], tag="plain")
    for number in range(3):
        subject = put_referrer(registry, subject, f"number {number}")
    settings.max_index_children = 2
    with pytest.raises(InvalidError, match="max_index_children = 2"):
        pull(registry.reference("demo/shop:plain"), tmp_path)
    settings.max_index_children = 3
    assert len(pull(registry.reference("demo/shop:plain"), tmp_path)) == 7


GONE = {"the manifest": "*/manifests/{manifest}", "a blob": "*/blobs/{blob}"}


@pytest.mark.parametrize("path", GONE.values(), ids=GONE)
@pytest.mark.parametrize("fault", [{"status": 404}, {"corrupt": 3}, {"status": 500}], ids=str)
def test_a_referrer_that_fails_fails_its_image(
    registry: SampleRegistry, tmp_path: Path, path: str, fault: dict[str, int]
) -> None:
    settings.retries = 0
    subject = registry.put_image("demo/shop", [], tag="plain")
    manifest = put_referrer(registry, subject, "SBOM")
    where = path.format(manifest=manifest, blob=sha256(b"SBOM"))
    struck = registry.fault(where, times=None, **fault)  # type: ignore[arg-type]
    bad, good = registry.reference("demo/shop:plain"), registry.reference("demo/hello:latest")
    with pytest.raises((NotFoundError, IntegrityError, TransportError, InvalidError)):
        pull(bad, tmp_path)
    frame = ocinb.pull([bad, good], referrers=True, destination=tmp_path, progress=False, errors="skip")
    assert set(frame["reference"]) == {good}
    assert [failure["reference"] for failure in frame.attrs["failures"]] == [bad]
    assert list(named(tmp_path)) == [good]
    ocinb.pull(bad, destination=tmp_path, progress=False)
    assert set(named(tmp_path)) == {good, bad}
    struck.cancel()
    pull(bad, tmp_path)
    assert listed(f"oci:{tmp_path}:{bad}") == {(subject, manifest)}


@pytest.mark.parametrize("at_once", [True, False])
def test_an_attestation_stays_listed_when_its_image_is_pulled_by_its_digest(
    registry: SampleRegistry, tmp_path: Path, *, at_once: bool
) -> None:
    amd64, reference = images(registry, SHOP)[0].digest, registry.reference(SHOP)
    names = [reference, f"{registry.reference('demo/shop')}@{amd64}"]
    for several in [names] if at_once else [[name] for name in names]:
        ocinb.pull(several, platform="amd64", referrers=True, destination=tmp_path, progress=False)
    for name in names:
        assert len(listed(f"oci:{tmp_path}:{name}")) == 2
    named(tmp_path)


@pytest.mark.parametrize("raw", [b"", b"{}", index({"digest": "sha256:x"})])
def test_a_list_that_somebody_spoilt_is_made_anew(registry: SampleRegistry, tmp_path: Path, raw: bytes) -> None:
    reference = registry.reference(SHOP)
    pull(reference, tmp_path, "amd64")
    found, document = listed(f"oci:{tmp_path}:{reference}"), json.loads((tmp_path / "index.json").read_bytes())
    for one in document["manifests"][1:]:
        one["digest"], one["size"] = sha256(raw), len(raw)
    (tmp_path / "index.json").write_text(json.dumps(document))
    (tmp_path / "blobs" / "sha256" / sha256(raw)[7:]).write_bytes(raw)
    pull(reference, tmp_path, "amd64")
    assert listed(f"oci:{tmp_path}:{reference}") == found
    assert len(named(tmp_path)) == 4


def test_a_signature_that_is_gone_is_gone_after_the_next_pull(registry: SampleRegistry, tmp_path: Path) -> None:
    settings.tag_ttl = 0
    reference = registry.reference("demo/shop:plain")
    subject = registry.put_image("demo/shop", [], tag="plain")
    put_blobs(registry, "text/cosign")
    tag = f"{subject.replace(':', '-')}.sig"
    registry.put_manifest("demo/shop", cosigned("text/cosign"), tag=tag)
    pull(reference, tmp_path)
    assert len(named(tmp_path)) == 2
    registry.untag("demo/shop", tag)
    pull(reference, tmp_path)
    assert list(named(tmp_path)) == [reference]


@pytest.mark.parametrize("wrong", ["all", None, 1, []])
def test_what_is_no_yes_or_no_is_refused(registry: SampleRegistry, wrong: Any) -> None:
    with pytest.raises(InvalidError, match="referrers takes True or False"):
        ocinb.pull(registry.reference(SHOP), referrers=wrong, progress=False)
    assert not registry.requests
