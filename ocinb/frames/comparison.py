"""How images compare: what each has alone, and what it shares with others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ocinb._arguments import suggesting
from ocinb.frames import schemas
from ocinb.frames.collecting import Errors, Failure, Names, Row, attempt_all, list_names, with_failures
from ocinb.frames.opening import Platforms, open_name, wanted_platforms
from ocinb.frames.rows import image_fields
from ocinb.sources.images import Image
from ocinb.sources.session import default_session
from ocinb.spec import mediatypes

if TYPE_CHECKING:
    import pandas as pd

_LARGEST = 2**63 - 1


@suggesting
def shared(references: Names, *, platform: Platforms = None, errors: Errors = "raise") -> pd.DataFrame:
    """Say of each image how much of it no other image of the list has, and how much it shares with some of them.

    Documents alone are read, no layer.

    Parameters
    ----------
    references
        The names of images.
    platform
        As for `layers`. With ``"all"`` the platforms of one name are images of their own, and compared as well.
    errors
        ``"raise"``, or ``"skip"`` to leave out what fails (then told in ``frame.attrs["failures"]``); what is left out
        shares nothing.

    Returns
    -------
    DataFrame
        One row per image: reference, platform, manifest_digest, compressed_bytes (bytes), unique_bytes (bytes),
        shared_bytes (bytes), layers, shared_layers.

    Raises
    ------
    NotFoundError
        If nothing has that name, or it has no such platform.
    InvalidError
        If what the name points at is no manifest, or one that contradicts itself.

    Notes
    -----
    A layer is shared if another manifest digest of the list has it, in whatever registry: the blob is the same, by its
    digest. Names of one manifest are one image, with a row for each of them, and share nothing with each other.

    compressed_bytes adds up all layers, as `efficiency` does; layers and shared_layers count them. unique_bytes and
    shared_bytes are what is stored: a layer that stands twice in an image counts twice in the first three, and once in
    these two. They add up to compressed_bytes where none does.

    Bytes are NA where a size is unknown that they would contain, as in Docker's schema 1. Blobs of an artifact are its
    layers. Of a manifest of an unknown type all figures are NA.

    Examples
    --------
    >>> import ocinb
    >>> with ocinb.samples.registry() as registry:
    ...     tags = [registry.reference(f"demo/shop:{tag}") for tag in ("1.0", "2.0")]
    ...     frame = ocinb.shared(tags, platform="amd64")
    >>> frame[["layers", "shared_layers"]].values.tolist()
    [[7, 2], [7, 2]]
    >>> bool((frame["unique_bytes"] + frame["shared_bytes"] == frame["compressed_bytes"]).all())
    True
    """
    wanted, session = wanted_platforms(platform), default_session()

    def stacks(name: str) -> list[_Stack]:
        return [_stack(name, image) for image in open_name(name, session).images(wanted)]

    results = attempt_all(list_names(references), stacks, errors=errors, session=session)
    found = [stack for result in results if not isinstance(result, Failure) for stack in result]
    failures = [result for result in results if isinstance(result, Failure)]
    return with_failures(schemas.SHARED.frame(_rows(found)), failures)


@dataclass(frozen=True, slots=True)
class _Stack:
    """An image for the comparison: the columns that name it, its digest, and its layers with their sizes, if known."""

    named: Row
    digest: str
    layers: tuple[tuple[str, int | None], ...] | None

    @property
    def blobs(self) -> dict[str, int | None]:
        """The layers, each once."""
        return dict(self.layers or ())


def _stack(name: str, image: Image) -> _Stack:
    known = image.manifest.media_type in mediatypes.ALL_MANIFESTS
    layers = tuple((layer.digest, layer.known_size) for layer in image.manifest.layers)
    return _Stack(image_fields(name, image), image.document.digest, layers if known else None)


def _rows(stacks: Sequence[_Stack]) -> Iterator[Row]:
    distinct = {stack.digest: stack for stack in stacks}
    images = Counter(digest for stack in distinct.values() for digest in stack.blobs)
    for stack in stacks:
        if stack.layers is None:
            yield stack.named
            continue
        yield {
            **stack.named,
            "compressed_bytes": _sum(size for _, size in stack.layers),
            "unique_bytes": _sum(size for digest, size in stack.blobs.items() if images[digest] == 1),
            "shared_bytes": _sum(size for digest, size in stack.blobs.items() if images[digest] > 1),
            "layers": len(stack.layers),
            "shared_layers": sum(images[digest] > 1 for digest, _ in stack.layers),
        }


def _sum(sizes: Iterable[int | None]) -> int | None:
    """Add sizes; with one that is unknown the sum is, and with lies that come to more than 64 bits."""
    total = 0
    for size in sizes:
        if size is None:
            return None
        total += size
    return total if total <= _LARGEST else None
