"""Tag forms: the tags that tools make for a digest, so that what speaks of an image is found by the image's own name.

Sources: OCI distribution-spec v1.1, "Referrers Tag Schema"; cosign's SIGNATURE_SPEC.md for its three suffixes.
"""

from __future__ import annotations

import re

from ocinb.spec.digest import HEX_LENGTHS, Digest

# distribution-spec, "Pulling manifests": a tag has up to 128 characters.
MAX_TAG_LENGTH = 128

_KINDS = {"sig": "signature", "att": "attestation", "sbom": "sbom"}
_CUT = 64  # hex digits that the referrers tag schema keeps
_ALGORITHMS = "|".join(HEX_LENGTHS)
_MADE_BY_TOOLS = re.compile(rf"(?:{_ALGORITHMS})-[0-9a-f]{{{_CUT},128}}(?:\.(?P<suffix>{'|'.join(_KINDS)}))?")


def tag_kind(tag: str) -> str:
    """Say what a tag is by its form: tag, signature, attestation, sbom or referrers.

    In a layout, what stands for a tag may be a full name with the tag at its end.

    >>> tag_kind("3.12"), tag_kind("registry.example/app:sha256-" + "0" * 64 + ".sig")
    ('tag', 'signature')
    """
    match = _MADE_BY_TOOLS.fullmatch(tag.rpartition(":")[2])
    if match is None:
        return "tag"
    return _KINDS[match["suffix"]] if match["suffix"] else "referrers"


def referrers_tags(digest: Digest) -> tuple[str, ...]:
    """Name the tags that may list what refers to a digest: as the specification cuts it, then in full.

    >>> [len(tag) for tag in referrers_tags(Digest.of(b"", "sha512"))], len(referrers_tags(Digest.of(b"")))
    ([71, 135], 1)
    """
    tags = (f"{digest.algorithm}-{digits}" for digits in (digest.hex[:_CUT], digest.hex))
    return tuple(dict.fromkeys(tags))


def cosign_tags(digest: Digest) -> tuple[str, ...]:
    """Name the tags under which cosign keeps what it knows of a digest; none where they would be too long to be tags.

    >>> [tag.rpartition(".")[2] for tag in cosign_tags(Digest.of(b""))], cosign_tags(Digest.of(b"", "sha512"))
    (['sig', 'att', 'sbom'], ())
    """
    tags = (f"{digest.algorithm}-{digest.hex}.{suffix}" for suffix in _KINDS)
    return tuple(tag for tag in tags if len(tag) <= MAX_TAG_LENGTH)
