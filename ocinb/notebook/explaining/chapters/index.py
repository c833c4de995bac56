"""The index: what the name points at, and why one of the manifests in it was taken and all others were not."""

from __future__ import annotations

from ocinb._text import counted
from ocinb.frames.document_rows import child_row
from ocinb.notebook.explaining import clauses
from ocinb.notebook.explaining.choosing import Verdict
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
    Size,
    Spans,
    Strong,
    Table,
)

_COLUMNS = ("position", "kind", "platform", "digest", "manifest_bytes")
_LONE = (
    "The name points at a manifest itself, which is that of one image for one platform. Many images have an index "
    "before it, a list of manifests with the platform of each; here there was nothing to choose."
)
_NONE_KEPT = (
    "A docker-archive keeps neither an index nor a manifest: it names one image for one platform by its config and its "
    "layers, so there was nothing to choose."
)
_RULE = "Operating system and architecture have to be the same; of the variants the same, else the nearest lower one."
_LIST = (
    "The name points at an index: a list of manifests, with a platform for each. Its digest is the name of all of them "
    "together, and each entry names its manifest by digest, so nobody can exchange one unseen."
)


def tell(story: Gathered) -> Chapter:
    """Tell of the index, and of the choice."""
    if not story.resolved.is_index:
        is_kept = story.asked.reference.transport != "docker-archive"
        gist = ("there is none: the name leads to one manifest" if is_kept else "there is none in a docker-archive",)
        return Chapter(
            "The index, and the choice", gist, (Prose((_LONE if is_kept else _NONE_KEPT,)),), (clauses.INDEX,)
        )
    parts: list[Part] = [Prose((_LIST,)), Figures(_figures(story)), Prose(_wanted(story)), _table(story)]
    return Chapter("The index, and the choice", _gist(story), tuple(parts), (clauses.INDEX, clauses.DIGESTS))


def _gist(story: Gathered) -> Spans:
    manifests = counted(len(story.verdicts), "manifest")
    if story.chosen is None:
        return (f"{manifests}, and none of them is an image",)
    platform = story.chosen.descriptor.platform
    taken = Code(str(platform)) if platform else "the only image"
    return (f"{manifests}, of which one is taken: ", taken)


def _wanted(story: Gathered) -> Spans:
    asked = story.asked
    wanted = asked.platform or asked.default_platform
    why = "which is what the settings say" if asked.platform is None else "which is what was asked for"
    return ("Wanted is ", Code(wanted), f", {why}. {_RULE}")


def _figures(story: Gathered) -> tuple[Figure, ...]:
    document, asked = story.resolved.document, story.asked
    default = (Code(asked.default_platform), "" if asked.platform is None else ", but another one was asked for")
    algorithm = document.digest.algorithm
    return (
        Figure("media type", (Code(document.media_type),), "ocinb.document(ref).media_type", document.media_type),
        Figure("size", (Size(len(document.raw)),), "len(ocinb.document(ref).raw)", len(document.raw)),
        Figure("digest", (Hash(document.digest),), "ocinb.document(ref).digest", document.digest),
        Figure(
            f"{algorithm} of its bytes",
            (Hash(document.digest.hex),),
            f"hashlib.{algorithm}(ocinb.document(ref).raw).hexdigest()",
            document.digest.hex,
        ),
        Figure("manifests in it", (f"{len(story.verdicts):,}",), "len(ocinb.manifests(ref))", len(story.verdicts)),
        Figure("usual platform", default, "ocinb.settings.platform", asked.default_platform),
    )


def _table(story: Gathered) -> Table:
    told = [child_row(verdict.child) for verdict in story.verdicts]
    value = [[row.get(name) for name in _COLUMNS] for row in told]
    heads = ("#position", "what it is", "platform", "digest", "#size", "taken?")
    rows = tuple(
        _row(verdict, row["kind"], row.get("platform")) for verdict, row in zip(story.verdicts, told, strict=True)
    )
    return Table(
        "Every manifest, and why it was taken or not", heads, rows, f"ocinb.manifests(ref){columns(*_COLUMNS)}", value
    )


def _row(verdict: Verdict, kind: str, platform: str | None) -> Row:
    child = verdict.child
    cells = (
        (str(child.position),),
        (kind,),
        (Code(platform),) if platform else ("—",),
        (Hash(child.descriptor.digest),),
        (Size(child.descriptor.size),),
        (Strong("taken"), f": {verdict.reason}") if verdict.is_taken else (verdict.reason,),
    )
    return Row(cells, "taken" if verdict.is_taken else "aside" if kind != "image" else "")
