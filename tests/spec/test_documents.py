"""Indexes and manifests say what they say, and what contradicts itself is refused."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.errors import IntegrityError, InvalidError
from ocinb.spec import mediatypes
from ocinb.spec.digest import Digest
from ocinb.spec.documents import (
    digested_bytes,
    manifest_digest,
    parse_descriptor,
    parse_index,
    parse_manifest,
    sniff_media_type,
    verify_manifest,
)
from ocinb.spec.strict_json import Fields
from tests.spec.signing import Step, encode, join, schema1, sign

DIGEST = Digest.of(b"something")
BLOB = {"mediaType": mediatypes.OCI_LAYER, "digest": DIGEST, "size": 9}
CONFIG = {"mediaType": mediatypes.OCI_CONFIG, "digest": DIGEST, "size": 9}
CHILD = {"mediaType": mediatypes.OCI_MANIFEST, "digest": DIGEST, "size": 9}


def _raw(**fields: Any) -> bytes:
    return json.dumps({"schemaVersion": 2, **fields}).encode()


def test_an_index_is_read_in_its_order() -> None:
    platforms = [{"os": "linux", "architecture": name} for name in ("s390x", "amd64", "arm64")]
    raw = _raw(manifests=[{**CHILD, "platform": platform} for platform in platforms], annotations={"a": "1"})
    index = parse_index(raw, mediatypes.DOCKER_LIST, "it")
    assert index.media_type == mediatypes.DOCKER_LIST
    assert [str(child.platform) for child in index.manifests] == ["linux/s390x", "linux/amd64", "linux/arm64"]
    assert (index.annotations, index.subject, index.artifact_type) == ({"a": "1"}, None, None)
    assert parse_index(_raw(manifests=[]), "type", "it").manifests == ()
    assert parse_index(_raw(manifests=None), "type", "it").manifests == (), "so Go writes an empty one"


def test_an_empty_platform_says_nothing() -> None:
    descriptor = parse_descriptor(Fields({**CHILD, "platform": {}}, "it"))
    assert descriptor.platform is not None
    assert not descriptor.platform.known
    assert descriptor.kind == "unknown"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"digest": None}, "it needs mediaType, digest and size"),
        ({"size": 1e3}, "'size' of it has to be a whole number, not a number"),
        ({"size": 2**63}, "'size' of it is a number of more than 64 bits"),
        ({"urls": "https://example.com"}, "'urls' of it has to be a list, not a text"),
        ({"urls": [7]}, "'urls' of it has to be a list of texts, not a list"),
        ({"data": "****"}, "'data' of it has to be base64 (RFC 4648)"),
        ({"data": "c29t ZXRoaW5n"}, "'data' of it has to be base64 (RFC 4648)"),
        ({"data": "c29tZXRoaW5"}, "'data' of it has to be base64 (RFC 4648)"),
        ({"data": ["c29tZXRoaW5n"]}, "'data' of it has to be a text, not a list"),
        ({"digest": ""}, "it needs mediaType, digest and size"),
        ({"mediaType": None}, "it needs mediaType, digest and size"),
        ({"size": None}, "it needs mediaType, digest and size"),
        ({"digest": "sha256:xyz"}, "has to have 64 lower-case hex digits"),
        ({"digest": 7}, "'digest' of it has to be a text, not a number"),
        ({"mediaType": []}, "'mediaType' of it has to be a text, not a list"),
        ({"size": -1}, "it has the size -1"),
        ({"size": 9.0}, "'size' of it has to be a whole number, not a number"),
        ({"size": "9"}, "'size' of it has to be a whole number, not a text"),
        ({"size": True}, "'size' of it has to be a whole number, not true or false"),
        ({"size": 10**30}, "'size' of it is a number of more than 64 bits"),
        ({"platform": "linux/amd64"}, "'platform' of it has to be an object, not a text"),
        ({"platform": {"os": 1}}, "'os' of platform of it has to be a text, not a number"),
        ({"annotations": {"a": 1}}, "'annotations' of it has to be an object of texts, not an object"),
        ({"annotations": ["a"]}, "'annotations' of it has to be an object, not a list"),
        ({"artifactType": {}}, "'artifactType' of it has to be a text, not an object"),
    ],
)
def test_a_wrong_descriptor_is_refused_by_the_field(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidError) as caught:
        parse_descriptor(Fields({**BLOB, **change}, "it"))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (_raw(), "it is a manifest without 'config'"),
        (_raw(config=None), "it is a manifest without 'config'"),
        (_raw(config=[]), "'config' of it has to be an object, not a list"),
        (_raw(config={}), "config of it needs mediaType, digest and size"),
        (_raw(config=CONFIG, layers={}), "'layers' of it has to be a list, not an object"),
        (_raw(config=CONFIG, layers=[None]), "layers[0] of it has to be a JSON object, not null"),
        (_raw(config=CONFIG, layers=[BLOB, {"size": 1}]), "layers[1] of it needs mediaType, digest and size"),
        (_raw(config=CONFIG, subject="x"), "'subject' of it has to be an object, not a text"),
        (_raw(schemaVersion=1, config=CONFIG), "it has schemaVersion 1, not 2"),
        (_raw(schemaVersion=None, config=CONFIG), "it has schemaVersion None, not 2"),
        (_raw(schemaVersion="2", config=CONFIG), "'schemaVersion' of it has to be a whole number, not a text"),
        (_raw(schemaVersion=2.0, config=CONFIG), "'schemaVersion' of it has to be a whole number, not a number"),
        (b"[]", "it is not a JSON object"),
    ],
)
def test_a_wrong_manifest_is_refused_with_the_place(raw: bytes, message: str) -> None:
    with pytest.raises(InvalidError) as caught:
        parse_manifest(raw, mediatypes.OCI_MANIFEST, "it")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (_raw(), "it is an index without 'manifests'"),
        (_raw(manifests={}), "'manifests' of it has to be a list, not an object"),
        (_raw(manifests=[CHILD, 3]), "manifests[1] of it has to be a JSON object, not a number"),
        (_raw(manifests=[CHILD, CHILD, {}]), "manifests[2] of it needs mediaType, digest and size"),
        (_raw(schemaVersion=3, manifests=[]), "it has schemaVersion 3, not 2"),
    ],
)
def test_a_wrong_index_is_refused_with_the_place(raw: bytes, message: str) -> None:
    with pytest.raises(InvalidError) as caught:
        parse_index(raw, mediatypes.OCI_INDEX, "it")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": "c29tZXRoaW5h"}, "'data' of it is not what it stands for: the bytes of"),
        ({"data": "c29tZQ=="}, "'data' of it is not what it stands for: sha256:"),
        ({"data": "c29tZXRoaW5n", "size": 10}, "has to be 10 bytes long, but 9 came"),
        ({"data": "c29tZXRoaW5n", "size": 8}, "has to be 8 bytes long, but more came"),
    ],
)
def test_embedded_data_that_is_something_else_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(IntegrityError) as caught:
        parse_descriptor(Fields({**BLOB, **change}, "it"))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({}, "image"),
        ({"mediaType": mediatypes.DOCKER_MANIFEST}, "image"),
        ({"platform": {"os": "linux", "architecture": "amd64"}}, "image"),
        ({"artifactType": mediatypes.OCI_CONFIG}, "image"),
        ({"annotations": {"vnd.docker.reference.type": "attestation-manifest"}}, "attestation"),
        ({"annotations": {"vnd.docker.reference.type": "anything"}}, "attestation"),
        (
            {
                "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
                "platform": {"os": "linux", "architecture": "amd64"},
            },
            "attestation",
        ),
        ({"platform": {"os": "unknown", "architecture": "unknown"}}, "unknown"),
        ({"artifactType": "application/spdx+json"}, "artifact"),
        ({"artifactType": "application/vnd.dev.cosign.artifact.sig.v1+json"}, "signature"),
        ({"artifactType": "application/vnd.cncf.notary.signature"}, "signature"),
        ({"mediaType": mediatypes.OCI_INDEX}, "index"),
        ({"mediaType": mediatypes.DOCKER_LIST}, "index"),
        ({"mediaType": mediatypes.DOCKER_SCHEMA1_SIGNED}, "image"),
        ({"mediaType": mediatypes.DOCKER_SCHEMA1}, "image"),
        ({"mediaType": mediatypes.OCI_ARTIFACT}, "artifact"),
        ({"mediaType": mediatypes.ORAS_ARTIFACT, "artifactType": "application/x"}, "artifact"),
        ({"mediaType": mediatypes.OCI_LAYER}, "unknown"),
        ({"mediaType": "application/vnd.buildkit.cacheconfig.v0"}, "unknown"),
        ({"mediaType": "application/octet-stream"}, "unknown"),
    ],
)
def test_kinds_of_children(fields: dict[str, Any], kind: str) -> None:
    descriptor = parse_descriptor(Fields({**CHILD, **fields}, "it"))
    assert descriptor.kind == kind
    assert descriptor.is_index is (kind == "index")


MANIFEST = {"config": CONFIG, "layers": []}


@pytest.mark.parametrize(
    ("fields", "header", "message"),
    [
        ({"manifests": [], "layers": []}, None, "it is an index and a manifest at once"),
        ({"manifests": [], "blobs": []}, None, "it is an index and a manifest at once"),
        ({"manifests": [], "fsLayers": [], "schemaVersion": 1}, None, "it is an index and a manifest at once"),
        ({"layers": [], "fsLayers": [], "schemaVersion": 1}, None, "has the fields of another type"),
        ({"mediaType": mediatypes.OCI_ARTIFACT, "layers": []}, None, "has the fields of another type"),
        ({"mediaType": mediatypes.OCI_MANIFEST, "blobs": []}, None, "has the fields of another type"),
        ({"schemaVersion": "2", **MANIFEST}, None, "'schemaVersion' of it has to be a whole number, not a text"),
        ({"manifests": [], "config": {}}, mediatypes.OCI_INDEX, "it is an index and a manifest at once"),
        (
            {"mediaType": mediatypes.OCI_MANIFEST, **MANIFEST},
            mediatypes.DOCKER_MANIFEST,
            f"it was served as {mediatypes.DOCKER_MANIFEST}, but says that it is {mediatypes.OCI_MANIFEST}",
        ),
        (
            {"mediaType": mediatypes.OCI_INDEX, "manifests": []},
            f"{mediatypes.OCI_MANIFEST}; charset=utf-8",
            f"it was served as {mediatypes.OCI_MANIFEST}, but says that it is {mediatypes.OCI_INDEX}",
        ),
        (
            {"mediaType": mediatypes.OCI_INDEX, **MANIFEST},
            None,
            f"it says that it is {mediatypes.OCI_INDEX}, but has the fields of another type",
        ),
        ({"mediaType": mediatypes.DOCKER_MANIFEST, "manifests": []}, None, "has the fields of another type"),
        (MANIFEST, mediatypes.DOCKER_LIST, "has the fields of another type"),
        ({"manifests": []}, mediatypes.OCI_MANIFEST, "has the fields of another type"),
        ({"mediaType": 5, **MANIFEST}, None, "'mediaType' of it has to be a text, not a number"),
    ],
)
def test_contradictions_are_refused(fields: dict[str, Any], header: str | None, message: str) -> None:
    with pytest.raises(InvalidError) as caught:
        sniff_media_type(_raw(**fields), header, "it")
    assert message in str(caught.value)


_KEYS = st.sampled_from(
    "schemaVersion mediaType config layers manifests digest size platform os architecture variant annotations subject "
    "artifactType os.version".split()
) | st.text(max_size=2)
_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70) | st.sampled_from([1, 2]),
    st.floats(),
    st.text(max_size=4),
    st.sampled_from([DIGEST, mediatypes.OCI_MANIFEST, mediatypes.OCI_INDEX]),
    st.sampled_from([BLOB, CHILD, {**CHILD, "platform": {"os": 1}}, {**BLOB, "size": 1.0}]),
)
_VALUES = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4), max_leaves=8
)
_BODIES = st.builds(
    dict.__or__,
    st.sampled_from([{}, {"schemaVersion": 2}, {"schemaVersion": 2, "config": CONFIG}]),
    st.dictionaries(_KEYS, _VALUES, max_size=5),
)


@given(_BODIES, st.none() | st.sampled_from(sorted(mediatypes.ALL_MANIFESTS)) | st.text(max_size=5))
def test_whatever_comes_is_read_or_refused(body: dict[str, Any], header: str | None) -> None:
    raw = json.dumps(body).encode()
    for parse in (parse_index, parse_manifest):
        try:
            document = parse(raw, mediatypes.OCI_MANIFEST, "it")
        except InvalidError:
            continue
        assert document.media_type == mediatypes.OCI_MANIFEST
    try:
        assert sniff_media_type(raw, header, "it")
    except InvalidError:
        return


PAYLOAD = schema1([Step(["/bin/sh"], f"sha256:{'1' * 64}")])


HEAD = PAYLOAD[: -len(b"\n}")]


DIGEST_SIGNED = Digest(f"sha256:{hashlib.sha256(PAYLOAD).hexdigest()}")


def protected(**fields: Any) -> dict[str, str]:
    return {"protected": encode(json.dumps(fields).encode())}


GOOD = {"formatLength": len(HEAD), "formatTail": encode(b"\n}")}


@pytest.mark.parametrize("keys", [1, 3])
def test_what_was_signed_comes_out_again(keys: int) -> None:
    raw = sign(PAYLOAD, keys=keys)
    assert len(json.loads(raw)["signatures"]) == keys
    assert digested_bytes(raw, "it") == PAYLOAD
    assert manifest_digest(raw, "it") == DIGEST_SIGNED
    assert manifest_digest(raw, "it", "sha512") == f"sha512:{hashlib.sha512(PAYLOAD).hexdigest()}"
    assert verify_manifest(raw, DIGEST_SIGNED) == raw


_KEYS_SIGNED = st.text(max_size=5).filter(lambda key: key not in {"schemaVersion", "signatures"})


@given(
    fields=st.dictionaries(_KEYS_SIGNED, st.text(max_size=9) | st.integers() | st.none(), max_size=4),
    escaped=st.booleans(),
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
    with pytest.raises(IntegrityError, match=DIGEST_SIGNED):
        verify_manifest(raw, DIGEST_SIGNED)


def test_a_signed_document_that_says_more_than_was_signed_is_refused() -> None:
    """Who reads all of it and verifies what was signed would show what nobody vouches for."""
    raw = sign(PAYLOAD)
    more = raw[: -len(b"\n}")] + b', "variant": "v9"}'
    assert json.loads(more)["variant"] == "v9"
    with pytest.raises(InvalidError, match="something else than what is signed"):
        digested_bytes(more, "it")
    with pytest.raises(IntegrityError):
        verify_manifest(more, DIGEST_SIGNED)


@pytest.mark.parametrize("raw", [b"", b"<html>", b"[]", b'{"schemaVersion": 1, "signatures": [{}]}'])
def test_bytes_that_are_none_of_it_are_told_by_their_digest(raw: bytes) -> None:
    with pytest.raises(IntegrityError, match=f"the bytes of {DIGEST_SIGNED} have the digest {Digest.of(raw)}"):
        verify_manifest(raw, DIGEST_SIGNED)
