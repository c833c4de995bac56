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
from ocinb.spec.mediatypes import IN_TOTO, OCI_INDEX, OCI_MANIFEST
from tests.frames.facts import images, records, sha256
from tests.frames.layouts import named
from tests.frames.test_pull_failures import Told
from tests.sources.referring import SBOM, artifact, cosigned, entry, index

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


def speaks_of(registry: SampleRegistry, *subjects: str) -> set[tuple[str, str]]:
    """Say what refers to the index of the shop, to each image of it, and whatever else is asked for."""
    shop, found = registry.reference("demo/shop"), listed(registry.reference(SHOP))
    for subject in (*(fact.digest for fact in images(registry, SHOP)), *subjects):
        found |= listed(f"{shop}@{subject}")
    return found


def put_blobs(registry: SampleRegistry, *blobs: str) -> None:
    for blob in (b"{}", *(blob.encode() for blob in blobs)):
        registry.put_blob(blob)


def put_referrer(registry: SampleRegistry, subject: str, blob: str = "a word on it", **more: Any) -> str:
    put_blobs(registry, blob)
    raw = artifact(subject, artifact_type=SBOM, blobs=(blob,), annotations={"about": blob}, **more)
    return registry.put_manifest("demo/shop", raw)


def reads(path: Path, digest: str) -> bytes:
    return (path / "blobs" / "sha256" / digest.partition(":")[2]).read_bytes()


@pytest.mark.parametrize("platform", PLATFORMS, ids=str)
@pytest.mark.parametrize("api", [True, False])
def test_all_that_refers_to_what_is_pulled_comes_along(tmp_path: Path, platform: Any, *, api: bool) -> None:
    with start_registry(referrers_api=api) as registry:
        reference = registry.reference(SHOP)
        pulled = images(registry, SHOP)[: 1 if platform == "amd64" else 2]
        subjects = {ocinb.document(reference).digest, *(fact.digest for fact in pulled)}
        wanted = {digest for subject, digest in speaks_of(registry) if subject in subjects}
        frame = pull(reference, tmp_path, platform)
        plain = ocinb.pull(reference, platform=platform, destination=tmp_path / "plain", progress=False)
    count = len(plain)
    same = ["reference", "platform", "manifest_digest", "digest", "media_type", "blob_bytes", "outcome"]
    assert records(frame[same][:count]) == records(plain[same])
    along = frame[count:]
    assert set(along["manifest_digest"]) == wanted
    assert along["platform"].isna().all()
    assert along["reference"].eq(reference).all()
    for digest, rows in along.groupby("manifest_digest"):
        manifest = json.loads(reads(tmp_path, str(digest)))
        assert rows["digest"].tolist() == [one["digest"] for one in (manifest["config"], *manifest["layers"])]
    for path, digest in zip(frame["path"], frame["digest"], strict=True):
        assert sha256(Path(path).read_bytes()) == digest
    named(tmp_path)


def test_an_empty_config_is_in_the_layout_also_if_it_is_embedded(registry: SampleRegistry, tmp_path: Path) -> None:
    subject = registry.put_image("demo/shop", [], tag="plain")
    document = json.loads(artifact(subject, artifact_type=SBOM, blobs=()))
    document["config"]["data"] = "e30="
    registry.put_manifest("demo/shop", json.dumps(document).encode())
    frame = pull(registry.reference("demo/shop:plain"), tmp_path)
    assert reads(tmp_path, sha256(b"{}")) == b"{}"
    assert frame.iloc[-1]["digest"] == sha256(b"{}")
    assert not [request for request in registry.requests if request.path.endswith(f"/blobs/{sha256(b'{}')}")]


@pytest.mark.parametrize("api", [True, False])
def test_the_layout_of_a_whole_index_tells_what_the_registry_told(tmp_path: Path, *, api: bool) -> None:
    columns = ["subject", "digest", "media_type", "artifact_type", "manifest_bytes", "annotations"]
    with start_registry(referrers_api=api) as registry:
        reference = registry.reference(SHOP)
        told = ocinb.referrers(reference)
        shop, amd64 = registry.reference("demo/shop"), images(registry, SHOP)[0].digest
        of_image = listed(f"{shop}@{amd64}") | {pair for pair in listed(reference) if pair[0] == amd64}
        pull(reference, tmp_path)
    here = ocinb.referrers(f"oci:{tmp_path}:{reference}")
    assert records(here[columns]) == records(told[columns])
    assert here["found_via"].tolist() == ["tag", "tag", "index", "index", "cosign"], "of a layout nobody has an API"
    assert listed(f"oci:{tmp_path}:{reference}-amd64") == of_image
    assert len(of_image) == 2, "the attestation, which the registry knows by the index alone, and an SBOM"


