"""The sample `demo/signed`: three releases about which more and more is said, and not all of it is true.

Nothing is said about 1.0. BuildKit attests 1.1, and a signature of 1.0 lies under the tag for its own. About 2.0 all is
said that tools say today; one of its two lists of packages is wrong in three lines.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from ocinb.samples.attestations import (
    Component,
    attestation,
    cosign_attestation,
    cosign_signature,
    cosign_tag,
    cyclonedx,
    provenance,
    signature,
    spdx,
)
from ocinb.samples.base import (
    CERTIFICATES,
    LICENCE,
    NAME,
    PACKAGES,
    PATH,
    PLATFORMS,
    architecture_of,
    base_image,
    base_index,
    base_steps,
    package_status,
)
from ocinb.samples.content import Content
from ocinb.samples.images import Image, Manifest, Step, make_image, make_index, make_layer, moment
from ocinb.samples.tars import Entry, file, noise, with_parents

REPOSITORY = "demo/signed"
RELEASES = ("1.0", "1.1", "2.0")

_BUILT_AT = {
    "1.0": datetime(2025, 3, 3, 8, 0, tzinfo=UTC),
    "1.1": datetime(2025, 5, 12, 8, 0, tzinfo=UTC),
    "2.0": datetime(2025, 6, 16, 8, 0, tzinfo=UTC),
}
_INSTALLED = (("curl", "7.88.1-10+deb12u12", 501), ("zlib1g", "1:1.2.13.dfsg-1", 168))
_ALL = (*PACKAGES, CERTIFICATES, *_INSTALLED)
# What the false list says: a mended libc6 that is not in the image, a program that is not there, and no zlib1g.
_MENDED = "2.36-9+deb12u10"
_PHANTOM = ("openssl", "3.0.15-1~deb12u1")


@dataclass(frozen=True)
class _Signed:
    """One release: what it is, and its images."""

    version: str
    images: tuple[Image, ...]
    index: Manifest


def _installed_entries(platform: str) -> list[Entry]:
    return [
        file("usr/bin/curl", noise(f"curl {platform}", 90_000), mode=0o755),
        file("usr/share/doc/curl/copyright", LICENCE),
        file("usr/share/doc/zlib1g/copyright", LICENCE),
        file("var/lib/dpkg/status", package_status(_ALL, platform)),
    ]


def _server(version: str) -> Entry:
    return file("srv/signed/server.py", f'VERSION = "{version}"\n')


def _steps(version: str, platform: str) -> Iterable[Step]:
    built = _BUILT_AT[version]
    installed = make_layer(with_parents(_installed_entries(platform)), mtime=int(_BUILT_AT["1.0"].timestamp()))
    server = make_layer(with_parents([_server(version)]), mtime=int(built.timestamp()))
    install = "apt-get update && apt-get install -y curl zlib1g && rm -rf /var/lib/apt/lists/*"
    yield from base_steps(platform)
    yield Step(f"RUN /bin/sh -c {install} # buildkit", moment(_BUILT_AT["1.0"], 9), installed)
    yield Step("COPY server.py /srv/signed/ # buildkit", moment(built, 10), server)
    yield Step('CMD ["/srv/signed/server.py"]', moment(built, 10))


@functools.cache
def signed_image(version: str, platform: str) -> Image:
    """Build one release for one platform."""
    settings = {"Env": [PATH], "Cmd": ["/srv/signed/server.py"], "User": "nobody"}
    annotations = {
        "org.opencontainers.image.base.name": NAME,
        "org.opencontainers.image.base.digest": base_image(platform).manifest.digest,
        "org.opencontainers.image.version": version,
    }
    return make_image(platform, list(_steps(version, platform)), settings=settings, annotations=annotations)


@functools.cache
def _release(version: str) -> _Signed:
    images = tuple(signed_image(version, platform) for platform in PLATFORMS)
    children = [(image.manifest, image.descriptor()) for image in images]
    if version != "1.0":
        children += [_attested(image, version) for image in images]
    return _Signed(version, images, make_index(children))


def _attested(image: Image, version: str) -> tuple[Manifest, dict[str, object]]:
    name = f"{REPOSITORY}@{version}"
    entries = (*_installed_entries(image.platform), _server(version))
    files = {entry.path: hashlib.sha256(entry.content).hexdigest() for entry in entries}
    statements = {
        "https://spdx.dev/Document": spdx(name, _components(image.platform), files),
        "https://slsa.dev/provenance/v1": provenance(_BUILT_AT[version], {NAME: base_index()}),
    }
    return attestation(image, name, statements)


def _components(platform: str) -> list[Component]:
    return [Component(name, version, architecture_of(platform)) for name, version, _ in _ALL]


def _false_components(platform: str) -> list[Component]:
    architecture = architecture_of(platform)
    told = {name: version for name, version, _ in _ALL if name != "zlib1g"} | {"libc6": _MENDED}
    return [Component(name, version, architecture) for name, version in (*told.items(), _PHANTOM)]


def add_signed(content: Content) -> None:
    """Take in all releases, and what is said about them.

    >>> content = Content()
    >>> add_signed(content)
    >>> [tag for tag in content.repositories["demo/signed"].tags if "-" not in tag]
    ['1.0', '1.1', '2.0']
    """
    first, second, third = map(_release, RELEASES)
    for release in (first, second, third):
        content.add(REPOSITORY, release.index, release.version)
    name = f"registry.example/{REPOSITORY}"
    content.add(REPOSITORY, cosign_signature(first.index, name), cosign_tag(second.index))
    content.add(REPOSITORY, cosign_signature(third.index, name), cosign_tag(third.index))
    content.add(REPOSITORY, cosign_attestation(third.index, name), cosign_tag(third.index, "att"))
    content.add(REPOSITORY, signature(third.index))
    for image in third.images:
        content.add(REPOSITORY, cyclonedx(image.manifest, f"{REPOSITORY}@2.0", _false_components(image.platform)))
