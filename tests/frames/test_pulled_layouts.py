"""What pull leaves behind is an image layout that others read, with a name for each image that is whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import ocinb
from ocinb._settings import settings
from ocinb.errors import NotFoundError
from ocinb.samples import SampleRegistry
from ocinb.samples.images import make_image as build
from ocinb.samples.images import make_index, platform_fields
from ocinb.spec.mediatypes import DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from tests.frames.facts import NAMES, images
from tests.frames.layouts import GRAMMAR, named

AMD64 = {"os": "linux", "architecture": "amd64"}
ARM64 = {"os": "linux", "architecture": "arm64", "variant": "v8"}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("platform", ["all", "amd64"])
def test_a_layout_is_whole(registry: SampleRegistry, tmp_path: Path, name: str, platform: str) -> None:
    reference = registry.reference(name)
    ocinb.pull(reference, platform=platform, destination=tmp_path, progress=False)
    entries = named(tmp_path)
    assert reference in entries
    facts = images(registry, name)
    assert len(entries) == (1 if platform == "amd64" or len(facts) == 1 else 1 + len(facts))


def test_one_image_is_named_by_its_reference(registry: SampleRegistry, tmp_path: Path) -> None:
    arm64 = images(registry, "demo/shop:2.0")[1]
    ocinb.pull(registry.reference("demo/shop:2.0"), platform="arm64", destination=tmp_path, progress=False)
    [(name, entry)] = named(tmp_path).items()
    assert name == registry.reference("demo/shop:2.0")
    assert (entry["digest"], entry["mediaType"], entry["platform"]) == (arm64.digest, OCI_MANIFEST, ARM64)


def test_a_whole_index_is_named_and_each_image_of_it(registry: SampleRegistry, tmp_path: Path) -> None:
    reference = registry.reference("demo/nested:1")
    ocinb.pull(reference, platform="all", destination=tmp_path, progress=False)
    entries = named(tmp_path)
    assert list(entries) == [reference, f"{reference}-amd64", f"{reference}-arm64", f"{reference}-arm-v7"]
    index = ocinb.document(reference)
    assert (entries[reference]["digest"], entries[reference]["mediaType"]) == (index.digest, OCI_INDEX)
    assert "platform" not in entries[reference]
    assert [entry["platform"]["architecture"] for entry in list(entries.values())[1:]] == ["amd64", "arm64", "arm"]


def test_an_index_of_one_image_is_named_only_if_all_of_it_is_wanted(registry: SampleRegistry, tmp_path: Path) -> None:
    only = build("linux/arm64/v8", [])
    registry.put_blob(only.config.raw)
    registry.put_manifest("demo/only", only.manifest.raw)
    index = make_index([(only.manifest, only.descriptor())])
    registry.put_manifest("demo/only", index.raw, media_type=OCI_INDEX, tag="1")
    reference = registry.reference("demo/only:1")
    ocinb.pull(reference, destination=tmp_path / "one", progress=False)
    assert {name: entry["digest"] for name, entry in named(tmp_path / "one").items()} == {
        reference: only.manifest.digest
    }
    ocinb.pull(reference, platform="all", destination=tmp_path / "all", progress=False)
    assert {name: entry["digest"] for name, entry in named(tmp_path / "all").items()} == {
        reference: index.digest,
        f"{reference}-arm64": only.manifest.digest,
    }


def test_several_platforms_are_no_index(registry: SampleRegistry, tmp_path: Path) -> None:
    reference = registry.reference("demo/shop:2.0")
    ocinb.pull(reference, platform=["amd64", "arm64"], destination=tmp_path, progress=False)
    assert list(named(tmp_path)) == [f"{reference}-amd64", f"{reference}-arm64"]


@pytest.mark.parametrize("suffix", ["", ":latest"])
def test_a_name_is_given_in_full(registry: SampleRegistry, tmp_path: Path, suffix: str) -> None:
    ocinb.pull(registry.reference(f"demo/hello{suffix}"), destination=tmp_path, progress=False)
    [(name, entry)] = named(tmp_path).items()
    assert (name, entry["mediaType"]) == (registry.reference("demo/hello:latest"), DOCKER_MANIFEST)
    assert entry["platform"] == AMD64


def test_names_by_digest_are_names_too(registry: SampleRegistry, tmp_path: Path) -> None:
    digest = images(registry, "demo/hello:latest")[0].digest
    names = [registry.reference(f"demo/hello@{digest}"), registry.reference(f"demo/hello:latest@{digest}")]
    ocinb.pull(names, destination=tmp_path, progress=False)
    assert list(named(tmp_path)) == names


@pytest.mark.parametrize("repository", ["demo/a__b", "demo/v1__x", "demo/a---b"])
def test_a_name_outside_the_grammar_is_kept_beside_the_digest(
    registry: SampleRegistry, tmp_path: Path, repository: str
) -> None:
    digest = registry.put_image(repository, [], tag="1")
    reference = registry.reference(f"{repository}:1")
    ocinb.pull(reference, destination=tmp_path, progress=False)
    [(name, entry)] = named(tmp_path).items()
    assert not GRAMMAR.fullmatch(reference)
    assert (name, entry["annotations"]["dev.ocinb.reference"]) == (digest, reference)


def test_two_images_for_one_architecture_both_have_a_name(registry: SampleRegistry, tmp_path: Path) -> None:
    made = [build("windows/amd64", [], settings={"User": user}) for user in ("one", "two")]
    children = []
    for version, image in zip(("10.0.1", "10.0.2"), made, strict=True):
        registry.put_blob(image.config.raw)
        registry.put_manifest("demo/windows", image.manifest.raw)
        platform = platform_fields("windows/amd64") | {"os.version": version}
        children.append((image.manifest, image.manifest.descriptor(platform=platform)))
    registry.put_manifest("demo/windows", make_index(children).raw, media_type=OCI_INDEX, tag="1")
    reference = registry.reference("demo/windows:1")
    ocinb.pull(reference, platform="all", destination=tmp_path, progress=False)
    second = registry.reference(f"demo/windows@{made[1].manifest.digest}")
    assert {name: entry["digest"] for name, entry in list(named(tmp_path).items())[1:]} == {
        f"{reference}-amd64": made[0].manifest.digest,
        second: made[1].manifest.digest,
    }


def test_pulling_again_changes_nothing(registry: SampleRegistry, tmp_path: Path) -> None:
    names = [registry.reference(name) for name in ("demo/hello", "demo/shop:2.0")]
    ocinb.pull(names, platform="all", destination=tmp_path, progress=False)
    before = (tmp_path / "index.json").read_bytes()
    ocinb.pull(names[::-1], platform="all", destination=tmp_path, progress=False)
    named(tmp_path)
    assert sorted(json.dumps(one) for one in json.loads(before)["manifests"]) == sorted(
        json.dumps(one) for one in json.loads((tmp_path / "index.json").read_bytes())["manifests"]
    )


def test_a_tag_that_moved_names_the_new_image(registry: SampleRegistry, tmp_path: Path) -> None:
    settings.tag_ttl = 0
    reference = registry.reference("demo/shop:latest")
    ocinb.pull([reference, registry.reference("demo/hello")], platform="amd64", destination=tmp_path, progress=False)
    registry.tag("demo/shop", "latest", ocinb.document(registry.reference("demo/shop:1.0")).digest)
    ocinb.pull(reference, platform="amd64", destination=tmp_path, progress=False)
    entries = named(tmp_path)
    assert entries[reference]["digest"] == images(registry, "demo/shop:1.0")[0].digest
    assert len(entries) == 2


def move(registry: SampleRegistry, tag: str, to: str) -> None:
    registry.tag("demo/shop", tag, ocinb.document(registry.reference(f"demo/shop:{to}")).digest)


def digests(folder: Path) -> dict[str, str]:
    return {name: entry["digest"] for name, entry in named(folder).items()}


def test_all_names_of_a_tag_that_moved_lead_to_the_new_images(registry: SampleRegistry, tmp_path: Path) -> None:
    settings.tag_ttl = 0
    reference = registry.reference("demo/shop:latest")
    ocinb.pull(reference, platform="all", destination=tmp_path, progress=False)
    move(registry, "latest", "1.0")
    ocinb.pull(reference, platform="arm64", destination=tmp_path, progress=False)
    assert digests(tmp_path) == {reference: images(registry, "demo/shop:1.0")[1].digest}


def test_one_platform_after_the_other_leaves_both_with_a_name(registry: SampleRegistry, tmp_path: Path) -> None:
    reference = registry.reference("demo/shop:2.0")
    amd64, arm64 = images(registry, "demo/shop:2.0")
    for platform in ("amd64", "arm64"):
        ocinb.pull(reference, platform=platform, destination=tmp_path, progress=False)
    assert digests(tmp_path) == {reference: arm64.digest, f"{reference}-amd64": amd64.digest}
    ocinb.pull(reference, platform="all", destination=tmp_path, progress=False)
    index = ocinb.document(reference).digest
    assert digests(tmp_path) == {
        reference: index,
        f"{reference}-amd64": amd64.digest,
        f"{reference}-arm64": arm64.digest,
    }


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


def test_two_names_outside_the_grammar_of_one_image_are_one_to_other_tools(
    registry: SampleRegistry, tmp_path: Path
) -> None:
    digest = registry.put_image("demo/a__b", [], tag="1")
    registry.tag("demo/a__b", "2", digest)
    names = [registry.reference(f"demo/a__b:{tag}") for tag in ("1", "2")]
    ocinb.pull(names, destination=tmp_path, progress=False)
    assert digests(tmp_path) == {digest: digest, names[1]: digest}
    assert ocinb.tags(f"oci:{tmp_path}")["tag"].tolist() == names
    for name in names:
        assert ocinb.document(f"oci:{tmp_path}:{name}").digest == digest


def test_one_name_that_stands_twice_is_pulled_once(registry: SampleRegistry, tmp_path: Path) -> None:
    names = [registry.reference(name) for name in ("demo/hello", "demo/hello", "demo/hello:latest")]
    frame = ocinb.pull(names, destination=tmp_path, progress=False)
    assert list(dict.fromkeys(frame["reference"])) == [names[0], names[2]]
    assert frame["outcome"].tolist() == ["downloaded"] * 2 + ["present"] * 2
    assert list(named(tmp_path)) == [names[2]]


def test_an_artifact_is_in_the_layout_without_a_platform(registry: SampleRegistry, tmp_path: Path) -> None:
    frame = ocinb.pull(registry.reference("demo/chart:0.1"), destination=tmp_path, progress=False)
    assert frame["platform"].isna().tolist() == [True, True]
    [entry] = named(tmp_path).values()
    assert "platform" not in entry


def test_attestations_are_left_where_they_are(registry: SampleRegistry, tmp_path: Path) -> None:
    reference = registry.reference("demo/shop:2.0")
    frame = ocinb.pull(reference, platform="all", destination=tmp_path, progress=False)
    manifests = ocinb.manifests(reference)
    attested = set(manifests.loc[manifests["kind"] == "attestation", "digest"])
    assert attested
    assert not attested & set(frame["manifest_digest"])
    assert not attested & {f"sha256:{path.name}" for path in (tmp_path / "blobs" / "sha256").iterdir()}


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
