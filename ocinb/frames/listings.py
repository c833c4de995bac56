"""What a registry has: its repositories, and their tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from ocinb._arguments import suggesting
from ocinb.errors import InvalidError, NotFoundError, TransportError
from ocinb.frames import schemas
from ocinb.frames.batch import Errors, Failure, Names, Row, collect, list_names, run_batch, with_failures
from ocinb.sources.base import Source
from ocinb.sources.session import Session, default_session, open_source
from ocinb.sources.tag_lists import list_repositories
from ocinb.spec.reference import FILE_TRANSPORTS, Reference, in_registry, parse_registry
from ocinb.spec.tag_schema import tag_kind

if TYPE_CHECKING:
    import pandas as pd


@suggesting
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
    ['demo/base', 'demo/chart', 'demo/hello', 'demo/lazy', 'demo/nested', 'demo/shop']
    """
    return _each_once(collect(registry, _repository_rows, schemas.REPOSITORIES, errors=errors))


@suggesting
def tags(
    repository: Names, *, match: str | None = None, digests: bool = False, errors: Errors = "raise"
) -> pd.DataFrame:
    """List the tags of a repository, or the names in a layout or an archive.

    Parameters
    ----------
    repository
        Its name, ``"python"``, ``"ghcr.io/org/app"`` or ``"oci:folder"``; or several. A tag in it is of no account.
    match
        A glob that the tags have to match: ``"3.*-slim"``.
    digests
        Whether to ask what each tag points at: one HEAD request for each, which Docker Hub does not count.
    errors
        ``"raise"``, or ``"skip"`` to leave out what fails (then told in ``frame.attrs["failures"]``); a tag of which
        only the digest cannot be had keeps its row.

    Returns
    -------
    DataFrame
        One row per tag: registry, repository, tag, reference, kind, digest. `kind` tells the tags of people (tag) from
        those that tools make: signature, attestation, sbom, referrers. `digest` is NA unless it was asked for, and
        where a tag is listed, but points at nothing, or at more than one thing. Of a file registry and repository are
        NA, and the tag is the whole name.

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
    session = default_session()
    listed = run_batch(
        list_names(repository), lambda name: _listed(name, session, match), errors=errors, session=session
    )
    failures = [listing for listing in listed if isinstance(listing, Failure)]
    # Two spellings of one repository give its tags once.
    found = {tag.reference: tag for listing in listed if not isinstance(listing, Failure) for tag in listing}
    heads = _ask_digests(found, session, errors=errors) if digests else {}
    failures += [head for head in heads.values() if isinstance(head, Failure)]
    return with_failures(schemas.TAGS.frame(_tag_row(tag, heads) for tag in found.values()), failures)


def _repository_rows(name: str, session: Session) -> Sequence[Row]:
    transport, _, rest = name.partition(":")
    if transport in FILE_TRANSPORTS and rest and not rest.isdecimal():  # "oci:5000" is a host with a port
        hint = f"ocinb.tags({name!r}) lists the names in it"
        raise InvalidError(f"{name!r} is a file, which has no repositories", hint=hint)
    registry = parse_registry(name)
    return [
        {"registry": registry, "repository": repository, "reference": in_registry(registry, repository)}
        for repository in list_repositories(session.endpoint(registry))
    ]


@dataclass(frozen=True, slots=True)
class _Tag:
    """A tag that was listed, where it can be asked for. A stranger wrote it: it may be none that parses."""

    repository: Reference
    name: str
    source: Source

    @property
    def reference(self) -> str:
        """Its name in full."""
        return _tagged(self.repository, self.name)


def _listed(name: str, session: Session, match: str | None) -> list[_Tag]:
    repository = Reference(name)
    source = open_source(repository, session=session)
    return [_Tag(repository, tag, source) for tag in source.tags() if match is None or fnmatchcase(tag, match)]


def _ask_digests(tags: Mapping[str, _Tag], session: Session, *, errors: Errors) -> dict[str, str | Failure | None]:
    title = f"Asking for {len(tags):,} digests"
    heads = run_batch(list(tags), lambda name: _head(tags[name]), errors=errors, session=session, title=title)
    return dict(zip(tags, heads, strict=True))


def _tag_row(tag: _Tag, heads: Mapping[str, str | Failure | None]) -> Row:
    head = heads.get(tag.reference)
    return {
        "registry": tag.repository.registry,
        "repository": tag.repository.repository,
        "tag": tag.name,
        "reference": tag.reference,
        "kind": tag_kind(tag.name),
        "digest": None if isinstance(head, Failure) else head,
    }


def _tagged(reference: Reference, tag: str) -> str:
    if reference.registry is None or reference.repository is None:
        return f"{reference.transport}:{reference.path}:{tag}"
    return f"{in_registry(reference.registry, reference.repository)}:{tag}"


def _head(tag: _Tag) -> str | None:
    try:
        return tag.source.head(tag.name)
    except NotFoundError:  # deleted since it was listed; distribution also goes on listing tags of deleted manifests
        return None


def _each_once(frame: pd.DataFrame) -> pd.DataFrame:
    """Drop what two spellings of one name gave twice."""
    return frame.drop_duplicates("reference", ignore_index=True)


@suggesting
def rate_limit(registry: Names, *, errors: Errors = "raise") -> pd.DataFrame:
    """Say how many requests a registry still answers, which costs none of them.

    Docker Hub is asked by the HEAD that it does not count. Of any other registry it is told what it said last; one that
    has said nothing yet is asked whether it is there, which all registries answer.

    Parameters
    ----------
    registry
        The host: ``"docker.io"``, or several.
    errors
        ``"raise"``, or ``"skip"`` to leave out what fails (then told in ``frame.attrs["failures"]``).

    Returns
    -------
    DataFrame
        One row per registry: registry, limit, remaining (requests), window_seconds (seconds), reset_at (UTC). What the
        registry does not say is NA: Hub tells no reset_at, most others nothing at all.

    Raises
    ------
    RateLimitError
        If it wants no requests at the moment, and has not said how many it gives.
    TransportError
        If it cannot be reached, or ``settings.offline`` is set.

    Notes
    -----
    Source: Docker's documentation, "Pull usage and limits"; the IETF draft "RateLimit header fields for HTTP".

    Examples
    --------
    >>> import ocinb
    >>> with ocinb.samples.registry() as registry:
    ...     frame = ocinb.rate_limit(registry.host)
    >>> frame["remaining"].isna().tolist()
    [True]
    """
    return collect(registry, _rows, schemas.RATE_LIMITS, errors=errors)


def _rows(name: str, session: Session) -> Sequence[Row]:
    registry = parse_registry(name)
    if session.settings.offline:
        hint = "ocinb.settings.offline = False asks it"
        raise TransportError(f"offline, and what {registry} still gives only it can tell", hint=hint)
    return [{"registry": registry, **asdict(session.endpoint(registry).ask_rate())}]
