"""Histories: the sizes of releases, from whatever they were given as: repositories, images, a catalogue or a frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from ocinb._arguments import check_choice
from ocinb.errors import InvalidError, NotFoundError, OcinbError
from ocinb.frames import images
from ocinb.frames import listings as listing
from ocinb.frames.batch import Errors, InvalidName, Names, checked, list_names
from ocinb.frames.resolve import Platforms, wanted_platforms
from ocinb.notebook.plot import questions
from ocinb.notebook.plot.gaps import Failures, Gaps, familiar
from ocinb.notebook.plot.questions import Subject, Watching
from ocinb.sources.images import ALL, NoPlatformError
from ocinb.spec.platforms import parse_platform
from ocinb.spec.reference import Reference
from ocinb.spec.tag_schema import tag_kind

if TYPE_CHECKING:
    import pandas as pd

    from ocinb.catalog.catalog import Catalog

Given: TypeAlias = "Subject | Catalog"
_COLUMNS = ["repository", "tag", "platform", "created", "compressed_bytes"]
_GROWN = ["grown_in", "grown_by", "grown_bytes"]
_PLACES = ["registry", "repository", "platform"]
# With the image that a tag has for a platform, so that several names of one image are one point; and with what has no
# tag, under its digest.
_HISTORY = """
WITH RECURSIVE untagged AS (
    SELECT registry, repository, digest, digest AS manifest_digest FROM current_names WHERE tag IS NULL
    UNION
    SELECT registry, repository, digest, entry.manifest_digest
    FROM untagged
    JOIN index_entries AS entry ON entry.index_digest = untagged.manifest_digest AND entry.kind IN ('image', 'index')
)
SELECT history.*, min(images.manifest_digest) AS manifest_digest
FROM size_history AS history
LEFT JOIN current_images AS named USING (registry, repository, tag)
LEFT JOIN images
    ON images.manifest_digest = named.manifest_digest
    AND images.platform IS NOT DISTINCT FROM history.platform
    AND images.created IS NOT DISTINCT FROM history.created
    AND images.compressed_bytes IS NOT DISTINCT FROM history.compressed_bytes
GROUP BY ALL
UNION ALL BY NAME
SELECT
    registry, repository, '@' || split_part(digest, ':', 2)[:12] AS tag, platform, created, compressed_bytes,
    manifest_digest
