"""Tags of one image: a release that is called 3.12.1, 3.12 and latest is one release under three names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_TOLD_APART_BY = ["created", "compressed_bytes"]


def aliased(frame: pd.DataFrame) -> pd.DataFrame:
    """Put the tags of a repository that are the same image on all platforms into one, which has all their names.

    Parameters
    ----------
    frame
        As ``size_history`` of a catalogue gives it. If it has a column manifest_digest as well, that says what is the
        same; else those are that were made at the same moment, and have the same size.

    Returns
    -------
    DataFrame
        Its first row for each, with tags such as ``3.12.1, 3.12, latest``: what tells most comes first.
    """
    known = ["manifest_digest"] if "manifest_digest" in frame.columns else _TOLD_APART_BY
    places = [name for name in ("registry", "repository") if name in frame.columns]
    tags = [*places, "tag"]
    names: dict[Any, Any] = {}
    for place, rows in frame.groupby(places, sort=False, dropna=False):
        names.update({(*place, tag): name for tag, name in _names(rows, known).items()})
    keys = frame[tags].itertuples(index=False, name=None)
    renamed = frame.assign(tag=[names.get(key, key[-1]) for key in keys])
    return renamed.drop_duplicates([*tags, "platform"])


def _names(rows: pd.DataFrame, known: list[str]) -> dict[str, str]:
    """Give for each tag of a repository the names of what it points at."""
    images: dict[frozenset[Any], list[str]] = {}
    for tag, part in rows.groupby("tag", sort=False):
        alone = part[known].isna().any(axis=None)  # nobody can say whether it is the same
        pairs = part[["platform", *known]].itertuples(index=False, name=None)
        images.setdefault(frozenset([tag] if alone else pairs), []).append(str(tag))
    together = {tag: sorted(tags, key=_telling) for tags in images.values() for tag in tags}
    return {tag: ", ".join(tags) for tag, tags in together.items()}


def _telling(tag: str) -> tuple[bool, int, str]:
    """Sort names of one thing: versions first, and of these the most exact."""
    return not any(character.isdigit() for character in tag), -len(tag), tag
