"""Answers show nothing of what they carry, and bodies come as they arrive."""

from __future__ import annotations

import pytest

from ocinb.errors import TransportError
from ocinb.network.response import Answer
from ocinb.samples import SampleRegistry
from tests.transferring import BLOB, blob_path, describe, open_repository

SECRET, SIGNATURE = "s3cret-of-ada", "signature-that-opens"


def test_an_answer_does_not_show_what_it_has() -> None:
    answer = Answer(200, {"location": SIGNATURE}, SECRET.encode(), f"https://cdn.example/?X-Signature={SIGNATURE}")
    assert "200" in repr(answer)
    assert SECRET not in f"{answer!r}{answer!s}"
    assert SIGNATURE not in f"{answer!r}{answer!s}"


def test_a_blob_that_breaks_off_is_an_error_after_what_came(registry: SampleRegistry) -> None:
    registry.put_blob(BLOB)
    registry.fault(blob_path(describe(BLOB)), cut=1000)
    came: list[bytes] = []
    with (
        open_repository(registry).open_blob(describe(BLOB)) as blob,
        pytest.raises(TransportError, match="the connection broke") as caught,
    ):
        came.extend(blob.chunks())
    assert b"".join(came) == BLOB[:1000]
    assert "1,000 bytes came, and 299,000 more were promised" in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_part_in_the_middle_of_a_blob(registry: SampleRegistry) -> None:
    registry.put_blob(BLOB)
    with open_repository(registry).open_blob(describe(BLOB), offset=100, length=50) as blob:
        assert (blob.offset, b"".join(blob.chunks())) == (100, BLOB[100:150])
    assert registry.requests[-1].header("Range") == "bytes=100-149"
