"""What a registry has: its repositories, and their tags."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from ocinb._pool import run_all
from ocinb.errors import InvalidError, NotFoundError
from ocinb.frames import schemas
from ocinb.frames.collecting import Errors, Names, Row, collect
from ocinb.sources.base import Source
from ocinb.sources.registry import list_repositories
from ocinb.sources.session import Session, open_source
from ocinb.spec.reference import Reference, parse_registry

if TYPE_CHECKING:
    import pandas as pd

# Tags that tools make, by their form: cosign's, and the fallback of the distribution-spec for referrers.
_MADE_BY_TOOLS = re.compile(r"sha(?:256|384|512)-[0-9a-f]{64,128}(?:\.(?P<suffix>sig|att|sbom))?")
_KINDS = {"sig": "signature", "att": "attestation", "sbom": "sbom", None: "referrers"}


def repositories(registry: Names, *, errors: Errors = "raise") -> pd.DataFrame:
    """List the repositories of a registry, as far as it tells them.

    Parameters
    ----------
    registry
        The host, with its port if it has one: ``"registry.example:5000"``; or several.
    errors
        ``"raise"``, or ``"skip"`` to leave out what fails (then told in ``frame.attrs["failures"]``).

    Returns
    -------
    DataFrame
        One row per repository: registry, repository, reference (registry/repository, without a tag).

    Raises
    ------
    NotFoundError
        If the registry has no catalogue.
    AuthError
        If it shows its catalogue to nobody, as Docker Hub does.

    Notes
    -----
    Source: distribution-spec, the ``_catalog`` endpoint that it keeps for registries of old.

    Examples
    --------
    >>> import ocinb
    >>> with ocinb.samples.registry() as registry:
    ...     ocinb.repositories(registry.host)["repository"].tolist()
    ['demo/base', 'demo/chart', 'demo/hello', 'demo/nested', 'demo/shop']
    """
    return _each_once(collect(registry, _repository_rows, schemas.REPOSITORIES, errors=errors))


def tags(
    repository: Names, *, match: str | None = None, digests: bool = False, errors: Errors = "raise"
) -> pd.DataFrame:
    """List the tags of a repository.

    Parameters
    ----------
    repository
        Its name, ``"python"`` or ``"ghcr.io/org/app"``; or several. A tag in it is of no account.
    match
        A glob that the tags have to match: ``"3.*-slim"``.
    digests
        Whether to ask what each tag points at: one HEAD request for each, which Docker Hub does not count.
    errors
        ``"raise"``, or ``"skip"`` to leave out what fails (then told in ``frame.attrs["failures"]``).

    Returns
    -------
    DataFrame
        One row per tag: registry, repository, tag, reference, kind, digest. `kind` tells the tags of people (tag) from
        those that tools make: signature, attestation, sbom, referrers. `digest` is NA unless it was asked for, and
        where a tag is listed, but points at nothing.

    Raises
    ------
    NotFoundError
        If there is no such repository.

    Notes
    -----
    Source: distribution-spec, "Listing Tags"; `kind` by the forms of cosign and of the referrers tag schema.

    Examples
    --------
    >>> import ocinb
    >>> with ocinb.samples.registry() as registry:
    ...     ocinb.tags(registry.reference("demo/shop"), match="[0-9]*")["tag"].tolist()
    ['1.0', '1.1', '2.0']
    """
    if match is not None and not isinstance(match, str):
        raise InvalidError(f"match takes a glob such as '3.*-slim', not {match!r}")
    return _each_once(
        collect(
            repository,
            lambda name, session: _tag_rows(name, session, match=match, digests=digests),
            schemas.TAGS,
            errors=errors,
        )
    )


def tag_kind(tag: str) -> str:
    """Say what a tag is by its form.

    >>> tag_kind("3.12"), tag_kind("sha256-" + "0" * 64 + ".sig")
    ('tag', 'signature')
    """
    match = _MADE_BY_TOOLS.fullmatch(tag)
    return "tag" if match is None else _KINDS[match["suffix"]]


def _repository_rows(name: str, session: Session) -> Sequence[Row]:
    registry = parse_registry(name)
    return [
        {"registry": registry, "repository": repository, "reference": f"{registry}/{repository}"}
        for repository in list_repositories(session.endpoint(registry))
    ]


def _tag_rows(name: str, session: Session, *, match: str | None, digests: bool) -> Sequence[Row]:
    reference = Reference(name)
    source = open_source(reference, session=session)
    listed = [tag for tag in source.tags() if match is None or fnmatchcase(tag, match)]
    workers = session.settings.concurrency
    heads = run_all(lambda tag: _head(source, tag), listed, workers=workers) if digests else [None] * len(listed)
    return [
        {
            "registry": reference.registry,
            "repository": reference.repository,
            "tag": tag,
            "reference": f"{reference.registry}/{reference.repository}:{tag}",
            "kind": tag_kind(tag),
            "digest": digest,
        }
        for tag, digest in zip(listed, heads, strict=True)
    ]


def _head(source: Source, tag: str) -> str | None:
    try:
        return source.head(tag)
    except NotFoundError:  # deleted since it was listed; distribution also goes on listing tags of deleted manifests
        return None


def _each_once(frame: pd.DataFrame) -> pd.DataFrame:
    """Drop what two spellings of one name gave twice."""
    return frame.drop_duplicates("reference", ignore_index=True)
