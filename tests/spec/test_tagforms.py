"""The tags that tools make are told from those of people, and are named as the specifications say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.spec.digest import HEX_LENGTHS, Digest
from ocinb.spec.tag_schema import MAX_TAG_LENGTH, cosign_tags, referrers_tags, tag_kind

HEX = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("tag", "kind"),
    [
        ("3.12", "tag"),
        ("sha256", "tag"),
        (f"sha256-{HEX}", "referrers"),
        (f"sha384-{HEX}", "referrers"),
        (f"sha512-{HEX}", "referrers"),
        (f"sha512-{HEX * 2}", "referrers"),
        (f"sha256-{HEX}.sig", "signature"),
        (f"sha256-{HEX}.att", "attestation"),
        (f"sha256-{HEX}.sbom", "sbom"),
        (f"sha256-{HEX}.other", "tag"),
        (f"sha256-{HEX}.", "tag"),
        (f"sha256-{HEX}\n", "tag"),
        (f"sha256-{HEX[:-1]}", "tag"),
        (f"sha256-{HEX[:-1]}g", "tag"),
        (f"sha1-{HEX}", "tag"),
        (f"x-sha256-{HEX}.sig", "tag"),
    ],
)
def test_kinds_of_tags(tag: str, kind: str) -> None:
    assert tag_kind(tag) == kind


@pytest.mark.parametrize(
    ("digest", "tags"),
    [
        (f"sha256:{HEX}", [f"sha256-{HEX}"]),
        (f"sha384:{HEX}{HEX[:32]}", [f"sha384-{HEX}", f"sha384-{HEX}{HEX[:32]}"]),
        (f"sha512:{HEX}{HEX}", [f"sha512-{HEX}", f"sha512-{HEX}{HEX}"]),
    ],
)
def test_the_form_of_the_specification_comes_first(digest: str, tags: list[str]) -> None:
    assert list(referrers_tags(Digest(digest))) == tags


@given(st.binary(), st.sampled_from(sorted(HEX_LENGTHS)))
def test_what_is_named_is_recognised(raw: bytes, algorithm: str) -> None:
    digest = Digest.of(raw, algorithm)
    assert {tag_kind(tag) for tag in referrers_tags(digest)} == {"referrers"}
    kinds = [tag_kind(tag) for tag in cosign_tags(digest)]
    assert kinds == ([] if algorithm == "sha512" else ["signature", "attestation", "sbom"])
    assert all(len(tag) <= MAX_TAG_LENGTH for tag in cosign_tags(digest))
