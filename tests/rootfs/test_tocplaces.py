"""Where a table stands, by annotations and by footers that strangers wrote."""

from __future__ import annotations

import gzip
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.rootfs.toc_discovery import FOOTER_BYTES, Outside, Place, Promise, place_in_footer, promise_in
from ocinb.samples.seekable_layers import make_estargz
from ocinb.samples.tars import file
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor

DIGEST = Digest.of(b"table")
OTHER = Digest.of(b"other")
ZSTD_LAYER = "application/vnd.oci.image.layer.v1.tar+zstd"
GZIP_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
NEW, OLD = "io.github.containers.zstd-chunked.", "io.containers.zstd-chunked."
TOC = "containerd.io/snapshot/stargz/toc.digest"
# What Go's compress/gzip writes for an empty member with these extra fields.
GO_FOOTER = bytes.fromhex(
    "1f8b08040000000000ff1a00534716003030303030303030303030303132616253544152475a010000ffff"
) + bytes(8)
GO_OUTSIDE = bytes.fromhex("1f8b08040000000000ff150053471100") + b"STARGZEXTERNALTOC" + b"\1\0\0\xff\xff" + bytes(8)


def promised(media_type: str = ZSTD_LAYER, **notes: str) -> Promise | None:
    return promise_in(Descriptor(media_type, OTHER, 5000, annotations=notes))


def skippable(content: bytes) -> bytes:
    return b"\x50\x2a\x4d\x18" + struct.pack("<I", len(content)) + content


def test_footers_of_an_estargz() -> None:
    assert place_in_footer(GO_FOOTER, 5000) == Place(0x12AB, 5000 - 51 - 0x12AB, 0x12AB, in_tar=True)
    assert place_in_footer(b"before" + GO_OUTSIDE, 5000) == Outside(5000 - 46)
    assert gzip.decompress(GO_FOOTER) == gzip.decompress(GO_OUTSIDE) == b""


def test_the_samples_have_the_footers_that_go_writes() -> None:
    inside, outside = (make_estargz([file("a")], outside=outside).raw for outside in (False, True))
    assert outside.endswith(GO_OUTSIDE)
    assert inside[-51:-35] == GO_FOOTER[:16]
    assert inside[-19:] == GO_FOOTER[-19:]


@pytest.mark.parametrize(("fields", "magic"), [(7, b"GNUlInUx"), (4, b"GnUlInUx"), (4, b"GNUlInUx")])
def test_footers_of_zstd_chunked(fields: int, magic: bytes) -> None:
    numbers = [300, 40, 200, 1, 348, 9, 3][:fields]
    footer = skippable(struct.pack(f"<{fields}Q", *numbers) + magic)
    assert place_in_footer(b"before" + footer, 5000) == Place(300, 40, 292, 200)
    other_kind = skippable(struct.pack(f"<{fields}Q", *numbers[:3], 2, *numbers[4:]) + magic)
    assert place_in_footer(other_kind, 5000) is None


@given(st.binary(max_size=FOOTER_BYTES) | st.binary(max_size=40).map(lambda raw: raw + b"GNUlInUx"))
def test_other_bytes_are_no_footer(tail: bytes) -> None:
    assert place_in_footer(tail, 5000) is None


@pytest.mark.parametrize("prefix", [NEW, OLD])
def test_promises_of_zstd(prefix: str) -> None:
    position = {f"{prefix}manifest-position": "300:40:200:1"}
    checksum = {f"{prefix}manifest-checksum": str(DIGEST)}
    assert promised(**position, **checksum) == Promise(DIGEST, None, Place(300, 40, 292, 200))
    assert promised(**checksum) == Promise(DIGEST, None, None)
    assert promised(**position) is None
    assert promised(GZIP_LAYER, **position, **checksum) is None


def test_the_newer_name_counts_if_both_are_there() -> None:
    both = {f"{NEW}manifest-checksum": str(DIGEST), f"{OLD}manifest-checksum": str(OTHER)}
    assert promised(**both) == Promise(DIGEST, None, None)


def test_promises_of_an_estargz() -> None:
    assert promised(GZIP_LAYER, **{TOC: str(DIGEST)}) == Promise(None, DIGEST, None)
    assert promised(GZIP_LAYER, other="note") is None


@pytest.mark.parametrize("text", ["", "sha256:", "sha256:xyz", "md5:" + "a" * 32, "sha256:" + "A" * 64])
def test_what_is_no_digest_promises_nothing(text: str) -> None:
    assert promised(**{TOC: text, f"{NEW}manifest-checksum": text}) is None


@pytest.mark.parametrize(
    "text", ["", "1:2:3", "1:2:3:4:5", "-1:2:3:1", "1:2:3:x", "1:2:3:2", "1:2:3:" + "1" * 19, "\u0661:2:3:1"]
)
def test_what_is_no_position_leaves_it_to_the_footer(text: str) -> None:
    notes = {f"{NEW}manifest-checksum": str(DIGEST), f"{NEW}manifest-position": text}
    assert promised(**notes) == Promise(DIGEST, None, None)
