"""What registries are asked for, and what media types say of what they name."""

import pytest

from ocinb.spec import mediatypes


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