def test_the_layout_of_one_image_tells_of_it_and_by_its_digest_of_the_index(
    registry: SampleRegistry, tmp_path: Path
) -> None:
    reference = registry.reference(SHOP)
    amd64, _ = images(registry, SHOP)
    whole = ocinb.document(reference).digest
    wanted = speaks_of(registry)
    pull(reference, tmp_path, "amd64")
    assert listed(f"oci:{tmp_path}:{reference}") == {pair for pair in wanted if pair[0] == amd64.digest}
    of_index = {pair for pair in wanted if pair[0] == whole}
    assert of_index
    assert {pair for pair in listed(f"oci:{tmp_path}@{whole}") if pair[0] == whole} == of_index


@pytest.mark.parametrize(
    ("name", "platform", "stays"),
    [(SHOP, "amd64", True), (SHOP, "all", False), ("demo/base:12", "amd64", False), ("demo/shop@{amd64}", None, False)],
)
def test_an_index_stays_for_the_sake_of_its_referrers_if_some_of_its_images_came(
    registry: SampleRegistry, tmp_path: Path, name: str, platform: str | None, *, stays: bool
) -> None:
    amd64 = images(registry, SHOP)[0].digest
    reference = registry.reference(name.partition("@")[0]) + name.partition("@")[2].format(amd64=f"@{amd64}")
    pull(reference, tmp_path, platform)
    marks = {entry["annotations"].get("dev.ocinb.index") for entry in named(tmp_path).values()} - {None}
    assert marks == ({ocinb.document(reference).digest} if stays else set())


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


def test_a_signature_of_an_sbom_comes_along_too_and_each_once(registry: SampleRegistry, tmp_path: Path) -> None:
    subject = registry.put_image("demo/shop", [], tag="plain")
    sbom = put_referrer(registry, subject, "SBOM")
    first = put_referrer(registry, sbom, "signature")
    second = put_referrer(registry, first, "signature of the signature")
    put_blobs(registry, "text/cosign")
    registry.put_manifest("demo/shop", cosigned("text/cosign"), tag=f"{sbom.replace(':', '-')}.sig")
    frame = pull(registry.reference("demo/shop:plain"), tmp_path)
    along = [digest for digest in dict.fromkeys(frame["manifest_digest"]) if digest != subject]
    assert set(along) == {sbom, first, second, sha256(cosigned("text/cosign"))}
    assert listed(f"oci:{tmp_path}@{sbom}") == {(sbom, first), (sbom, sha256(cosigned("text/cosign")))}
    assert listed(f"oci:{tmp_path}@{first}") == {(first, second)}


def test_referrers_that_refer_to_each_other_are_no_endless_circle(old: SampleRegistry, tmp_path: Path) -> None:
    """Lists under tags are written by people, and may say anything."""
    subject = old.put_image("demo/shop", [], tag="plain")
    manifests = [artifact(None, artifact_type=SBOM, blobs=(), annotations={"number": str(one)}) for one in range(2)]
    put_blobs(old)
    digests = [old.put_manifest("demo/shop", raw) for raw in manifests]
    image = old_entry(old, "plain")
    chain = {subject: [manifests[0]], digests[0]: [manifests[1]], digests[1]: [manifests[0]]}
    for said, found in chain.items():
        entries = [entry(raw, artifactType=SBOM) for raw in found] + ([image] if said == digests[1] else [])
        tag = said.replace(":", "-")
        old.put_manifest("demo/shop", index(*entries), media_type=OCI_INDEX, tag=tag)
    frame = pull(old.reference("demo/shop:plain"), tmp_path)
    assert frame["manifest_digest"].tolist() == [subject, *digests]
    assert listed(f"oci:{tmp_path}@{digests[1]}") == {(digests[1], digests[0]), (digests[1], subject)}


def old_entry(registry: SampleRegistry, tag: str) -> dict[str, Any]:
    raw = ocinb.document(registry.reference(f"demo/shop:{tag}")).raw
    return entry(raw, OCI_MANIFEST, artifactType="application/x-image")


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


def test_a_referrer_that_is_an_index_comes_with_all_that_it_names(registry: SampleRegistry, tmp_path: Path) -> None:
    subject = registry.put_image("demo/shop", [], tag="plain")
    put_blobs(registry, "inner", "outer")
    inner = artifact(None, artifact_type=SBOM, blobs=("inner",))
    outer = artifact(None, artifact_type=SBOM, blobs=("outer",))
    for raw in (inner, outer):
        registry.put_manifest("demo/shop", raw)
    nested = index(entry(inner))
    registry.put_manifest("demo/shop", nested, media_type=OCI_INDEX)
    referring = index(
        entry(nested, OCI_INDEX), entry(outer), subject={"mediaType": OCI_MANIFEST, "digest": subject, "size": 1}
    )
    registry.put_manifest("demo/shop", referring, media_type=OCI_INDEX)
    frame = pull(registry.reference("demo/shop:plain"), tmp_path)
    assert set(frame["manifest_digest"]) == {subject, sha256(inner), sha256(outer)}
    named(tmp_path)
    assert listed(f"oci:{tmp_path}@{subject}") == {(subject, sha256(referring))}


