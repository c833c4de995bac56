"""The tags that tools make are told from those of people, and are named as the specifications say."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ocinb.spec.digest import HEX_LENGTHS, Digest
from ocinb.spec.tag_schema import MAX_TAG_LENGTH, cosign_tags, referrers_tags, tag_kind

HEX = "0123456789abcdef" * 4


@given(st.binary(), st.sampled_from(sorted(HEX_LENGTHS)))
def test_what_is_named_is_recognised(raw: bytes, algorithm: str) -> None:
    digest = Digest.of(raw, algorithm)
    assert {tag_kind(tag) for tag in referrers_tags(digest)} == {"referrers"}
    kinds = [tag_kind(tag) for tag in cosign_tags(digest)]
    assert kinds == ([] if algorithm == "sha512" else ["signature", "attestation", "sbom"])
    assert all(len(tag) <= MAX_TAG_LENGTH for tag in cosign_tags(digest))
