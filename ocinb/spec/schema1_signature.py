"""Signed documents: schema 1 as libtrust signs it, where the digest is of what was signed and not of all the bytes.

Sources: distribution's manifest-v2-1.md, "Signed Manifests"; libtrust's signature format, a JWS whose payload stands
spelled out before its signatures. The payload is the first ``formatLength`` bytes of the document, with ``formatTail``
behind them. Who signed is not judged here, as by no registry or client of today; the digest vouches for the bytes.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Any

from ocinb.errors import IntegrityError, InvalidError
from ocinb.spec.digest import Digest, verify
from ocinb.spec.strict_json import Fields, parse_object

_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class _Format:
    """How the payload is put together again."""

    length: int
    tail: bytes


def is_signed(body: Fields) -> bool:
    """Say whether a document is one of schema 1 that carries signatures."""
    return body.raw("schemaVersion") == 1 and "signatures" in body


def digested_bytes(raw: bytes, what: str) -> bytes:
    """Give the bytes whose digest a manifest has: all of them, but of a signed one what was signed."""
    value = parse_object(raw, what)
    body = Fields(value, what)
    if not is_signed(body):
        return raw
    payload = _payload(raw, body)
    said = {key: part for key, part in value.items() if key != "signatures"}
    if parse_object(payload, f"what is signed of {what}") != said:
        raise InvalidError(f"{what} says something else than what is signed of it")
    return payload


def manifest_digest(raw: bytes, what: str, algorithm: str = "sha256") -> Digest:
    """Compute the digest of a manifest of any kind."""
    return Digest.of(digested_bytes(raw, what), algorithm)


def verify_manifest(raw: bytes, digest: Digest) -> bytes:
    """Return the bytes of a manifest of any kind if they are the promised ones."""
    try:
        return verify(raw, digest)
    except IntegrityError as error:
        try:
            payload = digested_bytes(raw, str(digest))
        except InvalidError:
            raise error from None
    verify(payload, digest)
    return raw


def _payload(raw: bytes, body: Fields) -> bytes:
    formats = {_format(signature) for signature in body.children("signatures")}
    if len(formats) != 1:
        count = "no signatures" if not formats else "signatures that do not sign the same"
        raise InvalidError(f"{body.what} has {count}")
    (form,) = formats
    if not 0 < form.length <= len(raw):
        raise InvalidError(f"{body.what} has {len(raw):,} bytes, of which {form.length:,} are said to be signed")
    return raw[: form.length] + form.tail


def _format(signature: Fields) -> _Format:
    what = f"the protected header of {signature.what}"
    header = Fields(parse_object(_decoded(signature, "protected"), what), what)
    length = header.integer("formatLength")
    if length is None:
        raise InvalidError(f"{what} has no formatLength")
    return _Format(length, _decoded(header, "formatTail"))


def _decoded(body: Fields, key: str) -> bytes:
    text: Any = body.text(key)
    if text is None or not _BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        raise InvalidError(f"{key!r} of {body.what} has to be base64url without padding (RFC 7515)")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
