"""The referrers: what speaks of the image from outside of it, and how each was found."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import unquote, urlsplit

from ocinb._text import counted
from ocinb.errors import OcinbError
from ocinb.network.exchange import Exchange
from ocinb.notebook.explaining import clauses
from ocinb.notebook.explaining.chapters.trouble import could_not
from ocinb.notebook.explaining.gathering import Gathered
from ocinb.notebook.explaining.lines import columns
from ocinb.notebook.explaining.words import (
    Chapter,
    Code,
    Figure,
    Figures,
    Hash,
    Part,
    Prose,
    Row,
    Setup,
    Size,
    Span,
    Spans,
    Strong,
    Table,
)
from ocinb.notebook.tracing.steps import Step
from ocinb.sources.base import Referrer
from ocinb.spec.documents import Descriptor
from ocinb.spec.tag_schema import tag_kind

_COLUMNS = ("artifact_type", "found_via", "subject", "digest", "manifest_bytes")
_TOLD = (
    "Signatures, SBOMs and attestations are no part of an image: they are manifests of their own, which name the "
    "image as their subject. So the image stays as it is, byte by byte, whatever is said about it later; and a reader "
    "has to look for them."
)
_LOCAL = (
    " A file has no list to ask for: they are looked for by the tags of the same forms, by the subject that a manifest "
    "names, and in the index itself."
)
_WAYS = {
    "api": "the registry's own list, /v2/…/referrers/",
    "tag": "an index under the tag that is made of the digest",
    "index": "the index itself, where BuildKit puts attestations, or beside it",
    "cosign": "the tag that cosign makes of the digest",
}
# What the questions for referrers have in common, whichever way is tried.
_QUESTIONS = 'wire.frame["url"].str.contains("/referrers/|/manifests/sha[0-9]+-")'
_KINDS = (
    (("spdx", "cyclonedx", "sbom"), "SBOM"),
    (("in-toto", "dsse", "attestation", "provenance"), "attestation"),
    (("signature", "cosign", "sigstore", "simplesigning"), "signature"),
)

# What has no other word for many.
_PLURALS = {"other": "other"}


def tell(story: Gathered) -> Chapter:
    """Tell of what refers to the image."""
    parts: list[Part] = [Prose((_TOLD + (_LOCAL if story.asked.is_local else ""),))]
    parts += _asked(story)
    whole = story.resolved.is_index
    of_what = "the index, and to the images in it as far as it says so itself" if whole else "the manifest"
    parts += _of_one(story.referrers, f"What refers to {of_what}", "ocinb.referrers(ref)")
    if story.own_referrers is not None and story.chosen is not None:
        title = "What refers to the image of this platform alone"
        parts += _of_one(story.own_referrers, title, "ocinb.referrers(image)")
    links = (clauses.REFERRERS, clauses.REFERRERS_TAG, clauses.COSIGN)
    return Chapter("The referrers", _gist(story), tuple(parts), links)


def kind_of(descriptor: Descriptor) -> str:
    """Say what a referrer is in a word that people use, if it shows that."""
    text = (descriptor.artifact_type or "").lower()
    shown = "attestation" if descriptor.kind == "attestation" else "other"
    return next((kind for parts, kind in _KINDS if any(part in text for part in parts)), shown)


def _gist(story: Gathered) -> Spans:
    lists = [found for found in (story.referrers, story.own_referrers) if isinstance(found, tuple)]
    found = {referrer.descriptor.digest: referrer for one in lists for referrer in one}
    if not found:
        failed = isinstance(story.referrers, OcinbError)
        return ("they could not be looked for",) if failed else ("nobody speaks of it here",)
    kinds = [kind_of(referrer.descriptor) for referrer in found.values()]
    told = [counted(kinds.count(kind), kind, _PLURALS.get(kind)) for kind in dict.fromkeys(kinds)]
    return (", ".join(told),)


def _asked(story: Gathered) -> list[Part]:
    """Tell which questions were asked to find them."""
    rows = _questions(story.exchanges)
    again: tuple[str, ...] = ("with ocinb.trace(fresh=True) as wire:", "    ocinb.referrers(ref)")
    if story.own_referrers is not None:
        image = f"image = ocinb.Reference(ref).at({story.document_lines.call('document')}.digest)"
        again = (image, again[0], "    ocinb.referrers([ref, image])")
    if story.asked.is_local:
        return [Setup(again[:1])] if story.own_referrers is not None else []
    heads = ("how it was looked for", "request", "answer")
    if story.went_wrong:
        return [Table("Where they were looked for", heads, rows)]  # its lines would fail too, or find others
    line = f'wire.frame[{_QUESTIONS}][["method", "url", "status"]]'
    count = Figure("requests", (f"{len(rows):,}",), f"{_QUESTIONS}.sum()", len(rows))
    return [Setup(again), Figures((count,)), Table("Where they were looked for", heads, rows, line)]


def _questions(exchanges: Sequence[Exchange]) -> tuple[Row, ...]:
    rows = []
    for exchange in exchanges:
        path, shown = unquote(urlsplit(exchange.url).path), Step(exchange, 0.0).path
        last = path.rpartition("/")[2]
        kind = tag_kind(last)
        if "/referrers/" in path:
            what = "the list of the registry"
        elif kind == "referrers":
            what = "the tag that lists referrers, where a registry has no list"
        elif kind != "tag":
            what = f"cosign's tag: {'SBOM' if kind == 'sbom' else kind}"
        else:
            continue
        answer = {200: "here it is", 404: "there is none"}.get(exchange.status or 0, "")
        known = "known already" if exchange.from_cache else answer
        status: Spans = (Code(str(exchange.status or "no answer")), f" {known}")
        rows.append(Row(((what,), (Code(f"{exchange.method} …/{unquote(shown.rpartition('/')[2])}"),), status)))
    return tuple(rows)


def _of_one(found: tuple[Referrer, ...] | OcinbError, title: str, call: str) -> list[Part]:
    if isinstance(found, OcinbError):
        return [Prose((Strong(title),)), could_not(found, "")]
    count = Figures((Figure("found", (f"{len(found):,}",), f"len({call})", len(found)),))
    if not found:
        return [Prose((Strong(title),)), count]
    rows = tuple(_row(referrer) for referrer in found)
    heads = ("what it is", "its type", "found by", "digest", "#size")
    value = [[_of(referrer, name) for name in _COLUMNS] for referrer in found]
    return [Prose((Strong(title),)), count, Table("Each of them", heads, rows, f"{call}{columns(*_COLUMNS)}", value)]


def _row(referrer: Referrer) -> Row:
    descriptor = referrer.descriptor
    said: Span = Code(descriptor.artifact_type) if descriptor.artifact_type else "it does not say"
    return Row(
        (
            (kind_of(descriptor),),
            (said,),
            (_WAYS[referrer.found_via],),
            (Hash(descriptor.digest),),
            (Size(descriptor.size),),
        )
    )


def _of(referrer: Referrer, name: str) -> object:
    descriptor = referrer.descriptor
    return {
        "artifact_type": descriptor.artifact_type,
        "found_via": referrer.found_via,
        "subject": str(referrer.subject),
        "digest": descriptor.digest,
        "manifest_bytes": descriptor.size,
    }[name]
