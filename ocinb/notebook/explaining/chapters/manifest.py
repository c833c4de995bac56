"""The manifest: its bytes, hashed step by step until the digest stands there, and what they name."""

from __future__ import annotations

from ocinb.errors import InvalidError
from ocinb.notebook.explaining import clauses
from ocinb.notebook.explaining.chapters.trouble import could_not
from ocinb.notebook.explaining.gathering import Gathered
from ocinb.notebook.explaining.hashing import hash_in_steps, with_a_bit_turned
from ocinb.notebook.explaining.way import answer_with
from ocinb.notebook.explaining.words import (
    Chapter,
    Code,
    Figure,
    Figures,
    Hash,
    Listing,
    Part,
    Prose,
    Row,
    Setup,
    Size,
    Spans,
    Strong,
    Table,
)
from ocinb.sources.base import RawDocument
from ocinb.sources.images import Image
from ocinb.spec.documents import Manifest
from ocinb.spec.mediatypes import DOCKER_SCHEMA1_SIGNED
from ocinb.spec.schema1_signature import digested_bytes

_HASHED = (
    "Nobody has to be believed: the digest is computed from the bytes as they came, with every blank in them. The "
    "hash is fed with a few more of them in each row; what stands in the last one has to be the digest, or the "
    "document is refused."
)
_MADE = (
    " A docker-archive keeps no manifest, so this one is made from its config and its layers; it is the same each time."
)
_SIGNED = (
    "This manifest of Docker's schema 1 is signed, and its digest is that of the part that was signed: the first "
    "bytes, as many as the protected header says, with the tail that it has."
)
# How the signed part is put together by hand.
_SIGNED_LINES = (
    "import base64, json",
    'header = json.loads(raw)["signatures"][0]["protected"]',
    'protected = json.loads(base64.urlsafe_b64decode(header + "=="))',
    'tail = base64.urlsafe_b64decode(protected["formatTail"] + "==")',
    'raw = raw[:protected["formatLength"]] + tail',
)


def tell(story: Gathered) -> Chapter:
    """Tell of the manifest."""
    title, document = "The manifest, hashed", story.document
    if document is None:
        why = could_not(story.image, "There is no image in this index, so there is no manifest of one.")
        return Chapter(title, ("there is none to show",), (why,), (clauses.MANIFEST,))
    hashed = _hashed(document)
    made = _MADE if story.asked.reference.transport == "docker-archive" else ""
    parts: list[Part] = [
        Prose((_HASHED + made,)),
        Setup((f"manifest = {story.document_lines.call('document')}", "raw = manifest.raw")),
        Listing(
            "The bytes, as they were made" if made else "The bytes, as they came",
            document.raw.decode("utf-8", "replace"),
        ),
        Figures(_size(document)),
    ]
    if hashed is not document.raw:
        parts += [Prose((_SIGNED,)), Setup(_SIGNED_LINES)]
    parts += _steps(document, hashed)
    parts += [_said(story, document)] if answer_with(story.exchanges, document.digest) else []
    if story.read is not None:
        parts += _contents(story, story.read)
    else:
        parts.append(could_not(story.image, "It cannot be read."))
    gist = (Size(len(document.raw)), " whose ", Code(document.digest.algorithm), " is ", Hash(document.digest.hex))
    return Chapter(title, gist, tuple(parts), (clauses.MANIFEST, clauses.DIGESTS))


def _hashed(document: RawDocument) -> bytes:
    """Give the bytes that the digest is of."""
    if document.media_type != DOCKER_SCHEMA1_SIGNED:
        return document.raw
    try:
        return digested_bytes(document.raw, f"the manifest {document.digest}")
    except InvalidError:  # whoever served it vouched for all of its bytes
        return document.raw


def _size(document: RawDocument) -> tuple[Figure, ...]:
    return (
        Figure("media type", (Code(document.media_type),), "manifest.media_type", document.media_type),
        Figure("bytes", (f"{len(document.raw):,}",), "len(raw)", len(document.raw)),
    )


def _steps(document: RawDocument, raw: bytes) -> list[Part]:
    algorithm, digest = document.digest.algorithm, document.digest
    steps = list(hash_in_steps(raw, algorithm))
    rows = tuple(
        Row(
            ((f"{step.taken:,}",), (Hash(step.hex), _remark(step.taken, len(raw)))),
            "taken" if step.taken == len(raw) else "",
            line=f"hashlib.{algorithm}(raw[:{step.taken}]).hexdigest()",
            value=step.hex,
        )
        for step in steps
    )
    heads = ("#bytes so far", f"{algorithm} of them")
    turned = with_a_bit_turned(raw, algorithm)
    figures = (
        Figure("digest", (Hash(digest.hex), " ", Strong("equal")), f"hashlib.{algorithm}(raw).hexdigest()", digest.hex),
        Figure(
            "with one bit turned",
            (Hash(turned), " another one altogether"),
            f"hashlib.{algorithm}(bytes([raw[0] ^ 1]) + raw[1:]).hexdigest()",
            turned,
        ),
    )
    table = Table("The hash, as it takes in the bytes", heads, rows)
    return [table, Figures(figures)]


def _remark(taken: int, count: int) -> str:
    return " all of them: this is the digest" if taken == count else ""


def _said(story: Gathered, document: RawDocument) -> Prose:
    answer = answer_with(story.exchanges, document.digest)
    said = answer.response_headers.get("docker-content-digest") if answer else None
    if said is None:
        return Prose(("The registry did not say what the digest is; it did not have to.",))
    spans: Spans = ("The registry said so too, in the header ", Code("Docker-Content-Digest"), ": ", Hash(said))
    return Prose((*spans, ". That is no proof; the hash is."))


def _contents(story: Gathered, image: Image) -> list[Part]:
    manifest = image.manifest
    figures = _config_figures(manifest)
    count = len(manifest.layers)
    named = "layers" if story.runs else "blobs"
    figures.append(Figure(f"{named} that it names", (f"{count:,}",), f"len({story.lines.call('layers')})", count))
    if manifest.artifact_type:
        line = 'manifest.json["artifactType"]'
        figures.append(Figure("artifact type", (Code(manifest.artifact_type),), line, manifest.artifact_type))
    if manifest.subject:
        line = 'manifest.json["subject"]["digest"]'
        figures.append(Figure("refers to", (Hash(manifest.subject.digest),), line, str(manifest.subject.digest)))
    parts: list[Part] = [Prose(("A manifest holds nothing itself: it names a config and layers by their digests.",))]
    parts.append(Figures(tuple(figures)))
    if manifest.annotations:
        rows = tuple(Row(((Code(key),), (Code(text),))) for key, text in manifest.annotations.items())
        parts.append(Table("Annotations", ("key", "value"), rows, 'manifest.json["annotations"]', manifest.annotations))
    return parts


def _config_figures(manifest: Manifest) -> list[Figure]:
    if manifest.config is None:
        return []
    config = manifest.config
    return [
        Figure("its config", (Hash(config.digest),), 'manifest.json["config"]["digest"]', str(config.digest)),
        Figure(
            "type of the config", (Code(config.media_type),), 'manifest.json["config"]["mediaType"]', config.media_type
        ),
    ]
