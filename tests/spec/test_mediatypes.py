"""What registries are asked for, and what media types say of what they name."""

import pytest

from ocinb.spec import mediatypes


def test_all_manifest_types_are_asked_for_indexes_first_and_schema_1_last() -> None:
    assert mediatypes.ACCEPT_MANIFESTS.split(", ") == [
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.oci.artifact.manifest.v1+json",
        "application/vnd.cncf.oras.artifact.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
        "application/vnd.docker.distribution.manifest.v1+json",
    ]


def test_each_manifest_type_is_of_one_sort() -> None:
    sorts = [mediatypes.INDEXES, mediatypes.MANIFESTS, mediatypes.ARTIFACTS, mediatypes.SCHEMA1]
    assert sum(map(len, sorts)) == len(mediatypes.ALL_MANIFESTS) == 8
    assert frozenset().union(*sorts) == mediatypes.ALL_MANIFESTS
    assert not mediatypes.ALL_MANIFESTS & mediatypes.NO_MANIFESTS


@pytest.mark.parametrize(
    ("header", "bare"),
    [
        (None, ""),
        ("", ""),
        ("application/json", "application/json"),
        ("Application/JSON; charset=UTF-8", "application/json"),
        (" application/vnd.oci.image.index.v1+json ;q=1;x=2", "application/vnd.oci.image.index.v1+json"),
        (";", ""),
    ],
)
def test_headers_are_stripped_of_parameters_and_case(header: str | None, bare: str) -> None:
    assert mediatypes.bare(header) == bare


@pytest.mark.parametrize(
    ("media_type", "compression"),
    [
        ("application/vnd.oci.image.layer.v1.tar", "none"),
        ("application/vnd.oci.image.layer.v1.tar+gzip", "gzip"),
        ("application/vnd.oci.image.layer.v1.tar+zstd", "zstd"),
        ("application/vnd.oci.image.layer.v1.tar+bzip2", "bzip2"),
        ("application/vnd.oci.image.layer.v1.tar+xz", "xz"),
        ("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", "gzip"),
        ("application/vnd.docker.image.rootfs.diff.tar", "none"),
        ("application/vnd.docker.image.rootfs.diff.tar.gzip", "gzip"),
        ("application/vnd.docker.image.rootfs.diff.tar.zstd", "zstd"),
        ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "gzip"),
        ("application/vnd.docker.container.image.rootfs.diff+x-gtar", None),
        ("application/vnd.oci.image.config.v1+json", None),
        ("application/vnd.in-toto+json", None),
        ("application/octet-stream", None),
        ("", None),
    ],
)
def test_compression_of_layers(media_type: str, compression: str | None) -> None:
    assert mediatypes.layer_compression(media_type) == compression
