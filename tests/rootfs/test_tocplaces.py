"""Where a table stands, by annotations and by footers that strangers wrote."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.rootfs.toc_discovery import FOOTER_BYTES, Promise, place_in_footer, promise_in
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor

DIGEST = Digest.of(b"table")
OTHER = Digest.of(b"other")
ZSTD_LAYER = "application/vnd.oci.image.layer.v1.tar+zstd"
NEW, OLD = "io.github.containers.zstd-chunked.", "io.containers.zstd-chunked."
TOC = "containerd.io/snapshot/stargz/toc.digest"


def promised(media_type: str = ZSTD_LAYER, **notes: str) -> Promise | None:
    return promise_in(Descriptor(media_type, OTHER, 5000, annotations=notes))


@given(st.binary(max_size=FOOTER_BYTES) | st.binary(max_size=40).map(lambda raw: raw + b"GNUlInUx"))
def test_other_bytes_are_no_footer(tail: bytes) -> None:
    assert place_in_footer(tail, 5000) is None


@pytest.mark.parametrize("text", ["", "sha256:", "sha256:xyz", "md5:" + "a" * 32, "sha256:" + "A" * 64])
def test_what_is_no_digest_promises_nothing(text: str) -> None:
    assert promised(**{TOC: text, f"{NEW}manifest-checksum": text}) is None
