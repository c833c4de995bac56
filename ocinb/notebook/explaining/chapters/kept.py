"""What is kept: what of all this would be known the next time, for how long, and under which name."""

from __future__ import annotations

from ocinb.notebook.explaining import clauses
from ocinb.notebook.explaining.gathering import Gathered
from ocinb.notebook.explaining.way import find_way_in
from ocinb.notebook.explaining.words import (
    Chapter,
    Code,
    Figure,
    Figures,
    Part,
    Prose,
    Row,
    Setup,
    Size,
    Spans,
    Table,
    duration,
)

_TITLE = "What is kept"
_TOLD = (
    "This story kept nothing, and used nothing that was known: that is why the whole way could be seen. Any other "
    "function of ocinb keeps what it reads. What has a digest can never change, so it is asked for once; what has a "
    "name can, so it is believed for a while and then asked for again."
)
_LOCAL = (
    "What stands on this machine is read and hashed anew each time, and none of its documents are kept a second time. "
    "In a registry, what is asked by digest is kept until it is pruned, and what is asked by name for a while."
)


def tell(story: Gathered) -> Chapter:
    """Tell of what would be kept."""
    if story.asked.is_local:
        return Chapter(_TITLE, ("nothing: it is on this machine",), (Prose((_LOCAL,)),), (clauses.DIGESTS,))
    heads = ("what", "asked by", "kept where", "for how long")
    parts: list[Part] = [
        Prose((_TOLD,)),
        *_figures(story),
        Table("What the next request costs", heads, tuple(_rows(story))),
        Prose(("How much room all of that takes on this machine, ", Code("ocinb.store.usage()"), " says.")),
    ]
    life = duration(story.asked.tag_ttl)
    gist = (f"by digest until it is pruned; what the tag means, for {life}",)
    if story.asked.reference.digest:
        gist = ("everything by digest, until it is pruned",)
    return Chapter(_TITLE, gist, tuple(parts), (clauses.DIGESTS,))


def _figures(story: Gathered) -> list[Part]:
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


def _rows(story: Gathered) -> list[Row]:
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
        rows.append(_row(("what ", Code(reference.tag or ""), " points at"), "name", "the cache", f"{life}{then}"))
    if way.token is not None:
        rows.append(_row(("the token",), "scope", "memory, never on the disk", "its life, less a few seconds"))
    rows.append(
        _row(("index, manifest and config",), "digest", "the store", "until it is pruned; hashed again when it is read")
    )
    rows.append(
        _row(
            ("a layer, once it was pulled or read",),
            "digest",
            "the store",
            "until it is pruned; once for all images that have it",
        )
    )
    rows.append(_row(("the list of referrers, and which of cosign's tags there are",), "name", "the cache", life))
    if any(one.request_headers.get("authorization", "").startswith("Basic") for one in story.exchanges):
        rows.append(_row(("the password",), "registry", "memory, never on the disk", "as long as this process lives"))
    return rows


def _row(what: Spans, by: str, where: str, life: str) -> Row:
    return Row((what, (by,), (where,), (life,)))
