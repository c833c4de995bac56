"""Identity of layers: chain IDs, and which step of the history made which layer.

Source: OCI image-spec config.md, "Layer ChainID" and "history".
"""

from __future__ import annotations

from collections.abc import Sequence

from ocinb.spec.digest import Digest
from ocinb.spec.image_config import HistoryEntry


def chain_ids(diff_ids: Sequence[Digest]) -> list[Digest]:
    """Compute the chain ID of each layer: what stands there when it has been applied to all those below.

    It is a sha256 whatever the diff_ids are, as in the image-spec's own identity package.

    Examples
    --------
    >>> base, top = Digest.of(b"base"), Digest.of(b"top")
    >>> chain_ids([base, top]) == [base, Digest.of(f"{base} {top}".encode())]
    True
    """
    chain: list[Digest] = []
    for diff_id in diff_ids:
        chain.append(Digest.of(f"{chain[-1]} {diff_id}".encode()) if chain else diff_id)
    return chain


def align_history(history: Sequence[HistoryEntry], layers: int) -> list[int | None]:
    """Say for each entry of a history which layer it made, counted from 0 at the base.

    Entries with ``empty_layer`` made none. If the others are not as many as the layers, nothing is mapped: a guess
    would blame the wrong command.
    """
    made = [not entry.empty_layer for entry in history]
    if sum(made) != layers:
        return [None] * len(history)
    numbers = iter(range(layers))
    return [next(numbers) if one else None for one in made]


def layer_steps(history: Sequence[HistoryEntry], layers: int) -> list[HistoryEntry | None]:
    """Give for each layer the entry of the history that made it; None where nothing can be said."""
    steps: list[HistoryEntry | None] = [None] * layers
    for entry, layer in zip(history, align_history(history, layers), strict=True):
        if layer is not None:
            steps[layer] = entry
    return steps
