"""What speaks of an image: signatures, SBOMs and attestations, wherever a registry or a tool keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ocinb._arguments import suggesting
from ocinb.errors import InvalidError
from ocinb.frames import schemas
from ocinb.frames.collecting import Errors, Names, Row, collect
from ocinb.frames.opening import open_name
from ocinb.sources.base import Referrer
from ocinb.sources.referrers import find_referrers
from ocinb.sources.session import Session

if TYPE_CHECKING:
    import pandas as pd


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
    opened = open_name(name, session)
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
