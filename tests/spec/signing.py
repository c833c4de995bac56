"""Schema 1 as Docker pushed it: manifests by their steps, signed as libtrust signs, with a key of the test's own."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

# What Docker pushed for a step without files: a gzip of an empty tar.
EMPTY = "sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4"


@dataclass(frozen=True)
class Step:
    """One line of a Dockerfile; without a blob it is thrown away."""

    command: Sequence[str] | None
    blob: str | None = None
    more: tuple[tuple[str, Any], ...] = ()

    def compatibility(self) -> dict[str, Any]:
        told: dict[str, Any] = {"id": "0" * 64, "created": "2015-05-06T07:08:09.123456789Z"}
        if self.command is not None:
            told["container_config"] = {"Cmd": list(self.command)}
        if self.blob is None:
            told["throwaway"] = True
        return told | dict(self.more)


def schema1(steps: Sequence[Step], **changes: Any) -> bytes:
    """Write an unsigned manifest as Docker does, indented; the steps are given oldest first, and stand newest first."""
    newest_first = list(reversed(steps))
    body = {
        "schemaVersion": 1,
        "name": "demo/old",
        "tag": "1",
        "architecture": "amd64",
        "fsLayers": [{"blobSum": step.blob or EMPTY} for step in newest_first],
        "history": [{"v1Compatibility": json.dumps(step.compatibility())} for step in newest_first],
    } | changes
    return json.dumps({key: value for key, value in body.items() if value is not ...}, indent=3).encode()


def sign(payload: bytes, *, keys: int = 1, key: ec.EllipticCurvePrivateKey | None = None, **header: Any) -> bytes:
    """Put signatures into the end of a document; `header` is laid over what the protected headers say."""
    length = payload.rindex(b"}")
    while payload[length - 1 : length].isspace():
        length -= 1
    told = {"formatLength": length, "formatTail": encode(payload[length:]), "time": "2015-05-06T07:08:09Z", **header}
    protected = encode(json.dumps(told).encode())
    signatures = [_signature(payload, protected, key or ec.generate_private_key(ec.SECP256R1())) for _ in range(keys)]
    return join(payload[:length], signatures, payload[length:])


def join(head: bytes, signatures: Any, tail: bytes = b"\n}") -> bytes:
    return head + b',\n   "signatures": ' + json.dumps(signatures, indent=3).encode() + tail


def encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _signature(payload: bytes, protected: str, key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
    """Sign as JWS has it (RFC 7515): what is signed is the protected header, a dot, and the payload."""
    r, s = decode_dss_signature(key.sign(f"{protected}.{encode(payload)}".encode(), ec.ECDSA(hashes.SHA256())))
    point = key.public_key().public_numbers()
    jwk = {"kty": "EC", "crv": "P-256", "x": encode(point.x.to_bytes(32)), "y": encode(point.y.to_bytes(32))}
    signature = encode(r.to_bytes(32) + s.to_bytes(32))
    return {"header": {"jwk": jwk, "alg": "ES256"}, "signature": signature, "protected": protected}
