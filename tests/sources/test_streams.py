"""What a descriptor has in itself needs nobody, and a blob whose size nobody says is opened all the same."""

from __future__ import annotations

import pytest

from ocinb.samples import SampleRegistry
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor
from ocinb.spec.mediatypes import OCI_CONFIG
from tests.transferring import open_repository

DATA = b'{"os": "linux"}'
EMBEDDED = Descriptor(OCI_CONFIG, Digest.of(DATA), len(DATA), data=DATA)


@pytest.mark.parametrize(
    ("offset", "length", "part"),
    [(0, None, DATA), (0, 5, DATA[:5]), (4, None, DATA[4:]), (4, 3, DATA[4:7]), (len(DATA), None, b"")],
)
def test_any_part_of_an_embedded_blob_is_there(
    registry: SampleRegistry, offset: int, length: int | None, part: bytes
) -> None:
    with open_repository(registry).open_blob(EMBEDDED, offset, length) as blob:
        assert (blob.offset, b"".join(blob.chunks())) == (offset, part)
    assert registry.requests == ()