def test_whatever_else_stands_in_an_index_comes_with_all_of_it(registry: SampleRegistry, tmp_path: Path) -> None:
    put_blobs(registry, "chart")
    chart = artifact(None, artifact_type="application/x-chart", blobs=("chart",))
    registry.put_manifest("demo/shop", chart)
    image = json.loads(ocinb.document(registry.reference(SHOP)).raw)["manifests"][0]
    children = index(image, entry(chart, artifactType="application/x-chart"))
    registry.put_manifest("demo/shop", children, media_type=OCI_INDEX, tag="mixed")
    reference = registry.reference("demo/shop:mixed")
    assert sha256(chart) in set(pull(reference, tmp_path)["manifest_digest"])
    assert sha256(chart) not in set(pull(reference, tmp_path / "one", "amd64")["manifest_digest"])
    named(tmp_path)


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


def test_a_referrer_that_is_listed_and_gone_says_how_to_pull_without_it(old: SampleRegistry, tmp_path: Path) -> None:
    subject = old.put_image("demo/shop", [], tag="plain")
    gone = artifact(subject, artifact_type=SBOM)
    old.put_manifest(
        "demo/shop", index(entry(gone, artifactType=SBOM)), media_type=OCI_INDEX, tag=subject.replace(":", "-")
    )
    with pytest.raises(NotFoundError, match="referrers=False") as caught:
        pull(old.reference("demo/shop:plain"), tmp_path)
    assert sha256(gone) in str(caught.value)


def test_a_second_pull_fetches_nothing_and_changes_nothing(registry: SampleRegistry, tmp_path: Path) -> None:
    reference = registry.reference(SHOP)
    first = pull(reference, tmp_path)
    before, asked = (tmp_path / "index.json").read_bytes(), len(registry.requests)
    again = pull(reference, tmp_path)
    assert len(registry.requests) == asked
    assert set(again["outcome"]) == {"present"}
    assert again["fetched_bytes"].sum() == 0
    assert records(again[["manifest_digest", "digest"]]) == records(first[["manifest_digest", "digest"]])
    ocinb.pull(reference, platform="all", destination=tmp_path, progress=False)
    assert (tmp_path / "index.json").read_bytes() == before, "what came along once stays"


def test_several_images_that_share_referrers_and_layers_are_told_once(registry: SampleRegistry, tmp_path: Path) -> None:
    names = [registry.reference(name) for name in (SHOP, "demo/shop:latest", "demo/base:12", SHOP)]
    frame = ocinb.pull(names, platform="all", referrers=True, destination=tmp_path, progress=False)
    assert list(dict.fromkeys(frame["reference"])) == names[:3]
    shop, latest = (frame[frame["reference"] == name] for name in names[:2])
    assert shop["digest"].tolist() == latest["digest"].tolist()
    assert set(latest["outcome"]) == {"present"}
    asked = [request.path for request in registry.requests if "/blobs/" in request.path]
    assert sorted(asked) == sorted(set(asked))
    assert listed(f"oci:{tmp_path}:{names[0]}") == listed(f"oci:{tmp_path}:{names[1]}") == listed(names[0])
    assert ocinb.referrers(f"oci:{tmp_path}:{names[0]}")["digest"].is_unique


def test_one_image_in_two_repositories_keeps_the_referrers_of_both(registry: SampleRegistry, tmp_path: Path) -> None:
    layers: list[Any] = []
    subject = registry.put_image("demo/shop", layers, tag="plain")
    assert registry.put_image("demo/copy", layers, tag="plain") == subject
    here = put_referrer(registry, subject, "here")
    put_blobs(registry, "there", "text/here", "text/there")
    there = artifact(subject, artifact_type=SBOM, blobs=("there",))
    registry.put_manifest("demo/copy", there)
    tag = f"{subject.replace(':', '-')}.sig"
    for repository, word in (("demo/shop", "text/here"), ("demo/copy", "text/there")):
        registry.put_manifest(repository, cosigned(word), tag=tag)
    names = [registry.reference(f"{repository}:plain") for repository in ("demo/shop", "demo/copy")]
    ocinb.pull(names, referrers=True, destination=tmp_path, progress=False)
    both = {here, sha256(there), *(sha256(cosigned(word)) for word in ("text/here", "text/there"))}
    assert listed(f"oci:{tmp_path}:{names[0]}") == {(subject, digest) for digest in both}
    named(tmp_path)


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


