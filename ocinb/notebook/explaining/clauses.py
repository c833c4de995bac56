"""Clauses: where the specifications say what a story tells. Nothing of it is fetched; a reader may follow the links."""

from __future__ import annotations

from ocinb.notebook.explaining.words import Link

_DISTRIBUTION = "https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md"
_IMAGE = "https://github.com/opencontainers/image-spec/blob/v1.1.1"

PULL = Link("distribution-spec: Pulling manifests", f"{_DISTRIBUTION}#pulling-manifests")
ENDPOINTS = Link("distribution-spec: Endpoints", f"{_DISTRIBUTION}#endpoints")
REFERRERS = Link("distribution-spec: Listing Referrers", f"{_DISTRIBUTION}#listing-referrers")
REFERRERS_TAG = Link("distribution-spec: Referrers Tag Schema", f"{_DISTRIBUTION}#referrers-tag-schema")
COSIGN = Link("cosign: Signature Specification", "https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md")
CHALLENGE = Link("RFC 9110, 11.6.1: WWW-Authenticate", "https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1")
BEARER = Link("RFC 6750: Bearer Tokens", "https://www.rfc-editor.org/rfc/rfc6750")
TOKEN = Link("distribution: Token Authentication", "https://distribution.github.io/distribution/spec/auth/token/")
CLAIMS = Link("distribution: Token Implementation", "https://distribution.github.io/distribution/spec/auth/jwt/")
INDEX = Link("image-spec: Image Index", f"{_IMAGE}/image-index.md")
MANIFEST = Link("image-spec: Image Manifest", f"{_IMAGE}/manifest.md")
DIGESTS = Link("image-spec: Digests", f"{_IMAGE}/descriptor.md#digests")
LAYOUT = Link("image-spec: Image Layout", f"{_IMAGE}/image-layout.md")
CONFIG = Link("image-spec: Image Configuration", f"{_IMAGE}/config.md#properties")
DIFF_ID = Link("image-spec: Layer DiffID", f"{_IMAGE}/config.md#layer-diffid")
CHAIN_ID = Link("image-spec: Layer ChainID", f"{_IMAGE}/config.md#layer-chainid")
