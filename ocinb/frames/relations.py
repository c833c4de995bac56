"""How images compare: what each has alone, and what it shares with others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ocinb._arguments import suggesting
from ocinb.errors import InvalidError
from ocinb.frames import schemas
from ocinb.frames.batch import Errors, Failure, Names, Row, collect, list_names, run_batch, with_failures
from ocinb.frames.document_rows import image_fields
from ocinb.frames.resolve import Platforms, resolve_reference, wanted_platforms
from ocinb.sources.base import Referrer
from ocinb.sources.images import Image
from ocinb.sources.referrers import find_referrers
from ocinb.sources.session import Session, default_session
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
        return [_stack(name, image) for image in resolve_reference(name, session).images(wanted)]

    results = run_batch(list_names(references), stacks, errors=errors, session=session)
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


@suggesting
def referrers(reference: Names, *, artifact_type: str | None = None, errors: Errors = "raise") -> pd.DataFrame:
    """List what refers to an image: signatures, SBOMs, attestations, with how each was found.

    Parameters
    ----------
    reference
        The name of an image, or several. Of an index it is the index that is asked about; what was attached to the
        image of one platform is found by that image's own digest (``manifests`` has it).
    artifact_type
        The one type that is wanted, such as ``"application/spdx+json"``. What does not say its type is left out then.
    errors
        ``"raise"``, or ``"skip"`` to leave out what fails (then told in ``frame.attrs["failures"]``).

    Returns
    -------
    DataFrame
        One row per referrer: reference, subject (the digest that it refers to), digest, media_type, artifact_type,
        manifest_bytes (bytes), annotations (a dict), found_via. In this order it was found by the registry's list
        (api), or without one by the tag that lists referrers (tag); in the index itself, as BuildKit attests each of
        its images (index; the subject is that image); or under cosign's tags ``.sig``, ``.att``, ``.sbom`` (cosign).
        Who is found in several ways has one row, of the first of them. What calls itself an image has the type of its
        blobs as `artifact_type`, if that is one.

    Raises
    ------
    NotFoundError
        If nothing has that name.
    InvalidError
        If there are more referrers than ``settings.max_index_children``, or a list of them is none.

    Notes
    -----
    Beside the requests for the document that the name points at, it costs one for the list (and one to learn that a
    registry has none, once in a session), three HEADs for cosign's tags, and one for each manifest under those, that is
    listed by a tag without its type, or that is an artifact in the index. Within ``settings.tag_ttl`` nothing is asked
    again, also not whether a tag is still missing. A row is what the list says; whether it is true shows when the
    referrer is read: its blobs are `layers` of ``repository@digest``, and `document` gives each of them.

    Sources: OCI distribution-spec v1.1, "Listing Referrers", "Referrers Tag Schema"; BuildKit's
    attestation-storage.md; cosign's SIGNATURE_SPEC.md.

    Examples
    --------
    >>> import ocinb
    >>> with ocinb.samples.registry() as registry:
    ...     shop = registry.reference("demo/shop")
    ...     frame = ocinb.referrers(f"{shop}:2.0")
    ...     sbom = frame.loc[frame["artifact_type"] == "application/spdx+json", "digest"].item()
    ...     blob = ocinb.layers(f"{shop}@{sbom}")["digest"].item()
    ...     packages = ocinb.document(f"{shop}@{blob}").json["packages"]
    >>> frame["found_via"].tolist()
    ['api', 'api', 'index', 'index', 'cosign']
    >>> [package["name"] for package in packages]
    ['bash', 'python3.11', 'flask']
    """
    if not isinstance(artifact_type, str | None) or artifact_type == "":
        raise InvalidError(f"artifact_type takes a type such as 'application/spdx+json', not {artifact_type!r}")
    return collect(
        reference,
        lambda name, session: _referrer_rows(name, session, artifact_type),
        schemas.REFERRERS,
        errors=errors,
    )


def _referrer_rows(name: str, session: Session, artifact_type: str | None) -> Sequence[Row]:
    opened = resolve_reference(name, session)
    found = find_referrers(opened.source, opened.resolved, artifact_type, session.settings)
    return [{"reference": name, **_referrer_row(referrer)} for referrer in found]


def _referrer_row(referrer: Referrer) -> Row:
    descriptor = referrer.descriptor
    return {
        "subject": referrer.subject,
        "digest": descriptor.digest,
        "media_type": descriptor.media_type,
        "artifact_type": descriptor.artifact_type,
        "manifest_bytes": descriptor.size,
        "annotations": descriptor.annotations,
        "found_via": referrer.found_via,
    }
