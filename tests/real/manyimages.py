"""A registry of seventy images: releases on bases that move, for several platforms, attested, and a Debian tree."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.real import attesting, manylayers, uploads
from tests.real.attesting import descriptor
from tests.real.dockerregistry import DockerRegistry
from tests.real.manylayers import Tar, digest_of
from tests.real.oddimages import Item
from tests.real.realimages import OCI_INDEX, OCI_MANIFEST, Layout
from tests.real.tools import skopeo_raw

OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_TAR = "application/vnd.docker.image.rootfs.diff.tar.gzip"
CHART, CHART_CONFIG = "application/vnd.cncf.helm.chart.content.v1.tar+gzip", "application/vnd.cncf.helm.config.v1+json"
BASE = "org.opencontainers.image.base"
PLATFORMS = (
    {"architecture": "amd64"},
    {"architecture": "arm64", "variant": "v8"},
    {"architecture": "arm", "variant": "v7"},
)
RELEASES, TOOLS, ROUNDS = 24, 16, 4


@dataclass
class Many:
    """What stands in the registry under which names (repository:tag), and what somebody may do with it."""

    registry: DockerRegistry
    names: list[str] = field(default_factory=list)
    _there: set[tuple[str, str]] = field(default_factory=set)

    def put_image(
        self, name: str, layers: Sequence[Tar], hour: int, *, docker: bool = False, **more: dict[str, str]
    ) -> bytes:
        """Push an image by hand, and give its manifest.

        Parameters
        ----------
        name
            Its name; with an "@" at its end it has no tag.
        layers
            Those of Docker's kind have to be gzip.
        hour
            When it was made.
        docker
            Whether the documents are of Docker's types.
        more
            Its `platform`, `labels` and `annotations`.
        """
        config = _config(layers, hour, more.get("platform", PLATFORMS[0]), more.get("labels", {}))
        repository = name.rpartition("@" if name.endswith("@") else ":")[0]
        for blob in (config, *(one.raw for one in layers)):
            self._put_blob(repository, blob)
        document = {
            "schemaVersion": 2,
            "mediaType": DOCKER_MANIFEST if docker else OCI_MANIFEST,
            "config": descriptor(config, DOCKER_CONFIG if docker else OCI_CONFIG),
            "layers": [descriptor(one.raw, DOCKER_TAR if docker else one.media_type) for one in layers],
            **({"annotations": more["annotations"]} if "annotations" in more else {}),
        }
        return self.put(name, document)

    def put_index(self, name: str, layers: Sequence[Tar], hour: int) -> None:
        """Push an image for each platform, each with a layer of its own, and an index of them."""
        entries = []
        for platform in PLATFORMS:
            own = manylayers.program(f"{name} {platform['architecture']}", 700 + hour)
            raw = self.put_image(f"{name.rpartition(':')[0]}@", [*layers, own], hour, platform=platform)
            entries.append(descriptor(raw, OCI_MANIFEST, platform={"os": "linux", **platform}))
        self.put(name, {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries})

    def put(self, name: str, document: dict[str, Any]) -> bytes:
        """Put a document under a name."""
        raw = json.dumps(document).encode()
        if name.endswith("@"):
            self.registry.put_manifest(f"{name}{digest_of(raw)}", document["mediaType"], raw)
        else:
            self.registry.put_manifest(name, document["mediaType"], raw)
            self._note(name)
        return raw

    def put_chart(self, name: str, content: bytes) -> None:
        """Push what is no image."""
        for blob in (b"{}", content):
            self._put_blob(name.rpartition(":")[0], blob)
        document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": descriptor(b"{}", CHART_CONFIG)}
        self.put(name, {**document, "layers": [descriptor(content, CHART)]})

    def push(self, source: str, name: str, **how: Any) -> str:
        """Let skopeo push an image of a layout."""
        self._note(name)
        return self.registry.push(source, name, **how)

    def attest(self, name: str, images: dict[str, str]) -> None:
        """Put an index over images of that repository, each with what attests it."""
        attesting.push_attested(self.registry, name, images)
        self._note(name)

    def tag_again(self, old: str, new: str) -> None:
        """Give what has a name another one in its repository."""
        self.put(new, json.loads(skopeo_raw(self.registry.reference(old))))

    def remove(self, name: str) -> None:
        """Delete what a tag points at: all of its tags vanish with it."""
        digest = digest_of(skopeo_raw(self.registry.reference(name)))
        uploads.delete(f"http://{self.registry.host}/v2/{name.rpartition(':')[0]}/manifests/{digest}")

    def _note(self, name: str) -> None:
        if name not in self.names:
            self.names.append(name)

    def _put_blob(self, repository: str, raw: bytes) -> None:
        key = (repository, digest_of(raw))
        if key not in self._there:
            self._there.add(key)
            uploads.put_blob(f"http://{self.registry.host}", repository, raw)


def fill(many: Many, busybox: Layout, debian: Layout) -> None:
    """Push all of them, most by hand, and with skopeo what umoci made."""
    bases = {version: manylayers.base(version) for version in (11, 12, 13)}
    for version, layers in bases.items():
        many.put_image(f"many/base:{version}", layers, version)
        many.put_image(f"many/runtime:{version}", [*layers, manylayers.runtime(version)], 20 + version)
    many.tag_again("many/base:12", "many/base:stable")
    _put_releases(many, [*bases[12], manylayers.runtime(12)])
    _put_tools(many, bases[11])
    for number in range(ROUNDS):
        many.put_index(f"many/multi:{number}", bases[13][: number % 3], 100 + number)
    _put_odd(many, bases[13])
    for name, how in {"oci": {}, "docker": {"manifest_format": "v2s2"}, "zstd": {"compression": "zstd"}}.items():
        many.push(busybox.reference, f"many/busybox:{name}", **how)
    arm = many.push(f"oci:{busybox.path}:arm64", "many/busybox:arm64")
    many.attest("many/busybox:attested", {"amd64": many.registry.reference("many/busybox:oci"), "arm64": arm})
    many.push(debian.reference, "many/debian:12")


def untagged(many: Many) -> list[str]:
    """Name an image by its digest alone, one that a tag has too, and one that only an index has."""
    index = json.loads(skopeo_raw(many.registry.reference("many/multi:1")))
    runtime = digest_of(skopeo_raw(many.registry.reference("many/runtime:11")))
    return [f"many/runtime@{runtime}", f"many/multi@{index['manifests'][1]['digest']}"]


def change(many: Many) -> list[str]:
    """Move some tags and let others vanish; give the names to look at again."""
    many.put_image("many/base:12", manylayers.base(12, revision=2), 300)
    many.tag_again("many/app:1.22", "many/app:latest")
    many.put_image("many/odd:plain", [manylayers.program("another", 5000)], 301)
    many.put_index("many/multi:0", manylayers.base(12)[:1], 302)
    many.remove("many/tools:0")
    return ["many/base:12", "many/app:latest", "many/odd:plain", "many/multi:0", "many/tools:0", "many/base:13"]


def change_back(many: Many) -> list[str]:
    """Move one tag back to what it pointed at in the beginning."""
    many.put_image("many/odd:plain", [_plain()], 202)
    return ["many/odd:plain", "many/app:latest", "many/tools:0"]


def _put_releases(many: Many, stack: Sequence[Tar]) -> None:
    """Put the releases of a program, some of them in a second repository too."""
    for number in range(RELEASES):
        names = [f"many/app:1.{number}", *([f"mirror/app:1.{number}"] if number < 3 else [])]
        for name in names:
            labels = {"release": str(number), "of": "app"}
            many.put_image(name, [*stack, *manylayers.release(number)], 40 + number, labels=labels)
    many.tag_again(f"many/app:1.{RELEASES - 1}", "many/app:latest")


def _put_tools(many: Many, stack: Sequence[Tar]) -> None:
    """Put images of Docker's kind that say what they were built on, some of them wrongly."""
    for number in range(TOOLS):
        base = digest_of(skopeo_raw(many.registry.reference(f"many/base:{11 + number % 2}")))
        notes = {f"{BASE}.name": "registry.example/many/base:11", f"{BASE}.digest": base} if number % 3 else {}
        tool = manylayers.program(f"tool {number % 7}", 1000 + 100 * (number % 7))
        many.put_image(f"many/tools:{number}", [*stack, tool], 80 + number, docker=True, annotations=notes)


