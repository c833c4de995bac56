"""pull brings whole images, each blob once, and says what it did."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import ocinb
from ocinb._settings import settings
from ocinb.errors import IntegrityError, InvalidError, NotFoundError, OcinbError, TransportError
from ocinb.progress.protocol import State, Task
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from ocinb.samples.images import make_json, make_layer
from ocinb.samples.tars import file
from ocinb.spec.mediatypes import IN_TOTO
from ocinb.storage.layout import Layout
from tests.frames.facts import Fact, fetch, images, sha256
from tests.frames.layouts import named
from tests.sources.referring import SBOM, artifact, cosigned, index

BLOB = re.compile(r"/v2/[\w/]+/blobs/(sha256:[0-9a-f]{64})")


def blobs_of(fact: Fact) -> dict[str, int]:
    return {blob["digest"]: blob["size"] for blob in (fact.manifest["config"], *fact.manifest["layers"])}


def sent(registry: SampleRegistry, since: int = 0) -> dict[str, int]:
    """Add up what the registry sent of each blob since some request."""
    total: dict[str, int] = {}
    for request in list(registry.requests)[since:]:
        match = BLOB.fullmatch(request.path)
        if match and request.status in {200, 206}:
            size = len(fetch(registry, "demo/shop", "blobs", match[1]))
            start = int((request.header("Range") or "bytes=0-")[6:].partition("-")[0])
            total[match[1]] = total.get(match[1], 0) + size - start
    return total


def test_a_broken_download_is_resumed(registry: SampleRegistry) -> None:
    settings.retries = 0
    reference = registry.reference("demo/shop:2.0")
    layer = max(images(registry, "demo/shop:2.0")[0].manifest["layers"], key=lambda one: one["size"])
    registry.fault(f"*/blobs/{layer['digest']}", cut=100_000)
    with pytest.raises(TransportError):
        ocinb.pull(reference, platform="amd64", progress=False)
    before = len(registry.requests)
    frame = ocinb.pull(reference, platform="amd64", progress=False).set_index("digest")
    row = frame.loc[layer["digest"]]
    assert (row["outcome"], row["blob_bytes"]) == ("resumed", layer["size"])
    assert row["fetched_bytes"] == layer["size"] - 100_000 == sent(registry, before)[layer["digest"]]
    assert "downloaded" not in set(frame.loc[frame["fetched_bytes"] == 0, "outcome"])


def test_a_destination_that_cannot_be_one_is_refused(registry: SampleRegistry, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    wrongs = {f"{tmp_path}/file": "is a file", "a\0b": "has a NUL", "~nobody-here/x": "there is no home"}
    for wrong, told in wrongs.items():
        with pytest.raises(OcinbError, match=told):
            ocinb.pull(registry.reference("demo/hello"), destination=wrong, progress=False)
    assert (tmp_path / "file").read_bytes() == b"mine"


@pytest.mark.parametrize("wrong", ["", 5, b"folder", "oci:folder", "docker-archive:file.tar"])
def test_what_is_no_folder_is_refused(registry: SampleRegistry, wrong: Any) -> None:
    with pytest.raises(InvalidError, match="destination takes the path of a folder"):
        ocinb.pull(registry.reference("demo/hello"), destination=wrong, progress=False)
    assert not registry.requests


WRONG: dict[str, tuple[Any, str]] = {
    "nothing": ("", "destination takes the path of a folder, not ''"),
    "a number": (5, "destination takes the path of a folder, not 5"),
    "a transport": ("oci:folder", "give the folder alone"),
    "a registry": ("docker://localhost:1/app", "give the folder alone"),
    "a bucket": ("s3://bucket/images", "give the folder alone"),
    "a NUL": ("a\0b", "NUL"),
}
ASKING: dict[str, Callable[[Any], object]] = {
    "images": lambda folder: ocinb.store.images(destination=folder),
    "verify": lambda folder: ocinb.store.verify(destination=folder),
    "remove": lambda folder: ocinb.store.remove("app", destination=folder),
}


@pytest.mark.parametrize(("destination", "told"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("ask", ASKING.values(), ids=ASKING)
def test_what_is_no_folder_is_refused_as_pull_refuses_it(
    ask: Callable[[Any], object], destination: Any, told: str
) -> None:
    with pytest.raises(InvalidError) as caught:
        ask(destination)
    assert told in str(caught.value)
    with pytest.raises(InvalidError) as pulled:
        ocinb.pull("localhost:1/app", destination=destination)
    assert str(pulled.value).endswith(str(caught.value))


@pytest.mark.parametrize("ask", ASKING.values(), ids=ASKING)
def test_what_is_no_layout_is_refused_and_left_alone(ask: Callable[[Any], object], tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "blobs").mkdir()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NotFoundError, match=r"there is no folder .*photo. Did you mean 'photos'"):
        ask(tmp_path / "photo")
    with pytest.raises(InvalidError, match=r"photos is no image layout: it has neither 'oci-layout' nor 'index.json'"):
        ask(tmp_path / "photos")
    with pytest.raises(InvalidError, match="is a file"):
        ask(str(tmp_path / "file"))
    assert list((tmp_path / "photos").iterdir()) == [tmp_path / "photos" / "blobs"]
    assert not (tmp_path / "photo").exists()


class Told:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.titles: list[str] = []
        self.tasks: list[Task] = []
        self.moved: dict[str, int] = {}
        self.states: dict[str, list[State]] = {}
        self.summaries: list[str] = []

    def start(self, title: str, tasks: Sequence[Task]) -> None:
        self.titles.append(title)
        self.tasks.extend(tasks)

    def advance(self, key: str, amount: int) -> None:
        self.moved[key] = self.moved.get(key, 0) + amount

    def state(self, key: str, state: State) -> None:
        self.states.setdefault(key, []).append(state)

    def finish(self, summary: str) -> None:
        self.summaries.append(summary)


@pytest.fixture(autouse=True)
def _without_patience() -> None:
    settings.retries = 0


def own_layer(registry: SampleRegistry, name: str, others: str) -> str:
    """Find a layer that one image has and the others have not."""
    shared = {layer["digest"] for fact in images(registry, others) for layer in fact.manifest["layers"]}
    layers = images(registry, name)[0].manifest["layers"]
    return next(str(layer["digest"]) for layer in layers if layer["digest"] not in shared)


def blobs(registry: SampleRegistry, name: str) -> list[dict[str, Any]]:
    manifest = images(registry, name)[0].manifest
    return [manifest["config"], *manifest["layers"]]


@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 404}, {"corrupt": 3}, {"cut": 5}, {"drop": True}])
def test_one_blob_fails_and_the_other_image_is_whole(
    registry: SampleRegistry, tmp_path: Path, fault: dict[str, int]
) -> None:
    bad, good = registry.reference("demo/shop:2.0"), registry.reference("demo/shop:1.0")
    layer = own_layer(registry, "demo/shop:2.0", "demo/shop:1.0")
    registry.fault(f"*/blobs/{layer}", times=None, **fault)  # type: ignore[arg-type]
    frame = ocinb.pull([bad, good], platform="amd64", destination=tmp_path, progress=False, errors="skip")
    assert set(frame["reference"]) == {good}
    assert len(frame) == 8
    assert list(named(tmp_path)) == [good]
    [failure] = frame.attrs["failures"]
    assert failure["reference"] == bad
    assert bad in failure["error"]
    with pytest.raises((TransportError, IntegrityError, NotFoundError)):
        ocinb.pull([bad, good], platform="amd64", destination=tmp_path, progress=False)


@pytest.mark.parametrize(
    ("order", "more"),
    [(("right", "wrong"), -1), (("wrong", "right"), -1), (("right", "wrong"), 7), (("wrong", "right"), 7)],
)
def test_a_manifest_that_lies_about_a_size_spoils_no_other(
    registry: SampleRegistry, tmp_path: Path, order: tuple[str, str], more: int
) -> None:
    digest = registry.put_image("demo/sizes", [make_layer([file("a", "a")]), make_layer([])], tag="right")
    document = json.loads(ocinb.document(registry.reference(f"demo/sizes@{digest}")).raw)
    document["layers"][0]["size"] += more
    registry.put_manifest("demo/sizes", make_json(document), tag="wrong")
    right, wrong = registry.reference("demo/sizes:right"), registry.reference("demo/sizes:wrong")
    names = [registry.reference(f"demo/sizes:{tag}") for tag in order]
    frame = ocinb.pull(names, destination=tmp_path, progress=False, errors="skip")
    assert frame["reference"].tolist() == [right] * 3
    assert [failure["reference"] for failure in frame.attrs["failures"]] == [wrong]
    assert list(named(tmp_path)) == [right]
    with pytest.raises((IntegrityError, TransportError)):
        ocinb.pull(wrong, destination=tmp_path, progress=False)
    assert list(named(tmp_path)) == [right], "and what is whole stays whole"


def test_a_manifest_that_gives_one_blob_two_sizes_is_never_whole(registry: SampleRegistry, tmp_path: Path) -> None:
    layer = make_layer([])
    digest = registry.put_image("demo/sizes", [layer, layer])
    document = json.loads(ocinb.document(registry.reference(f"demo/sizes@{digest}")).raw)
    document["layers"][0]["size"] += 1
    registry.put_manifest("demo/sizes", make_json(document), tag="1")
    with pytest.raises((IntegrityError, InvalidError)):
        ocinb.pull(registry.reference("demo/sizes:1"), destination=tmp_path, progress=False)
    assert named(tmp_path) == {}


def test_an_error_of_whoever_draws_ends_the_pull_and_is_told(registry: SampleRegistry) -> None:
    class Broken(Told):
        def advance(self, key: str, amount: int) -> None:
            super().advance(key, amount // 0)

    told = Broken()
    with pytest.raises(ZeroDivisionError):
        ocinb.pull(registry.reference("demo/hello"), progress=told)
    assert len(told.summaries) == 1


def test_what_is_no_progress_is_refused(registry: SampleRegistry) -> None:
    with pytest.raises(InvalidError):
        ocinb.pull(registry.reference("demo/hello"), progress=object())  # type: ignore[arg-type]
    assert registry.requests == ()


def test_a_blob_that_is_gone_before_its_image_is_named_is_told_of_and_the_image_has_no_name(
    registry: SampleRegistry, tmp_path: Path
) -> None:
    class Losing(Told):
        def state(self, key: str, state: State) -> None:
            if state is State.DONE:
                (tmp_path / "blobs" / "sha256" / key.partition(":")[2]).unlink()

    with pytest.raises(TransportError, match="cannot be used: No such file"):
        ocinb.pull(registry.reference("demo/hello"), destination=tmp_path, progress=Losing())
    assert Layout(tmp_path).entries() == []


@pytest.mark.parametrize("place", ["index.json", ".ocinb/lock", ".ocinb/use"])
def test_a_fifo_in_a_folder_of_a_stranger_is_not_waited_for(
    registry: SampleRegistry, tmp_path: Path, place: str
) -> None:
    ocinb.pull(registry.reference("demo/hello"), destination=tmp_path, progress=False)
    (tmp_path / place).unlink()
    os.mkfifo(tmp_path / place)
    other = registry.reference("demo/shop:2.0")
    if place == ".ocinb/use":  # it is for whoever removes
        assert len(ocinb.pull(other, destination=tmp_path, progress=False)) > 1
    else:
        with pytest.raises(TransportError, match="cannot be used"):
            ocinb.pull(other, destination=tmp_path, progress=False)


AMD64 = {"os": "linux", "architecture": "amd64"}
ARM64 = {"os": "linux", "architecture": "arm64", "variant": "v8"}


def move(registry: SampleRegistry, tag: str, to: str) -> None:
    registry.tag("demo/shop", tag, ocinb.document(registry.reference(f"demo/shop:{to}")).digest)


def digests(folder: Path) -> dict[str, str]:
    return {name: entry["digest"] for name, entry in named(folder).items()}


@pytest.mark.parametrize("tags", [("2.0", "2.0-arm64"), ("2.0-arm64", "2.0")])
def test_a_real_tag_is_not_taken_for_an_image_of_another(
    registry: SampleRegistry, tmp_path: Path, tags: tuple[str, str]
) -> None:
    settings.tag_ttl = 0
    real = registry.put_image("demo/shop", [], tag="2.0-arm64", platform="linux/arm64")
    for tag in tags:
        ocinb.pull(registry.reference(f"demo/shop:{tag}"), platform="all", destination=tmp_path, progress=False)
    shop, (amd64, arm64) = registry.reference("demo/shop"), images(registry, "demo/shop:2.0")
    index = ocinb.document(f"{shop}:2.0").digest
    assert digests(tmp_path) == {
        f"{shop}:2.0": index,
        f"{shop}:2.0-amd64": amd64.digest,
        f"{shop}:2.0-arm64": real,
        f"{shop}@{arm64.digest}": arm64.digest,
    }
    move(registry, "2.0", "1.0")
    ocinb.pull(f"{shop}:2.0", platform="amd64", destination=tmp_path, progress=False)
    assert digests(tmp_path) == {
        f"{shop}:2.0": images(registry, "demo/shop:1.0")[0].digest,
        f"{shop}:2.0-arm64": real,
    }


@pytest.mark.parametrize("count", [1, 2])
def test_the_one_image_of_a_file_need_not_be_named_and_keeps_its_name(
    registry: SampleRegistry, tmp_path: Path, count: int
) -> None:
    names = [registry.reference(name) for name in ("demo/hello:latest", "demo/shop:2.0")[:count]]
    ocinb.pull(names, destination=tmp_path / "first", progress=False)
    if count == 1:
        ocinb.pull(f"oci:{tmp_path / 'first'}", destination=tmp_path / "second", progress=False)
        assert ocinb.store.images(destination=tmp_path / "second")["reference"].tolist() == names
    else:
        with pytest.raises(NotFoundError, match="Name one"):
            ocinb.pull(f"oci:{tmp_path / 'first'}", destination=tmp_path / "second", progress=False)


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
