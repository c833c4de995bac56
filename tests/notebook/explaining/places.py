"""Where the images of these tests are: in a registry with a token or without, and in three kinds of files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ocinb.samples import SampleRegistry
from ocinb.samples.base_image import PLATFORMS
from ocinb.samples.shop import RELEASES, shop_image, shop_index
from ocinb.samples.signed_images import sbom
from tests.documents import REPOSITORY, layer, put, put_image, put_index, put_schema1
from tests.localfiles import (
    crane_archive,
    entry,
    layout_files,
    legacy_archive,
    members_of,
    tar_bytes,
    write_layout,
)
from tests.spec.signing import Step

IMAGE = shop_image(RELEASES[0], PLATFORMS[0])
INDEX = shop_index(RELEASES[-1])
STEPS = (
    Step(["/bin/sh", "-c", "#(nop) ADD file:1 in /"], f"sha256:{'b' * 64}"),
    Step(["/bin/sh", "-c", "#(nop) ENV A=1"]),
    Step(["make"], f"sha256:{'c' * 64}", (("os", "linux"), ("architecture", "amd64"), ("config", {"User": "app"}))),
)
Place = Callable[[SampleRegistry, Path], str]


def _layout(_: SampleRegistry, folder: Path) -> str:
    write_layout(folder / "layout", {"shop": INDEX})
    return f"oci:{folder}/layout:shop"


def _oci_archive(_: SampleRegistry, folder: Path) -> str:
    path = folder / "shop.tar"
    path.write_bytes(tar_bytes(members_of(layout_files([IMAGE.manifest], [entry(IMAGE.manifest, "shop")]))))
    return f"oci-archive:{path}"


def _docker_archive(_: SampleRegistry, folder: Path) -> str:
    path = folder / "saved.tar"
    path.write_bytes(tar_bytes(legacy_archive([(IMAGE, ["demo/shop:1.0"])])))
    return f"docker-archive:{path}:demo/shop:1.0"


def _crane_archive(_: SampleRegistry, folder: Path) -> str:
    path = folder / "crane.tar"
    path.write_bytes(tar_bytes(crane_archive(IMAGE, ["demo/shop:1.0"])))
    return f"docker-archive:{path}"


def _signed(registry: SampleRegistry, _: Path) -> str:
    put_schema1(registry, *STEPS)
    return registry.reference(f"{REPOSITORY}:old")


def _unsigned(registry: SampleRegistry, _: Path) -> str:
    put_schema1(registry, *STEPS, signed=False)
    return registry.reference(f"{REPOSITORY}:old")


def _sha512(registry: SampleRegistry, _: Path) -> str:
    child = put_image(registry, layer("one"), layer("two"), algorithm="sha512")
    put_index(registry, {**child, "platform": {"os": "linux", "architecture": "amd64"}}, tag="index")
    return registry.reference(f"{REPOSITORY}:index")


def _no_platform(registry: SampleRegistry, _: Path) -> str:
    put_index(registry, put_image(registry, layer("one")), tag="index")
    return registry.reference(f"{REPOSITORY}:index")


def _uneven(registry: SampleRegistry, _: Path) -> str:
    put_image(registry, layer("one"), layer("one"), rootfs={"diff_ids": []}, history=[{"created_by": "RUN one"}])
    return registry.reference(f"{REPOSITORY}:1")


def _only_artifacts(registry: SampleRegistry, _: Path) -> str:
    kind = "application/vnd.example.thing"
    config = {"mediaType": kind, "digest": registry.put_blob(b"{}"), "size": 2}
    child = put(registry, "application/vnd.oci.image.manifest.v1+json", artifactType=kind, config=config, layers=[])
    put_index(registry, {**child, "artifactType": kind}, tag="index")
    return registry.reference(f"{REPOSITORY}:index")


def _unknown_type(registry: SampleRegistry, _: Path) -> str:
    put(registry, "application/vnd.example.manifest+json", things=[1])
    return registry.reference(f"{REPOSITORY}:1")


def _referrer(registry: SampleRegistry, _: Path) -> str:
    return registry.reference(f"demo/shop@{sbom(INDEX, 'demo/shop@2.0').digest}")


def _by_digest(registry: SampleRegistry, _: Path) -> str:
    return registry.reference(f"demo/shop@{INDEX.digest}")


def _tag_and_digest(registry: SampleRegistry, _: Path) -> str:
    return registry.reference(f"demo/shop:2.0@{INDEX.digest}")


def _sample(name: str) -> Place:
    return lambda registry, _: registry.reference(name)


PLACES: dict[str, Place] = {
    "index": _sample("demo/shop:2.0"),
    "index in an index": _sample("demo/nested:1"),
    "lone manifest": _sample("demo/hello"),
    "artifact": _sample("demo/chart:0.1"),
    "by digest": _by_digest,
    "tag and digest": _tag_and_digest,
    "layout": _layout,
    "oci archive": _oci_archive,
    "docker archive": _docker_archive,
    "docker archive, compressed": _crane_archive,
    "schema 1, signed": _signed,
    "schema 1": _unsigned,
    "sha512": _sha512,
    "no platform": _no_platform,
    "uneven": _uneven,
    "only artifacts": _only_artifacts,
    "unknown type": _unknown_type,
    "a referrer": _referrer,
}
