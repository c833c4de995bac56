"""The digest of a signed document is that of what was signed, exactly, and nothing beside it is believed."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.errors import IntegrityError, InvalidError
from ocinb.spec.digest import Digest
from ocinb.spec.documents import digested_bytes, manifest_digest, verify_manifest
from tests.spec.signing import Step, encode, join, schema1, sign

PAYLOAD = schema1([Step(["/bin/sh"], f"sha256:{'1' * 64}")])


HEAD = PAYLOAD[: -len(b"\n}")]


DIGEST = Digest(f"sha256:{hashlib.sha256(PAYLOAD).hexdigest()}")


def protected(**fields: Any) -> dict[str, str]:
    return {"protected": encode(json.dumps(fields).encode())}


GOOD = {"formatLength": len(HEAD), "formatTail": encode(b"\n}")}


@pytest.mark.parametrize("keys", [1, 3])
def test_what_was_signed_comes_out_again(keys: int) -> None:
    raw = sign(PAYLOAD, keys=keys)
    assert len(json.loads(raw)["signatures"]) == keys
    assert digested_bytes(raw, "it") == PAYLOAD
    assert manifest_digest(raw, "it") == DIGEST
    assert manifest_digest(raw, "it", "sha512") == f"sha512:{hashlib.sha512(PAYLOAD).hexdigest()}"
    assert verify_manifest(raw, DIGEST) == raw


_KEYS = st.text(max_size=5).filter(lambda key: key not in {"schemaVersion", "signatures"})


@given(
    fields=st.dictionaries(_KEYS, st.text(max_size=9) | st.integers() | st.none(), max_size=4), escaped=st.booleans()
)
def test_any_fields_come_out_again(fields: dict[str, Any], *, escaped: bool) -> None:
    payload = json.dumps({"schemaVersion": 1, **fields}, ensure_ascii=escaped, indent=3).encode()
    assert digested_bytes(sign(payload), "it") == payload


@pytest.mark.parametrize(
    ("signatures", "message"),
    [
        ([], "it has no signatures"),
        ([protected(**GOOD), protected(**{**GOOD, "formatLength": len(HEAD) - 1})], "do not sign the same"),
        ([protected(**GOOD), protected(**{**GOOD, "formatTail": encode(b"}")})], "do not sign the same"),
        ([{}], "'protected' of signatures[0] of it has to be base64url"),
        ([{"protected": "e30="}], "'protected' of signatures[0] of it has to be base64url"),
        ([{"protected": "e3+0"}], "'protected' of signatures[0] of it has to be base64url"),
        ([{"protected": "abcde"}], "'protected' of signatures[0] of it has to be base64url"),
        ([{"protected": 5}], "'protected' of signatures[0] of it has to be a text"),
        ([{"protected": encode(b"[]")}], "the protected header of signatures[0] of it is not a JSON object"),
        ([protected(formatTail="Cn0")], "the protected header of signatures[0] of it has no formatLength"),
        (
            [protected(formatLength=7)],
            "'formatTail' of the protected header of signatures[0] of it has to be",
        ),
        ([protected(**{**GOOD, "formatLength": "7"})], "'formatLength' of the protected header"),
        ([protected(**{**GOOD, "formatLength": 7.5})], "'formatLength' of the protected header"),
        ([protected(**{**GOOD, "formatLength": 0})], "of which 0 are said to be signed"),
        ([protected(**{**GOOD, "formatLength": -9})], "of which -9 are said to be signed"),
        ([protected(**{**GOOD, "formatLength": 10**6})], "of which 1,000,000 are said to be signed"),
        ([protected(**{**GOOD, "formatLength": len(HEAD) - 1})], "what is signed of it is not valid JSON"),
        ([protected(**{**GOOD, "formatTail": encode(b"")})], "'formatTail' of the protected header"),
        ([protected(**{**GOOD, "formatTail": encode(b',"tag":"2"}')})], "what is signed of it is not valid JSON"),
        ([protected(**{**GOOD, "formatTail": encode(b',"more":"2"}')})], "it says something else than what is signed"),
        ("none", "'signatures' of it has to be a list"),
        ([7], "signatures[0] of it has to be a JSON object"),
    ],
)
def test_signatures_that_say_something_wrong_are_refused(signatures: Any, message: str) -> None:
    raw = join(HEAD, signatures)
    with pytest.raises(InvalidError) as caught:
        digested_bytes(raw, "it")
    assert message in str(caught.value)
    with pytest.raises(IntegrityError, match=DIGEST):
        verify_manifest(raw, DIGEST)


def test_a_signed_document_that_says_more_than_was_signed_is_refused() -> None:
    """Who reads all of it and verifies what was signed would show what nobody vouches for."""
    raw = sign(PAYLOAD)
    more = raw[: -len(b"\n}")] + b', "variant": "v9"}'
    assert json.loads(more)["variant"] == "v9"
    with pytest.raises(InvalidError, match="something else than what is signed"):
        digested_bytes(more, "it")
    with pytest.raises(IntegrityError):
        verify_manifest(more, DIGEST)


@pytest.mark.parametrize("raw", [b"", b"<html>", b"[]", b'{"schemaVersion": 1, "signatures": [{}]}'])
def test_bytes_that_are_none_of_it_are_told_by_their_digest(raw: bytes) -> None:
    with pytest.raises(IntegrityError, match=f"the bytes of {DIGEST} have the digest {Digest.of(raw)}"):
        verify_manifest(raw, DIGEST)