FROM untagged
JOIN images USING (manifest_digest)
ORDER BY registry, repository, platform, created NULLS LAST, tag
"""


def history_of(
    subject: Given, *, platform: Platforms, match: str | None, errors: Errors, progress: Watching
) -> tuple[pd.DataFrame, Gaps]:
    """Give a row for each tag and platform, as ``size_history`` of a catalogue has them, and what is missing there.

    Raises
    ------
    InvalidError
        If a frame lacks columns, or it is the name of one image; if tags are to be chosen where none are listed.
    NotFoundError
        If there is no such repository, or none of its tags matches.
    """
    import pandas as pd

    check_choice("errors", errors, ("raise", "skip"))
    catalog = questions.catalog_of(subject)
    if match is not None and (catalog is not None or isinstance(subject, pd.DataFrame)):
        raise InvalidError("match= goes with the name of a repository", hint="Of a frame, select the rows: frame[…]")
    if catalog is not None:
        return _of_platforms(_with_deltas(catalog.sql(_HISTORY)), platform), Gaps()
    if isinstance(subject, pd.DataFrame) and not _is_of_tags(subject):
        return _given(subject, platform)
    if isinstance(subject, pd.DataFrame):
        named = _people_made(subject)
        return _read(named, (), len(subject) - len(named), platform, errors, progress)
    names, failures, others = _names(cast("Names", subject), match, errors)
    return _read(names, failures, others, platform, errors, progress)


def _is_of_tags(frame: pd.DataFrame) -> bool:
    return {"reference", "tag", "kind"} <= set(frame.columns)


def _people_made(tags: pd.DataFrame) -> list[str]:
    """Give the names of tags that no tool made, of a frame of `ocinb.tags`."""
    return [str(name) for name in tags.loc[tags["kind"] == "tag", "reference"]]


def _given(subject: pd.DataFrame, platform: Platforms) -> tuple[pd.DataFrame, Gaps]:
    if "first_seen" in subject.columns and "compressed_bytes" not in subject.columns:
        hint = "ocinb.plot.growth(catalog) draws those of a catalogue"
        raise InvalidError("tag_history says when tags moved, and no sizes", hint=hint)
    frame = questions.given(subject, _COLUMNS, made_by="size_history of a catalogue", platform=platform)
    is_image = frame["tag"].map(lambda tag: tag_kind(str(tag)) == "tag").astype(bool)
    others = len(frame.loc[~is_image, ["repository", "tag"]].drop_duplicates())
    kept = frame[is_image]
    return kept if {"delta_bytes", *_GROWN} <= set(kept.columns) else _with_deltas(kept), Gaps(others=others)


def _names(names: Names, match: str | None, errors: Errors) -> tuple[list[str], Failures, int]:
    """Give the names of images, for each repository those of its tags that people made; and how many others it has."""
    typed = [checked(name) if errors == "raise" else name for name in _typed(names)]
    repositories = [name for name in typed if _is_repository(name)]
    if isinstance(names, str | Reference) and not repositories:
        _refuse(typed[0])
    if match is not None and not repositories:
        raise InvalidError("match= chooses among the tags of a repository, and these are images")
    tags = listing.tags(repositories, match=match, errors=errors)
    failures = tags.attrs["failures"]
    kept = _people_made(tags)
    if match is not None and not kept and not failures:
        raise NotFoundError(f"no tag matches {match!r}", reference=repositories[0])
    return [*(name for name in typed if name not in repositories), *kept], failures, len(tags) - len(kept)


def _typed(names: Names) -> list[str]:
    """Give names as texts; a parsed one that says `latest` is that of a repository, which has no other form."""
    if isinstance(names, Reference):
        return [_text(names)]
    if isinstance(names, Iterable) and not isinstance(names, str | bytes | bytearray | Mapping):
        return list_names(_text(name) if isinstance(name, Reference) else name for name in names)
    return list_names(names)


def _text(parsed: Reference) -> str:
    is_bare = parsed.tag == "latest" and parsed.digest is None
    return parsed.canonical.removesuffix(":latest") if is_bare else parsed.canonical


def _is_repository(text: str) -> bool:
    """Say whether a name is that of a repository, or of a file with names in it, and of no image there."""
    if isinstance(text, InvalidName):
        return False
    try:
        parsed = Reference(text)
    except InvalidError:
        return False  # which is told when it is asked for
    if parsed.repository is None:
        return parsed.name is None and parsed.digest is None
    return parsed.digest is None and not text.endswith(f":{parsed.tag}")


def _refuse(text: str) -> None:
    """Refuse the name of one image, which has grown from nothing that is asked for.

    Raises
    ------
    InvalidError
        Always.
    """
    parsed = Reference(text)
    is_file = parsed.repository is None
    whole = f"{parsed.transport}:{parsed.path}" if is_file else f"{parsed.registry}/{parsed.repository}"
    hint = f"Give its repository, {familiar(whole).removesuffix(':latest')!r}, or a list of images"
    raise InvalidError(f"growth is drawn from tag to tag, and {parsed.familiar!r} is one image", hint=hint)


def _read(
    names: Sequence[str], failures: Failures, others: int, platform: Platforms, errors: Errors, progress: Watching
) -> tuple[pd.DataFrame, Gaps]:
    from ocinb.catalog.catalog import Catalog

    with Catalog() as catalog:
        added = catalog.add(names, platform="all" if platform is None else platform, progress=progress)
        is_failed = added["outcome"] == "failed"
        failed = [
            {"reference": str(name), "error": str(error)}
            for name, error in added.loc[is_failed, ["reference", "error"]].itertuples(index=False, name=None)
        ]
        lacking = [failure for failure in failed if _is_for_others(failure["reference"], platform)]
        if len(lacking) == len(added):  # then it is the platform that nobody has
            lacking = []
        failed = [failure for failure in failed if failure not in lacking]
        if failed and errors == "raise":
            _raise(failed[0], platform)
        others += int((~is_failed & (added["images"] == 0)).sum())
        frame = catalog.sql(_HISTORY)
    left = {failure["reference"] for failure in lacking}
    drawn = tuple(name for name in names if name not in left)
    return _with_deltas(frame), Gaps(drawn, (*failures, *failed), others, len(left))


def _is_for_others(name: str, platform: Platforms) -> bool:
    """Say whether an image is there, and for other platforms only: of the tags of a repository some are."""
    if platform is None:
        return False
    try:
        images.layers(name, platform=platform, errors="raise")
    except NoPlatformError:
        return True
    except OcinbError:
        return False
    return False


def _raise(failure: Mapping[Any, str], platform: Platforms) -> None:
    """Raise what failed, as an error of its own kind.

    Raises
    ------
    OcinbError
        Always.
    """
    images.layers(failure["reference"], platform="all" if platform is None else platform)
    raise OcinbError(failure["error"], reference=failure["reference"])


def _of_platforms(frame: pd.DataFrame, platform: Platforms) -> pd.DataFrame:
    wanted = wanted_platforms(platform)
    if wanted is None or wanted == ALL:
        return frame
    return frame[frame["platform"].isin([str(parse_platform(one)) for one in wanted])]


def _with_deltas(frame: pd.DataFrame) -> pd.DataFrame:
    """Put what is against the tag before into each row; which layer grew stays known where that is the same tag."""
    places = [name for name in _PLACES if name in frame.columns]
    ordered = frame.sort_values([*places, "created", "tag"], kind="stable", ignore_index=True)
    sizes = ordered["compressed_bytes"].astype("Int64")
    delta = sizes.groupby([ordered[name] for name in places], dropna=False, sort=False).diff()
    made = ordered.assign(delta_bytes=delta)
    if "delta_bytes" not in ordered.columns or not set(_GROWN) <= set(ordered.columns):
        return made.assign(grown_in=None, grown_by=None, grown_bytes=None)
    is_same = (ordered["delta_bytes"].astype("Int64") == delta).fillna(value=False).astype(bool)
    return made.assign(**{name: ordered[name].where(is_same) for name in _GROWN})