def test_what_a_registry_lists_no_more_is_listed_no_more_after_the_next_pull(
    old: SampleRegistry, tmp_path: Path
) -> None:
    settings.tag_ttl = 0
    reference, words = old.reference("demo/shop:plain"), ("one", "two")
    subject = old.put_image("demo/shop", [], tag="plain")
    put_blobs(old, *words)
    sboms = [artifact(subject, artifact_type=SBOM, blobs=(word,)) for word in words]
    for raw in sboms:
        old.put_manifest("demo/shop", raw)
    for left in (sboms, sboms[:1]):
        listing = index(*(entry(raw, artifactType=SBOM) for raw in left))
        old.put_manifest("demo/shop", listing, media_type=OCI_INDEX, tag=subject.replace(":", "-"))
        pull(reference, tmp_path)
        assert listed(f"oci:{tmp_path}:{reference}") == {(subject, sha256(raw)) for raw in left}


def test_what_came_along_with_an_image_goes_with_it_when_the_tag_moves(
    registry: SampleRegistry, tmp_path: Path
) -> None:
    settings.tag_ttl = 0
    reference, other = registry.reference("demo/shop:latest"), registry.reference(SHOP)
    pull(reference, tmp_path)
    pull(other, tmp_path, "amd64")
    both = named(tmp_path)
    registry.tag("demo/shop", "latest", ocinb.document(registry.reference("demo/shop:1.0")).digest)
    ocinb.pull(reference, platform="all", destination=tmp_path, progress=False)
    arm64 = images(registry, SHOP)[1].digest.replace(":", "-")
    still = {name for name in both if "sha256-" in name and not name.endswith(arm64)}
    assert {name for name in named(tmp_path) if "sha256-" in name} == still, "the other name needs them"
    registry.tag("demo/shop", "2.0", ocinb.document(registry.reference("demo/shop:1.0")).digest)
    ocinb.pull(other, platform="amd64", destination=tmp_path, progress=False)
    assert set(named(tmp_path)) == {reference, f"{reference}-amd64", f"{reference}-arm64", other}


def test_out_of_a_layout_they_come_into_another(registry: SampleRegistry, tmp_path: Path) -> None:
    reference = registry.reference(SHOP)
    pull(reference, tmp_path / "one")
    pull(f"oci:{tmp_path / 'one'}:{reference}", tmp_path / "two")
    assert named(tmp_path / "one").keys() == named(tmp_path / "two").keys()
    assert listed(f"oci:{tmp_path / 'one'}:{reference}") == listed(f"oci:{tmp_path / 'two'}:{reference}")


def test_names_that_other_tools_refuse_have_referrers_too(registry: SampleRegistry, tmp_path: Path) -> None:
    subject = registry.put_image("demo/sh__op", [], tag="plain")
    put_blobs(registry, "SBOM", "text/cosign")
    sbom = artifact(subject, artifact_type=SBOM, blobs=("SBOM",))
    registry.put_manifest("demo/sh__op", sbom)
    registry.put_manifest("demo/sh__op", cosigned("text/cosign"), tag=f"{subject.replace(':', '-')}.sig")
    reference = registry.reference("demo/sh__op:plain")
    pull(reference, tmp_path)
    assert listed(f"oci:{tmp_path}:{reference}") == {
        (subject, sha256(sbom)),
        (subject, sha256(cosigned("text/cosign"))),
    }
    assert len(named(tmp_path)) == 3


def test_progress_is_told_of_what_comes_along(registry: SampleRegistry, tmp_path: Path) -> None:
    told = Told()
    ocinb.pull(registry.reference(SHOP), platform="all", referrers=True, destination=tmp_path, progress=told)
    details = [task.detail for task in told.tasks]
    assert {"application/vnd.in-toto+json", "application/spdx+json", "application/jose+json"} < set(details)
    assert told.moved == {task.key: task.total for task in told.tasks}


def test_without_them_nothing_is_asked_about_referrers(registry: SampleRegistry, tmp_path: Path) -> None:
    ocinb.pull(registry.reference(SHOP), platform="all", destination=tmp_path, progress=False)
    assert not [request for request in registry.requests if "referrers" in request.path or "sha256-" in request.path]


@pytest.mark.parametrize("wrong", ["all", None, 1, []])
def test_what_is_no_yes_or_no_is_refused(registry: SampleRegistry, wrong: Any) -> None:
    with pytest.raises(InvalidError, match="referrers takes True or False"):
        ocinb.pull(registry.reference(SHOP), referrers=wrong, progress=False)
    assert not registry.requests