def _put_odd(many: Many, stack: Sequence[Tar]) -> None:
    many.put_image("many/odd:twice", [*stack, manylayers.runtime(13), stack[0], manylayers.runtime(13)], 200)
    many.put_image("many/odd:nothing", [], 201)
    many.put_image("many/odd:plain", [_plain()], 202)
    many.put_chart("many/chart:0.1", b"a chart")


def _plain() -> Tar:
    items = [Item("srv/plain", b"p" * 4000), Item("srv/again", b"p" * 4000)]
    return manylayers.layer("ADD plain /", items, "none")


def _config(layers: Sequence[Tar], hour: int, platform: dict[str, str], labels: dict[str, str]) -> bytes:
    created = f"2025-03-{1 + hour // 24:02d}T{hour % 24:02d}:00:00Z"
    steps = [{"created": created, "created_by": one.step} for one in layers]
    history = [*steps, {"created": created, "created_by": 'CMD ["sh"]', "empty_layer": True}]
    rootfs = {"type": "layers", "diff_ids": [one.diff_id for one in layers]}
    run = {"User": f"{hour % 3}" if hour % 3 else "", "Labels": labels}
    return json.dumps(
        {"created": created, "os": "linux", **platform, "config": run, "history": history, "rootfs": rootfs}
    ).encode()
