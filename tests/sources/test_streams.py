"""What a descriptor has in itself needs nobody, and a blob whose size nobody says is opened all the same."""

from __future__ import annotations

import pytest

from ocinb._settings import settings
from ocinb.errors import InvalidError
from ocinb.network.status_errors import RangeError
from ocinb.samples import SampleRegistry
from ocinb.spec.digest import Digest
from ocinb.spec.documents import UNKNOWN_SIZE, Descriptor
from ocinb.spec.mediatypes import OCI_CONFIG
from tests.transferring import describe, open_repository

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


def test_whoever_sends_a_blob_says_how_large_all_of_it_is(registry: SampleRegistry) -> None:
    registry.put_blob(DATA)
    source = open_repository(registry)
    for wanted in (EMBEDDED, describe(DATA), describe(DATA, size=UNKNOWN_SIZE)):
        for offset, length in ((0, None), (0, 1), (4, 2)):
            with source.open_blob(wanted, offset, length) as blob:
                assert blob.size == len(DATA)


def test_a_size_may_not_be_said(registry: SampleRegistry) -> None:
    registry.put_blob(DATA)
    registry.fault("*/blobs/*", headers={"Content-Range": "bytes 0-0/*"})
    with open_repository(registry).open_blob(describe(DATA, size=UNKNOWN_SIZE), 0, 1) as blob:
        assert blob.size is None


@pytest.mark.parametrize("place", range(3))
def test_a_number_of_thousands_of_digits_is_none(registry: SampleRegistry, place: int) -> None:
    registry.put_blob(DATA)
    numbers = ["0", "0", str(len(DATA))]
    numbers[place] = "9" * 5000
    registry.fault("*/blobs/*", headers={"Content-Range": "bytes {}-{}/{}".format(*numbers)})
    with pytest.raises(RangeError), open_repository(registry).open_blob(describe(DATA), 0, 1):
        pass


def test_an_embedded_document_is_kept_like_one_that_was_fetched(registry: SampleRegistry) -> None:
    document = open_repository(registry).document(EMBEDDED)
    assert (document.raw, document.media_type, document.fetched) == (DATA, OCI_CONFIG, False)
    plain = Descriptor(OCI_CONFIG, EMBEDDED.digest, len(DATA))
    assert open_repository(registry).document(plain).raw == DATA
    assert registry.requests == ()


def test_an_embedded_document_is_held_to_the_limit_too(registry: SampleRegistry) -> None:
    settings.max_manifest_bytes = len(DATA) - 1
    with pytest.raises(InvalidError, match="max_manifest_bytes"):
        open_repository(registry).document(EMBEDDED)


def test_a_blob_of_unknown_size_is_opened(registry: SampleRegistry) -> None:
    registry.put_blob(DATA)
    source, unknown = open_repository(registry), describe(DATA, size=UNKNOWN_SIZE)
    for offset in (0, 4):
        with source.open_blob(unknown, offset) as blob:
            assert b"".join(blob.chunks()) == DATA[offset:]
