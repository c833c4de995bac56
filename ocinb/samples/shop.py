"""The sample application `demo/shop`: three releases that waste space in all the ways that images waste it.

Each is built by the same Dockerfile on `demo/base:12`. It copies a key in and deletes it later, deletes a package cache
one layer too late, empties a directory and fills it anew, puts a file where a directory was, and links to a file of a
layer below.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import UTC, datetime

from ocinb.samples.base_image import (
    CERTIFICATES,
    GROUPS,
    LICENCE,
    NAME,
    PACKAGES,
    PATH,
    PLATFORMS,
    USERS,
    architecture_of,
    base_image,
    base_index,
    base_steps,
    certificates,
    library_dir,
    package_status,
)
from ocinb.samples.images import JSON, Image, Layer, Manifest, Step, make_image, make_index, make_layer, moment
from ocinb.samples.signed_images import attestation
from ocinb.samples.tars import (
    Entry,
    directory,
    file,
    hardlink,
    noise,
    opaque,
    prose,
    symlink,
    whiteout,
    with_parents,
)

_SHOP = 999
_LISTS = "var/lib/apt/lists/deb.debian.org_debian_dists_bookworm_main_Packages"
_LONG = (
    "srv/shop/static/" + "a-directory-with-quite-a-long-name/" * 3 + "an-icon-whose-path-fits-no-plain-tar-header.svg"
)


@dataclass(frozen=True)
class Python:
    """The layer with the interpreter, which releases may share through the build cache."""

    built_at: datetime
    library_bytes: int = 1_100_000
    compression: str = "gzip"


@dataclass(frozen=True)
class Release:
    """What differs from one release of the shop to the next."""

    version: str
    built_at: datetime
    python: Python
    module_bytes: int
    goods_bytes: int
    goods_compression: str = "gzip"


_FEBRUARY = Python(datetime(2025, 2, 3, 9, 10, tzinfo=UTC))
_JUNE = Python(datetime(2025, 6, 2, 7, 3, tzinfo=UTC), library_bytes=1_500_000, compression="zstd")

RELEASES = (
    Release("1.0", datetime(2025, 2, 3, 9, 12, tzinfo=UTC), _FEBRUARY, module_bytes=700_000, goods_bytes=120_000),
    Release("1.1", datetime(2025, 3, 10, 16, 40, tzinfo=UTC), _FEBRUARY, module_bytes=760_000, goods_bytes=180_000),
    Release(
        "2.0",
        datetime(2025, 6, 2, 7, 5, tzinfo=UTC),
        _JUNE,
        module_bytes=1_200_000,
        goods_bytes=260_000,
        goods_compression="none",
    ),
)


def _python_entries(python: Python, platform: str) -> list[Entry]:
    build = f"{python.built_at:%Y%m} {platform}"
    status = package_status((*PACKAGES, CERTIFICATES, ("python3.11", "3.11.2-6+deb12u4", 2_301)), platform)
    archive = f"var/cache/apt/archives/python3.11_3.11.2-6+deb12u4_{architecture_of(platform)}.deb"
    return [
        file("etc/group", f"{GROUPS}shop:x:{_SHOP}:\n"),
        file("etc/passwd", f"{USERS}shop:x:{_SHOP}:{_SHOP}::/srv/shop:/usr/sbin/nologin\n"),
        symlink("usr/bin/python3", "python3.11"),
        file("usr/bin/python3.11", noise(f"python {build}", 900_000), mode=0o755),
        file(f"{library_dir(platform)}/libpython3.11.so.1.0", noise(f"libpython {build}", python.library_bytes)),
        file("usr/lib/python3.11/os.py", prose("module os", 38_000)),
        file("usr/lib/python3.11/typing.py", prose("module typing", 110_000)),
        file("usr/share/doc/python3.11/copyright", LICENCE),
        file(archive, noise(f"archive {build}", 400_000)),
        file("var/cache/apt/pkgcache.bin", prose("cache of packages", 160_000)),
        file(_LISTS, prose(f"list of packages {build}", 240_000)),
        file("var/lib/dpkg/status", status),
    ]


def _source_entries(release: Release) -> list[Entry]:
    return [
        directory("srv/shop", owner=_SHOP),
        file("srv/shop/app.py", f'VERSION = "{release.version}"\n', owner=_SHOP),
        directory("srv/shop/data", owner=_SHOP),
        file("srv/shop/data/seed.json", prose("seed", 24_000), owner=_SHOP),
        file(
            "srv/shop/deploy.key",
            "this stands for a secret key; the image keeps it for ever\n",
            mode=0o600,
            owner=_SHOP,
        ),
        file("srv/shop/requirements.txt", "flask==3.0.3\n", owner=_SHOP),
        file("srv/shop/settings.toml", "port = 8000\ndebug = true\n", owner=_SHOP),
        file("srv/shop/static/draft.css", prose("draft", 30_000), owner=_SHOP),
        file("srv/shop/static/logo.png", noise("logo", 48_000), owner=_SHOP),
    ]


def _module_entries(release: Release, platform: str) -> list[Entry]:
    packages = "usr/lib/python3/dist-packages"
    metadata = "Metadata-Version: 2.1\nName: Flask\nVersion: 3.0.3\nLicense: BSD-3-Clause\n"
    return [
        file("etc/ssl/certs/ca-certificates.crt", certificates(142)),
        whiteout("srv/shop/deploy.key"),
        file("srv/shop/data", "seeded\n", owner=_SHOP),
        directory("srv/shop/static", owner=_SHOP),
        opaque("srv/shop/static"),
        file(_LONG, "<svg/>\n", owner=_SHOP),
        file("srv/shop/static/bundle.js", prose(f"bundle {release.version}", 90_000), owner=_SHOP),
        file("srv/shop/static/logo.png", noise("logo", 48_000), owner=_SHOP),
        file("srv/shop/static/logo@2x.png", noise("logo", 48_000), owner=_SHOP),
        file("srv/shop/static/menü.html", "<ul><li>Käse</li></ul>\n", owner=_SHOP),
        whiteout("usr/bin/perl5.36.0"),
        file(f"{packages}/flask-3.0.3.dist-info/METADATA", metadata),
        file(f"{packages}/flask/__init__.py", prose("module flask", 6_000)),
        file(f"{packages}/flask/_speedups.so", noise(f"flask {release.version} {platform}", release.module_bytes)),
        hardlink("usr/local/bin/shop-python", "usr/bin/python3.11", mode=0o755),
        whiteout("var/cache/apt"),
        whiteout(_LISTS),
    ]


def _goods_entries(release: Release) -> list[Entry]:
    goods = prose(f"goods of {release.version}", release.goods_bytes)
    return [
        directory("srv/shop", owner=_SHOP),
        file("srv/shop/goods.csv", goods, owner=_SHOP),
        file("srv/shop/settings.toml", "port = 8080\ndebug = false\n", owner=_SHOP),
    ]


def _layer(entries: list[Entry], built_at: datetime, compression: str = "gzip") -> Layer:
    return make_layer(with_parents(entries), mtime=int(built_at.timestamp()), compression=compression)


@functools.cache
def _python_steps(python: Python, platform: str) -> tuple[Step, ...]:
    install = "apt-get update && apt-get install -y python3.11 && useradd --system --home /srv/shop shop"
    layer = _layer(_python_entries(python, platform), python.built_at, python.compression)
    workdir = _layer([directory("srv/shop")], python.built_at)
    return (
        Step("ENV SHOP_PORT=8080", moment(python.built_at)),
        Step(f"RUN /bin/sh -c {install} # buildkit", moment(python.built_at, 31), layer),
        Step("WORKDIR /srv/shop", moment(python.built_at, 32), workdir),
    )


def _release_steps(release: Release, platform: str) -> tuple[Step, ...]:
    built = release.built_at
    # Sources and goods are the same on all platforms, so the platforms share these two layers.
    sources = _layer(_source_entries(release), built)
    modules = _layer(_module_entries(release, platform), built)
    goods = _layer(_goods_entries(release), built, release.goods_compression)
    build = (
        "pip install -r requirements.txt && update-ca-certificates && ./build-static && rm deploy.key && "
        "rm -rf /var/lib/apt/lists/* /var/cache/apt && rm /usr/bin/perl5.36.0 && rm -r data && echo seeded > data"
    )
    return (
        Step("COPY --chown=shop:shop . . # buildkit", moment(built, 1), sources),
        Step(f"ARG VERSION={release.version}", moment(built, 1)),
        Step(f"RUN |1 VERSION={release.version} /bin/sh -c {build} # buildkit", moment(built, 23), modules),
        Step("COPY --chown=shop:shop deploy/ . # buildkit", moment(built, 24), goods),
        Step("USER shop", moment(built, 24)),
        Step("EXPOSE map[8080/tcp:{}]", moment(built, 24)),
        Step(
            'HEALTHCHECK &{["CMD-SHELL" "shop-python -m shop.health"] "30s" "3s" "0s" "0s" \'\\x03\'}',
            moment(built, 24),
        ),
        Step('ENTRYPOINT ["shop-python" "-m" "shop"]', moment(built, 24)),
        Step('CMD ["--workers" "2"]', moment(built, 24)),
    )


def _settings(release: Release) -> JSON:
    second = 10**9
    return {
        "User": "shop",
        "ExposedPorts": {"8080/tcp": {}},
        "Env": [PATH, "SHOP_PORT=8080"],
        "Entrypoint": ["shop-python", "-m", "shop"],
        "Cmd": ["--workers", "2"],
        "Healthcheck": {
            "Test": ["CMD-SHELL", "shop-python -m shop.health"],
            "Interval": 30 * second,
            "Timeout": 3 * second,
            "Retries": 3,
        },
        "WorkingDir": "/srv/shop",
        "Labels": {
            "org.opencontainers.image.created": f"{release.built_at:%Y-%m-%dT%H:%M:%SZ}",
            # A label may hold anything: whoever shows this one has to escape it.
            "org.opencontainers.image.description": "A shop for <b>demonstrations</b> & lessons",
            "org.opencontainers.image.licenses": "Apache-2.0",
            "org.opencontainers.image.source": "https://git.example/demo/shop",
            "org.opencontainers.image.title": "shop",
            "org.opencontainers.image.version": release.version,
        },
    }


@functools.cache
def shop_image(release: Release, platform: str) -> Image:
    """Build one release for one platform."""
    steps = (*base_steps(platform), *_python_steps(release.python, platform), *_release_steps(release, platform))
    annotations = {
        "org.opencontainers.image.base.name": NAME,
        "org.opencontainers.image.base.digest": base_image(platform).manifest.digest,
        "org.opencontainers.image.version": release.version,
    }
    return make_image(platform, steps, settings=_settings(release), annotations=annotations)


@functools.cache
def shop_index(release: Release) -> Manifest:
    """Build the index of one release: the images first, and after them an attestation of each."""
    images = [shop_image(release, platform) for platform in PLATFORMS]
    children = [(image.manifest, image.descriptor()) for image in images]
    annotations = {
        "org.opencontainers.image.base.name": NAME,
        "org.opencontainers.image.base.digest": base_index().digest,
        "org.opencontainers.image.version": release.version,
    }
    attestations = [attestation(image, f"demo/shop@{release.version}") for image in images]
    return make_index([*children, *attestations], annotations=annotations)
