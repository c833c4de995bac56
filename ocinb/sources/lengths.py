"""Lengths: how long a blob is, where no document says it, or none is believed."""

from __future__ import annotations

from ocinb.errors import TransportError
from ocinb.sources.base import Source
from ocinb.spec.digest import Digest
from ocinb.spec.documents import UNKNOWN_SIZE, Descriptor
from ocinb.spec.mediatypes import OCI_LAYER


def ask_length(source: Source, digest: Digest) -> int:
    """Ask for one byte of a blob, to hear how many there are.

    Parameters
    ----------
    source
        Where it is.
    digest
        Which one.

    Raises
    ------
    TransportError
        If the registry does not say it.
    """
    with source.open_blob(Descriptor(OCI_LAYER, digest, UNKNOWN_SIZE), 0, 1) as blob:
        if blob.size is None:
            raise TransportError(f"nobody says how large the layer {digest} is")
        return blob.size
