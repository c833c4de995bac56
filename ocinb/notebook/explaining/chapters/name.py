"""The name: what was typed, what it means in full, and who is asked for it."""

from __future__ import annotations

from urllib.parse import urlsplit

from ocinb.notebook.explaining import clauses
from ocinb.notebook.explaining.gathering import Gathered
from ocinb.notebook.explaining.lines import WIRE
from ocinb.notebook.explaining.way import find_way_in
from ocinb.notebook.explaining.words import Chapter, Code, Figure, Figures, Hash, Part, Prose, Setup, Spans
from ocinb.spec.reference import HUB, Reference


def tell(story: Gathered) -> Chapter:
    """Tell of the name."""
    reference = story.asked.reference
    if story.asked.is_local:
        return _of_file(story)
    way = find_way_in(story.exchanges)
    parts: list[Part] = [Prose(_rules(story.asked.name, reference)), Figures(_of_registry(reference))]
    gist: Spans = (Code(reference.canonical),)
    if way.first is not None:
        url = way.first.exchange.url
        asked = Figure(f"first {way.first.exchange.method}", (Code(url),), way.first.line('"url"]'), url)
        parts += [Prose(_endpoint(url, reference)), Setup(WIRE), Figures((asked,))]
        gist = (*gist, " at ", Code(f"{urlsplit(url).scheme}://{urlsplit(url).netloc}"))
    return Chapter("The name", gist, tuple(parts), (clauses.PULL, clauses.ENDPOINTS))


def _rules(typed: str, reference: Reference) -> Spans:
    """Say which rules made the full name of what was typed."""
    said: list[str] = []
    if reference.registry == HUB:
        said.append("No host stands before the first slash, so it is a name of Docker Hub.")
        if (reference.repository or "").startswith("library/") and "library/" not in typed:
            said.append("With one part alone it is one of the official images, which are kept under library/.")
    else:
        said.append("What stands before the first slash has a dot or a port, or is localhost: it is the registry.")
    if reference.digest and reference.tag:
        said.append("It has a tag and a digest: the digest says what is meant, and the tag is for people only.")
    elif reference.digest:
        said.append("It has a digest, so it can only ever mean these very bytes.")
    elif typed.endswith(f":{reference.tag}"):
        said.append("What stands behind the last colon is the tag, which may point at something else tomorrow.")
    else:
        said.append("It has no tag, so latest is meant, which is a tag like any other and promises nothing.")
    return (" ".join(said),)


def _of_registry(reference: Reference) -> tuple[Figure, ...]:
    parts = [
        ("registry", reference.registry),
        ("repository", reference.repository),
        ("tag", reference.tag),
        ("canonical name", reference.canonical),
        ("as docker prints it", reference.familiar),
    ]
    attributes = ["registry", "repository", "tag", "canonical", "familiar"]
    figures = [
        Figure(name, (Code(value),), f"ocinb.Reference(ref).{attribute}", value)
        for (name, value), attribute in zip(parts, attributes, strict=True)
        if value
    ]
    if reference.digest:
        figures.append(Figure("digest", (Hash(reference.digest),), "ocinb.Reference(ref).digest", reference.digest))
    return tuple(figures)


def _endpoint(url: str, reference: Reference) -> Spans:
    where = urlsplit(url)
    because = (
        "TLS proves who answers."
        if where.scheme == "https"
        else "Without TLS, which is allowed for a registry on this machine, or one that the settings name."
    )
    moved = () if where.netloc == reference.registry else (" Its registry answers at ", Code(where.netloc), ".")
    path = "All of its addresses begin with /v2/, then comes the repository, then manifests or blobs, then the tag or "
    return (path, "the digest. ", because, *moved)


def _of_file(story: Gathered) -> Chapter:
    reference = story.asked.reference
    where = "A transport stands before the first colon: this is a file or a folder on this machine, and no registry."
    values = [("transport", reference.transport), ("path", reference.path), ("name in it", reference.name)]
    attributes = ("transport", "path", "name")
    figures = [
        Figure(name, (Code(value),), f"ocinb.Reference(ref).{attribute}", value)
        for (name, value), attribute in zip(values, attributes, strict=True)
        if value
    ]
    if reference.digest:
        figures.append(Figure("digest", (Hash(reference.digest),), "ocinb.Reference(ref).digest", reference.digest))
    gist = (Code(story.asked.name), " is on this machine")
    written = () if reference.transport == "docker-archive" else (clauses.LAYOUT,)
    return Chapter("The name", gist, (Prose((where,)), Figures(tuple(figures))), written)
