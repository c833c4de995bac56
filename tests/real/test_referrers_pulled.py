"""What came along with images out of a real registry: skopeo and umoci read it, and skopeo carries it elsewhere."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

import ocinb
from ocinb._settings import settings
from tests.frames.facts import records
from tests.real.dockerregistry import DockerRegistry
from tests.real.formats import Formats
from tests.real.realimages import OCI_INDEX, OCI_MANIFEST, Layout, RealImages
from tests.real.referred import Referred
from tests.real.tools import run, skopeo_inspect, skopeo_raw, umoci_stat

pytestmark = pytest.mark.real

COLUMNS = ["subject", "digest", "artifact_type", "media_type", "manifest_bytes", "annotations"]


def pull(reference: str, folder: Path, platform: Any = None) -> Path:
    ocinb.pull(reference, platform=platform, referrers=True, destination=folder, progress=False)
    return folder


def names(folder: Path) -> list[str]:
    return run("umoci", "ls", "--layout", folder).decode().split()


def blobs(folder: Path) -> dict[str, bytes]:
    found = {path.name: path.read_bytes() for path in (folder / "blobs" / "sha256").iterdir()}
    assert all(hashlib.sha256(raw).hexdigest() == name for name, raw in found.items())
    return found


def copy(source: str, target: str) -> None:
    insecure = ["--src-tls-verify=false"] if source.startswith("docker:") else []
    insecure += ["--dest-tls-verify=false"] if target.startswith("docker:") else []
    run("skopeo", "--insecure-policy", "copy", "--quiet", "--all", *insecure, source, target)


def needed(folder: Path, digest: str) -> set[str]:
    """Follow an index of attested images by hand, and give all that it names."""
    raw = (folder / "blobs" / "sha256" / digest.removeprefix("sha256:")).read_bytes()
    document = json.loads(raw)
    found = {digest, *(one["digest"] for one in (document.get("config"), *document.get("layers", [])) if one)}
    return found.union(*(needed(folder, child["digest"]) for child in document.get("manifests", [])))


def test_a_whole_index_with_its_attestations_is_copied_by_skopeo_byte_by_byte(formats: Formats, tmp_path: Path) -> None:
    pulled, copied = pull(formats.attested, tmp_path / "pulled", "all"), tmp_path / "copied"
    copy(f"oci:{pulled}:{formats.attested}", f"oci:{copied}:copy")
    whole = f"sha256:{hashlib.sha256(skopeo_raw(formats.attested)).hexdigest()}"
    assert skopeo_raw(f"oci:{copied}:copy") == skopeo_raw(formats.attested)
    assert {f"sha256:{name}" for name in blobs(copied)} == needed(pulled, whole)
    assert blobs(copied).items() <= blobs(pulled).items()


def test_without_them_skopeo_misses_what_the_index_names(formats: Formats, tmp_path: Path) -> None:
    """So says the docstring of pull; what was pulled is whole all the same."""
    ocinb.pull(formats.attested, platform="all", destination=tmp_path, progress=False)
    with pytest.raises(RuntimeError, match="no such file"):
        copy(f"oci:{tmp_path}:{formats.attested}", f"oci:{tmp_path / 'copied'}:copy")
    assert skopeo_inspect(f"oci:{tmp_path}:{formats.attested}", architecture="arm64")["Architecture"] == "arm64"


def test_a_whole_index_goes_back_into_a_registry_with_what_refers_to_it(
    docker_registry: DockerRegistry, formats: Formats, tmp_path: Path
) -> None:
    pull(formats.attested, tmp_path, "all")
    target = docker_registry.reference("real/again:attested")
    copy(f"oci:{tmp_path}:{formats.attested}", f"docker://{target}")
    assert records(ocinb.referrers(target)[COLUMNS]) == records(ocinb.referrers(formats.attested)[COLUMNS])


def test_what_is_listed_under_a_tag_and_what_cosign_keeps_come_along(referred: Referred, tmp_path: Path) -> None:
    frame = ocinb.pull(referred.reference, referrers=True, destination=tmp_path, progress=False)
    along = list(dict.fromkeys(frame.loc[frame["platform"].isna(), "manifest_digest"]))
    assert set(along) == {referred.sbom, referred.signature, referred.cosigned}
    here = ocinb.referrers(f"oci:{tmp_path}:{referred.reference}")
    assert records(here) == [
        {**row, "reference": f"oci:{tmp_path}:{referred.reference}"}
        for row in records(ocinb.referrers(referred.reference))
    ], "of this registry too they are found by tag"
    for digest in along:
        assert hashlib.sha256(blobs(tmp_path)[digest.removeprefix("sha256:")]).hexdigest() == digest[7:]


def test_peers_list_and_read_them_by_their_names(referred: Referred, tmp_path: Path) -> None:
    pull(referred.reference, tmp_path)
    repository = referred.reference.rpartition(":")[0]
    listed, signed = f"{repository}:{referred.tag}", f"{repository}:{referred.tag}.sig"
    assert sorted(names(tmp_path)) == sorted([referred.reference, listed, signed])
    digests = [entry["digest"] for entry in json.loads(skopeo_raw(f"oci:{tmp_path}:{listed}"))["manifests"]]
    assert digests == [referred.sbom, referred.signature]
    assert skopeo_raw(f"oci:{tmp_path}:{signed}") == skopeo_raw(f"docker://{signed}")


def test_their_names_carry_them_into_another_registry(
    docker_registry: DockerRegistry, referred: Referred, tmp_path: Path
) -> None:
    pull(referred.reference, tmp_path)
    target = docker_registry.reference("real/carried")
    for name in names(tmp_path):
        copy(f"oci:{tmp_path}:{name}", f"docker://{target}:{name.rpartition(':')[2]}")
    assert records(ocinb.referrers(f"{target}:1")[COLUMNS]) == records(ocinb.referrers(referred.reference)[COLUMNS])


def test_what_one_image_brings_along_is_whole_for_umoci(formats: Formats, tmp_path: Path) -> None:
    pull(formats.attested, tmp_path, "amd64")
    before = blobs(tmp_path)
    assert umoci_stat(tmp_path, formats.attested)["history"]
    run("umoci", "gc", "--layout", tmp_path)
    left = blobs(tmp_path)
    # The index itself is kept for what refers to it, of which there is nothing here.
    assert set(before) - set(left) == {hashlib.sha256(skopeo_raw(formats.attested)).hexdigest()}
    found = ocinb.referrers(f"oci:{tmp_path}:{formats.attested}")
    assert len(found) == 1
    assert (
        ocinb.layers(f"oci:{tmp_path}@{found['digest'].item()}")["digest"].str.removeprefix("sha256:").isin(left).all()
    )


def test_what_umoci_named_or_changed_is_not_taken_for_ours_when_the_tag_moves(
    docker_registry: DockerRegistry, real_images: RealImages, tmp_path: Path
) -> None:
    """It copies all annotations to a new tag, and keeps them where it changes what stands under a name."""
    settings.tag_ttl = 0
    moving = docker_registry.put_manifest("real/multi:moving", OCI_INDEX, skopeo_raw(real_images.index))
    amd64, arm64 = f"{moving}-amd64", f"{moving}-arm64"
    ocinb.pull(moving, platform="all", destination=tmp_path, progress=False)
    run("umoci", "tag", "--image", f"{tmp_path}:{amd64}", "mine")
    run("umoci", "config", "--image", f"{tmp_path}:{arm64}", "--config.user", "ada")
    changed = skopeo_raw(f"oci:{tmp_path}:{arm64}")
    lone = skopeo_raw(real_images.index_children["amd64"])
    docker_registry.put_manifest("real/multi:moving", OCI_MANIFEST, lone)
    ocinb.pull(moving, destination=tmp_path, progress=False)
    assert sorted(names(tmp_path)) == sorted([moving, arm64, "mine"])
    assert skopeo_raw(f"oci:{tmp_path}:{arm64}") == changed
    assert skopeo_raw(f"oci:{tmp_path}:{moving}") == skopeo_raw(f"oci:{tmp_path}:mine") == lone


def test_names_that_umoci_refuses_are_one_image_to_it(
    docker_registry: DockerRegistry, busybox_layout: Layout, tmp_path: Path
) -> None:
    odd = [docker_registry.push(busybox_layout.reference, f"real/odd__name:{tag}") for tag in ("1", "2")]
    ocinb.pull(odd, destination=tmp_path, progress=False)
    [name] = names(tmp_path)
    assert name == f"sha256:{hashlib.sha256(skopeo_raw(odd[0])).hexdigest()}"
    assert umoci_stat(tmp_path, name)["history"]
    assert skopeo_raw(f"oci:{tmp_path}:{name}") == skopeo_raw(odd[0])
