"""The base image `demo/base:12`: a Debian in miniature, with links, a setuid program and a package database."""

from __future__ import annotations

import base64
import functools
from datetime import UTC, datetime

from ocinb.samples.images import Image, Manifest, Step, make_image, make_index, make_layer, moment
from ocinb.samples.tars import Entry, directory, file, hardlink, noise, prose, symlink, with_parents

PLATFORMS = ("linux/amd64", "linux/arm64/v8")
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# The specification wants a full name here; the port of the embedded registry is another one each time.
NAME = "registry.example/demo/base:12"

BUILT_AT = datetime(2025, 1, 13, 0, 0, tzinfo=UTC)

OS_RELEASE = """\
PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION="12 (bookworm)"
VERSION_CODENAME=bookworm
ID=debian
HOME_URL="https://www.debian.org/"
"""
USERS = "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
GROUPS = "root:x:0:\nnogroup:x:65534:\n"
LICENCE = prose("licence", 12_000)

# Package, version, installed size in KiB.
PACKAGES = (
    ("base-files", "12.4+deb12u9", 341),
    ("bash", "5.2.15-2+b7", 7_164),
    ("libc6", "2.36-9+deb12u9", 12_986),
    ("passwd", "1:4.13+dfsg1-1+b1", 2_827),
    ("perl-base", "5.36.0-7+deb12u1", 7_675),
)
CERTIFICATES = ("ca-certificates", "20230311", 391)


def architecture_of(platform: str) -> str:
    """Cut a platform down to its architecture.

    >>> architecture_of("linux/arm64/v8")
    'arm64'
    """
    return platform.split("/")[1]


def library_dir(platform: str) -> str:
    """Name the directory in which Debian keeps this architecture's libraries."""
    return f"usr/lib/{ {'amd64': 'x86_64', 'arm64': 'aarch64'}[architecture_of(platform)] }-linux-gnu"


def package_status(packages: tuple[tuple[str, str, int], ...], platform: str) -> str:
    """Write `var/lib/dpkg/status` for some packages."""
    return "\n".join(
        f"Package: {name}\nStatus: install ok installed\nPriority: optional\nSection: misc\n"
        f"Installed-Size: {size}\nMaintainer: Demo <demo@registry.example>\n"
        f"Architecture: {architecture_of(platform)}\nVersion: {version}\nDescription: {name}, in miniature\n"
        for name, version, size in packages
    )


def certificates(count: int) -> bytes:
    """Give a bundle of some certificates, which are none but look alike."""
    bodies = (base64.encodebytes(noise(f"certificate {number}", 1_100)) for number in range(count))
    return b"".join(b"-----BEGIN CERTIFICATE-----\n" + body + b"-----END CERTIFICATE-----\n" for body in bodies)


def _root_entries(platform: str) -> list[Entry]:
    return [
        symlink("bin", "usr/bin"),
        file("etc/.pwd.lock", mode=0o600),
        file("etc/debian_version", "12.9\n"),
        file("etc/group", GROUPS),
        symlink("etc/os-release", "../usr/lib/os-release"),
        file("etc/passwd", USERS),
        symlink("lib", "usr/lib"),
        directory("root", mode=0o700),
        file("root/.bashrc", "umask 022\n"),
        directory("srv"),
        directory("tmp", mode=0o1777),
        file("usr/bin/bash", noise(f"bash {platform}", 420_000), mode=0o755),
        file("usr/bin/passwd", noise(f"passwd {platform}", 64_000), mode=0o4755),
        file("usr/bin/perl", noise(f"perl {platform}", 350_000), mode=0o755),
        hardlink("usr/bin/perl5.36.0", "usr/bin/perl", mode=0o755),
        symlink("usr/bin/sh", "bash"),
        file(f"{library_dir(platform)}/libc.so.6", noise(f"libc {platform}", 700_000), mode=0o755),
        file("usr/lib/os-release", OS_RELEASE),
        file("usr/share/doc/bash/copyright", LICENCE),
        file("usr/share/doc/libc6/changelog.Debian", prose("changelog of libc6", 90_000)),
        file("usr/share/doc/libc6/copyright", LICENCE),
        file("var/lib/dpkg/status", package_status(PACKAGES, platform)),
    ]


def _certificate_entries(platform: str) -> list[Entry]:
    return [
        file("etc/ssl/certs/ca-certificates.crt", certificates(140)),
        file("usr/sbin/update-ca-certificates", "#!/bin/sh\ncat /usr/share/ca-certificates/*.crt\n", mode=0o755),
        file("usr/share/doc/ca-certificates/copyright", LICENCE),
        file("var/lib/dpkg/status", package_status((*PACKAGES, CERTIFICATES), platform)),
    ]


@functools.cache
def base_steps(platform: str) -> tuple[Step, ...]:
    """Give the history of the base, which every image on top of it begins with."""
    mtime = int(BUILT_AT.timestamp())
    root = make_layer(with_parents(_root_entries(platform)), mtime=mtime)
    trust = make_layer(with_parents(_certificate_entries(platform)), mtime=mtime + 41)
    install = "apt-get update; apt-get install -y ca-certificates; rm -rf /var/lib/apt/lists/*"
    added = f"ADD file:{root.diff_id.hex} in / "
    return (
        Step(f"/bin/sh -c #(nop) {added}", moment(BUILT_AT, 2), root, comment=""),
        Step('/bin/sh -c #(nop)  CMD ["bash"]', moment(BUILT_AT, 3), comment=""),
        Step(f"/bin/sh -c set -eux; {install}", moment(BUILT_AT, 41), trust, comment=""),
    )


@functools.cache
def base_image(platform: str) -> Image:
    """Build the base image for one platform."""
    annotations = {"org.opencontainers.image.version": "12"}
    settings = {"Env": [PATH], "Cmd": ["bash"]}
    return make_image(platform, base_steps(platform), settings=settings, annotations=annotations)


@functools.cache
def base_index() -> Manifest:
    """Build the index of `demo/base:12`."""
    images = [base_image(platform) for platform in PLATFORMS]
    return make_index([(image.manifest, image.descriptor()) for image in images])
