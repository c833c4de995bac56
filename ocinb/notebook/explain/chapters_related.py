"""The referrers: what speaks of the image from outside of it, and how each was found."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import unquote, urlsplit

from ocinb._text import counted
from ocinb.errors import OcinbError
from ocinb.network.exchange import Exchange
from ocinb.notebook.explain.chapters_access import could_not
from ocinb.notebook.explain.collect import ImageFacts, find_way_in
from ocinb.notebook.explain.story import (
    COSIGN_SPEC,
    DIGESTS_SPEC,
    REFERRERS_SPEC,
    REFERRERS_TAG_SPEC,
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
    columns,
    duration,
)
from ocinb.notebook.trace.window import Step
from ocinb.sources.base import Referrer
from ocinb.spec.documents import Descriptor
from ocinb.spec.tag_schema import tag_kind

_COLUMNS = ("artifact_type", "found_via", "subject", "digest", "manifest_bytes")
_REFERRERS = (
    "Signatures, SBOMs and attestations are no part of an image: they are manifests of their own, which name the "
    "image as their subject. So the image stays as it is, byte by byte, whatever is said about it later; and a reader "
    "has to look for them."
)
_LOCAL_REFERRERS = (
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


def referrers_chapter(story: ImageFacts) -> Chapter:
    """Tell of what refers to the image."""
    parts: list[Part] = [Prose((_REFERRERS + (_LOCAL_REFERRERS if story.asked.is_local else ""),))]
    parts += _asked(story)
    whole = story.resolved.is_index
    of_what = "the index, and to the images in it as far as it says so itself" if whole else "the manifest"
    parts += _of_one(story.referrers, f"What refers to {of_what}", "ocinb.referrers(ref)")
    if story.own_referrers is not None and story.chosen is not None:
        title = "What refers to the image of this platform alone"
        parts += _of_one(story.own_referrers, title, "ocinb.referrers(image)")
    links = (REFERRERS_SPEC, REFERRERS_TAG_SPEC, COSIGN_SPEC)
    return Chapter("The referrers", _referrers_summary(story), tuple(parts), links)


def kind_of(descriptor: Descriptor) -> str:
    """Say what a referrer is in a word that people use, if it shows that."""
    text = (descriptor.artifact_type or "").lower()
    shown = "attestation" if descriptor.kind == "attestation" else "other"
    return next((kind for parts, kind in _KINDS if any(part in text for part in parts)), shown)


def _referrers_summary(story: ImageFacts) -> Spans:
    lists = [found for found in (story.referrers, story.own_referrers) if isinstance(found, tuple)]
    found = {referrer.descriptor.digest: referrer for one in lists for referrer in one}
    if not found:
        failed = isinstance(story.referrers, OcinbError)
        return ("they could not be looked for",) if failed else ("nobody speaks of it here",)
    kinds = [kind_of(referrer.descriptor) for referrer in found.values()]
    told = [counted(kinds.count(kind), kind, _PLURALS.get(kind)) for kind in dict.fromkeys(kinds)]
    return (", ".join(told),)


def _asked(story: ImageFacts) -> list[Part]:
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
    rows = tuple(_referrer_row(referrer) for referrer in found)
    heads = ("what it is", "its type", "found by", "digest", "#size")
    value = [[_of(referrer, name) for name in _COLUMNS] for referrer in found]
    return [Prose((Strong(title),)), count, Table("Each of them", heads, rows, f"{call}{columns(*_COLUMNS)}", value)]


def _referrer_row(referrer: Referrer) -> Row:
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


_TITLE = "What is kept"
_CACHES = (
    "This story kept nothing, and used nothing that was known: that is why the whole way could be seen. Any other "
    "function of ocinb keeps what it reads. What has a digest can never change, so it is asked for once; what has a "
    "name can, so it is believed for a while and then asked for again."
)
_LOCAL_FILE = (
    "What stands on this machine is read and hashed anew each time, and none of its documents are kept a second time. "
    "In a registry, what is asked by digest is kept until it is pruned, and what is asked by name for a while."
)


def cache_chapter(story: ImageFacts) -> Chapter:
    """Tell of what would be kept."""
    if story.asked.is_local:
        return Chapter(_TITLE, ("nothing: it is on this machine",), (Prose((_LOCAL_FILE,)),), (DIGESTS_SPEC,))
    heads = ("what", "asked by", "kept where", "for how long")
    parts: list[Part] = [
        Prose((_CACHES,)),
        *_figures(story),
        Table("What the next request costs", heads, tuple(_rows(story))),
        Prose(("How much room all of that takes on this machine, ", Code("ocinb.store.usage()"), " says.")),
    ]
    life = duration(story.asked.tag_ttl)
    gist = (f"by digest until it is pruned; what the tag means, for {life}",)
    if story.asked.reference.digest:
        gist = ("everything by digest, until it is pruned",)
    return Chapter(_TITLE, gist, tuple(parts), (DIGESTS_SPEC,))


def _figures(story: ImageFacts) -> list[Part]:
    ttl = story.asked.tag_ttl
    believed = Figure("a name counts for", (f"{ttl:,} seconds",), "ocinb.settings.tag_ttl", ttl)
    texts = {story.resolved.document.digest: (len(story.resolved.document.raw), "ocinb.document(ref)")}
    call = story.document_lines.call("document")
    if story.document is not None:
        texts[story.document.digest] = (len(story.document.raw), call)
    config = story.read.config_document if story.read and story.read.manifest.config else None
    if config is not None:
        texts[config.digest] = (len(config.raw), f"{call}.config")
    if story.read is None:
        return [Figures((believed,))]
    total = sum(size for size, _ in texts.values())
    lines = ("documents = [", *(f"    {line}," for _, line in texts.values()), "]")
    line = "sum(len(one.raw) for one in documents)"
    return [Setup(lines), Figures((believed, Figure("all documents", (Size(total),), line, total)))]


def _rows(story: ImageFacts) -> list[Row]:
    reference, way = story.asked.reference, find_way_in(story.exchanges)
    life = duration(story.asked.tag_ttl)
    rows = []
    if reference.digest is None:
        etag = way.let_in is not None and "etag" in way.let_in.exchange.response_headers
        then = (
            ", then one request with its ETag, answered by 304 if it is still right"
            if etag
            else ", then it is asked again"
        )
        rows.append(
            _cache_row(("what ", Code(reference.tag or ""), " points at"), "name", "the cache", f"{life}{then}")
        )
    if way.token is not None:
        rows.append(_cache_row(("the token",), "scope", "memory, never on the disk", "its life, less a few seconds"))
    rows.append(
        _cache_row(
            ("index, manifest and config",), "digest", "the store", "until it is pruned; hashed again when it is read"
        )
    )
    rows.append(
        _cache_row(
            ("a layer, once it was pulled or read",),
            "digest",
            "the store",
            "until it is pruned; once for all images that have it",
        )
    )
    rows.append(_cache_row(("the list of referrers, and which of cosign's tags there are",), "name", "the cache", life))
    if any(one.request_headers.get("authorization", "").startswith("Basic") for one in story.exchanges):
        rows.append(
            _cache_row(("the password",), "registry", "memory, never on the disk", "as long as this process lives")
        )
    return rows


def _cache_row(what: Spans, by: str, where: str, life: str) -> Row:
    return Row((what, (by,), (where,), (life,)))
