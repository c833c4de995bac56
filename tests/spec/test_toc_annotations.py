"""What the annotations of a layer promise of its table of contents is read, and what is no digest promises nothing."""

from __future__ import annotations

from typing import Any

import pytest

from ocinb.spec.digest import Digest
from ocinb.spec.toc_annotations import ESTARGZ_DIGEST, ZSTD_PREFIXES, packed_toc, plain_toc, toc_digests

A, B, C = (str(Digest.of(letter)) for letter in (b"a", b"b", b"c"))
NEW, OLD = (f"{prefix}manifest-checksum" for prefix in ZSTD_PREFIXES)


@pytest.mark.parametrize(
    ("annotations", "digests"),
    [
        ({}, []),
        ({ESTARGZ_DIGEST: A}, [A]),
        ({NEW: A}, [A]),
        ({OLD: A}, [A]),
        ({OLD: A, NEW: B}, [B]),
        ({OLD: A, NEW: "none"}, [A]),
        ({ESTARGZ_DIGEST: C, NEW: B, OLD: A}, [C, B]),
        ({ESTARGZ_DIGEST: "md5:00", NEW: 5, OLD: None}, []),
        ({f"{ZSTD_PREFIXES[0]}manifest-position": "1:2:3:1"}, []),
    ],
)
def test_what_is_promised(annotations: dict[str, Any], digests: list[str]) -> None:
    assert toc_digests(annotations) == digests


def test_which_promise_it_is() -> None:
    assert (plain_toc({ESTARGZ_DIGEST: A}), packed_toc({ESTARGZ_DIGEST: A})) == (A, None)
    assert (plain_toc({OLD: A}), packed_toc({OLD: A})) == (None, (A, ZSTD_PREFIXES[1]))
