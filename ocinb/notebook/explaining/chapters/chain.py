"""The chain: from the digests of the unpacked layers to the names of what stands there after each, step by step."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from ocinb._text import counted
from ocinb.notebook.explaining import clauses
from ocinb.notebook.explaining.chapters.trouble import could_not
from ocinb.notebook.explaining.gathering import Gathered
from ocinb.notebook.explaining.words import (
    Chapter,
    Figure,
    Figures,
    Hash,
    Part,
    Prose,
    Row,
    Setup,
    Spans,
    Strong,
    Table,
)
from ocinb.sources.images import Image
from ocinb.spec.digest import Digest

_TITLE = "The chain of layers"
_DIFF_IDS = (
    "A layer has two digests. The one in the manifest is that of the blob, as it is stored and sent. The one in the "
    "config, its diff_id, is that of the tar in it: the same files compressed anew have another digest, and the same "
    "diff_id."
)
_CHAIN = (
    "Neither says what lies below. The chain ID does: it names the file system that stands there when the layer has "
    "been put on all those below it. That of the first layer is its diff_id; each other is the sha256 of a line with "
    "the chain ID below, a blank, and the diff_id."
)
_SETUP = (
    'diff, chain = layers["diff_id"], layers["chain_id"]',
    'sha256 = lambda text: "sha256:" + hashlib.sha256(text.encode()).hexdigest()',
)
_SHARED = "Two images with the same chain ID share everything up to that layer; so tools know what is unpacked already."
_WITHOUT = "The config says no diff_ids, so there is nothing that a chain could be made of."


def tell(story: Gathered) -> Chapter:
    """Tell of diff_ids and chain IDs."""
    image = story.read
    if image is None or not story.runs:
        why = could_not(story.image, "Only the layers of an image have diff_ids.")
        return Chapter(_TITLE, ("there is none",), (why,), (clauses.DIFF_ID, clauses.CHAIN_ID))
    diff_ids = image.config.diff_ids if image.config else ()
    clauses_ = (clauses.DIFF_ID, clauses.CHAIN_ID)
    if len(diff_ids) != len(image.manifest.layers) or not diff_ids:
        return Chapter(_TITLE, ("there is none",), (Prose((_why_not(image),)),), clauses_)
    chain = link(diff_ids)
    lines = story.lines
    parts: list[Part] = [
        Prose((_DIFF_IDS,)),
        Setup((f"layers = {lines.call('layers')}", *_SETUP)),
        _pairs(image, diff_ids),
        Prose((_CHAIN,)),
        _links(diff_ids, chain),
        Figures((Figure("the whole image", (Hash(chain[-1]), " ", Strong("equal")), "chain.iloc[-1]", chain[-1]),)),
        Prose((_SHARED,)),
    ]
    return Chapter(_TITLE, (f"{counted(len(chain), 'link')}, up to ", Hash(chain[-1])), tuple(parts), clauses_)


def link(diff_ids: Sequence[Digest]) -> list[str]:
    """Compute the chain as a reader would, by hashlib alone.

    >>> base, top = Digest.of(b"base"), Digest.of(b"top")
    >>> link([base, top])[1] == Digest.of(f"{base} {top}".encode())
    True
    """
    chain = [str(diff_ids[0])]
    for diff_id in diff_ids[1:]:
        chain.append("sha256:" + hashlib.sha256(f"{chain[-1]} {diff_id}".encode()).hexdigest())
    return chain


def _why_not(image: Image) -> str:
    layers, known = len(image.manifest.layers), len(image.config.diff_ids) if image.config else 0
    return _WITHOUT if not known else f"There are {layers} layers and {known} diff_ids, so none of them is believed."


def _pairs(image: Image, diff_ids: Sequence[Digest]) -> Table:
    rows, value = [], []
    for number, (layer, diff_id) in enumerate(zip(image.manifest.layers, diff_ids, strict=True)):
        same = "the same: it is not compressed" if layer.digest == diff_id else ""
        rows.append(Row(((str(number),), (Hash(layer.digest),), (Hash(diff_id),), (same,))))
        value.append([number, layer.digest, diff_id])
    heads = ("#layer", "digest of the blob", "diff_id of the tar", "")
    return Table("Two digests for each layer", heads, tuple(rows), 'layers[["layer", "digest", "diff_id"]]', value)


def _links(diff_ids: Sequence[Digest], chain: Sequence[str]) -> Table:
    rows = []
    for number, (diff_id, chain_id) in enumerate(zip(diff_ids, chain, strict=True)):
        made: Spans = ("nothing: it is ", Hash(diff_id))
        line = "diff[0]"
        if number:
            made = (Hash(chain[number - 1]), " + blank + ", Hash(diff_id))
            line = f'sha256(f"{{chain[{number - 1}]}} {{diff[{number}]}}")'
        rows.append(Row(((str(number),), made, (Hash(chain_id),)), line=line, value=chain_id))
    heads = ("#layer", "what is hashed", "chain ID")
    return Table("The chain, link by link", heads, tuple(rows), "chain.tolist()", list(chain))
