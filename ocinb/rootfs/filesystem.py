"""The file system of an image: what is left when its layers are applied, and what became of every entry of them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ocinb.archive.entries import Columns
from ocinb.rootfs.overlay import Applying
from ocinb.rootfs.overlay_state import CHANGES, REASONS, Ledger

Entry = tuple[int, int]


@dataclass(slots=True)
class Overlay:
    """What became of the entries of all layers, and what the final file system is made of.

    Attributes
    ----------
    visible
        For each layer, for each entry: whether the final file system shows this very entry.
    change
        The same: added, modified or deleted.
    hidden_in
        The layer that hid it; of a regular file, the one that hid the last name of its content. None if it is not
        hidden, and for what never stood in the file system: markers, leftovers, what leads out of the root.
    reason
        Why it is hidden: overwritten, replaced, deleted, opaque.
    paths
        Of the final file system, sorted.
    owners
        For each path the layer and the place in its columns of the entry that is seen there.
    contents
        The same of the entry that it has its type, content and owner from: another one if it is a hard link.
    """

    visible: list[list[bool]]
    change: list[list[str]]
    hidden_in: list[list[int | None]]
    reason: list[list[str | None]]
    paths: list[str]
    owners: list[Entry]
    contents: list[Entry]


def overlay(layers: Sequence[Columns]) -> Overlay:
    """Apply the layers of an image, from its base up.

    Notes
    -----
    Markers apply to the layers below alone, and before anything of their own layer, opaque ones first, wherever they
    stand. The path of one is followed in the layers below, but not through a symbolic link that its layer replaces.

    A directory on a directory keeps what is in it; anything else replaces what is there. Symbolic links on the way to
    an entry are followed inside the root. A hard link is one more name of what its target is at that moment, or of what
    the markers of its layer took away there; one that leads nowhere is never seen.

    Examples
    --------
    >>> from ocinb.archive.entries import Columns
    >>> overlay([Columns()]).paths
    []
    """
    applying = Applying()
    for columns in layers:
        applying.apply(columns)
    return _result(applying, layers)


def _result(applying: Applying, layers: Sequence[Columns]) -> Overlay:
    ledger, starts = applying.ledger, applying.starts
    spans = [slice(*span) for span in pairwise(starts)]
    final = _final(applying, layers)
    paths = sorted(final)
    owners = [final[path] for path in paths]
    return Overlay(
        visible=[list(map(bool, ledger.visible[span])) for span in spans],
        change=[[CHANGES[change] for change in ledger.change[span]] for span in spans],
        hidden_in=[ledger.hidden_in[span] for span in spans],
        reason=[[REASONS[reason] for reason in ledger.reason[span]] for span in spans],
        paths=paths,
        owners=owners,
        contents=[_content(ledger, starts, owner) for owner in owners] if ledger.contents else owners,
    )


def _final(applying: Applying, layers: Sequence[Columns]) -> dict[str, Entry]:
    """Give the paths of the final file system, and what is seen there."""
    visible, moved = applying.ledger.visible, applying.moved
    found: dict[str, Entry] = {}
    for layer, (start, columns) in enumerate(zip(applying.starts, layers, strict=False)):
        for place, path in enumerate(columns.path):
            if visible[start + place]:
                found[moved.get(start + place, path)] = (layer, place)
    return found


def _content(ledger: Ledger, starts: Sequence[int], owner: Entry) -> Entry:
    layer, place = owner
    content = ledger.contents.get(starts[layer] + place)
    if content is None:
        return owner
    layer = bisect_right(starts, content) - 1
    return layer, content - starts[layer]
