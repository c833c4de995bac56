"""What is drawn: a frame of ours as it is given, or the one that a helper function gives for a name."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from ocinb._arguments import check_choice
from ocinb._text import counted
from ocinb.errors import InvalidError
from ocinb.frames.batch import Errors, Names, list_names
from ocinb.frames.resolve import Platforms
from ocinb.notebook.plot.gaps import Gaps, familiar, images_of
from ocinb.notebook.plot.words import is_unknown
from ocinb.progress.protocol import Progress
from ocinb.spec.reference import Reference

if TYPE_CHECKING:
    import pandas as pd

    from ocinb.catalog.catalog import Catalog

Watching: TypeAlias = "Progress | bool | None"
Subject: TypeAlias = "Names | pd.DataFrame"
_IMAGE = ["reference", "platform", "manifest_digest"]


@dataclass(frozen=True, slots=True)
class Picked:
    """The rows of one image, and how it is called beside others."""

    reference: str
    platform: str
    rows: pd.DataFrame

    @property
    def familiar(self) -> str:
        """Its name as docker prints it."""
        return familiar(self.reference)

    @property
    def label(self) -> str:
        """Its name and platform."""
        return " ".join(part for part in (self.familiar, self.platform) if part)


def frame_for(
    subject: Subject,
    columns: Sequence[str],
    ask: Callable[[Names], pd.DataFrame],
    *,
    made_by: str,
    platform: Platforms,
    errors: Errors,
) -> tuple[pd.DataFrame, Gaps]:
    """Give the frame that is to be drawn, and what is missing in it.

    Parameters
    ----------
    subject
        A frame, which is taken as it is, or names.
    columns
        What the frame has to have.
    ask
        Gives it for names.
    made_by
        The functions whose frames have these columns, as people call them.
    platform
        What was given as platform, which a frame has no use for.
    errors
        What becomes of names that fail.

    Raises
    ------
    InvalidError
        If a frame lacks columns, or was given together with a platform.
    """
    import pandas as pd

    check_choice("errors", errors, ("raise", "skip"))
    if isinstance(subject, pd.DataFrame):
        return given(subject, columns, made_by=made_by, platform=platform), Gaps()
    names, gaps = images_of(list_names(subject), errors)
    frame = ask(names)
    return frame, replace(gaps, failures=(*gaps.failures, *frame.attrs["failures"]))


def given(frame: pd.DataFrame, columns: Sequence[str], *, made_by: str, platform: Platforms) -> pd.DataFrame:
    """Check a frame that somebody gave, and give it with sizes that are numbers.

    Raises
    ------
    InvalidError
        If it lacks columns, or was given together with a platform.
    """
    if platform is not None:
        raise InvalidError("platform= goes with a name; of a frame the rows are drawn that it has", hint="Select them")
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        what = ", ".join(missing)
        names = "; or give the names in it: frame['reference']" if "reference" in frame.columns else ""
        hint = f"{made_by} gives one that has{names}"
        raise InvalidError(f"this frame cannot be drawn so: it has no {what}", hint=hint)
    sizes = {name: numbers(frame, name) for name in frame.columns if str(name).endswith("_bytes")}
    return frame.assign(**sizes).reset_index(drop=True)


def catalog_of(subject: object) -> Catalog | None:
    """Give what was given if it is a catalogue; whoever has one has loaded its module, which is heavy."""
    module = sys.modules.get("ocinb.catalog.catalog")
    return cast("Catalog", subject) if module is not None and isinstance(subject, module.Catalog) else None


def answered(subject: Subject | Catalog, query: str) -> Subject:
    """Give what a catalogue answers, if one was given; anything else as it is."""
    catalog = catalog_of(subject)
    return cast("Subject", subject) if catalog is None else catalog.sql(query)


def most(top: object) -> int:
    """Check how many things are to be drawn.

    Raises
    ------
    InvalidError
        If it is no number from 1 up.
    """
    if isinstance(top, bool) or not isinstance(top, int) or top < 1:
        raise InvalidError(f"top takes a number from 1 up, not {top!r}")
    return top


def numbers(frame: pd.DataFrame, column: str) -> pd.Series[Any]:
    """Give a column of sizes; what is no number is NA.

    Raises
    ------
    InvalidError
        If the column holds something else than numbers.
    """
    import pandas as pd

    try:
        return pd.to_numeric(frame[column]).astype("Float64").round().astype("Int64")
    except (ValueError, TypeError):
        raise InvalidError(f"{column} of this frame holds something else than numbers") from None


def images(frame: pd.DataFrame) -> Iterator[Picked]:
    """Give the images in a frame, in their order; a frame without platforms has one for each reference."""
    named = [column for column in _IMAGE if column in frame.columns]
    for _, rows in frame.groupby(named, sort=False, dropna=False):
        first = rows.iloc[0]
        platform = first["platform"] if "platform" in named else None
        yield Picked(_text(first["reference"]), _text(platform), rows)


def _text(value: Any) -> str:
    return "" if is_unknown(value) else str(value)


def _registry(name: str) -> str:
    """Name the registry of an image, if it is one that docker would print."""
    try:
        registry = Reference(name).registry
    except InvalidError:
        return ""
    return registry if registry and familiar(name).startswith(f"{registry}/") else ""


def labelled(pictures: Sequence[Picked]) -> list[tuple[Picked, str]]:
    """Give images with what tells them apart: without the place and the platform that all of them have."""
    place, platform = _place(pictures), _platform(pictures)
    return [
        (picked, f"{picked.familiar[len(place) :]} {'' if platform else picked.platform}".strip())
        for picked in pictures
    ]


def common(pictures: Sequence[Picked]) -> str:
    """Say what images have in common that `labelled` leaves out."""
    return told(_platform(pictures), f"all in {_place(pictures).rstrip('/')}" if _place(pictures) else "")


def _place(pictures: Sequence[Picked]) -> str:
    """Give how all their names begin, up to a slash."""
    if len(pictures) == 1:
        return ""
    parts = zip(*(picked.familiar.split("/")[:-1] for picked in pictures), strict=False)
    return "".join(f"{same[0]}/" for same in takewhile(lambda same: len(set(same)) == 1, parts))


def _platform(pictures: Sequence[Picked]) -> str:
    names = {picked.platform for picked in pictures}
    return next(iter(names)) if len(names) == 1 else ""


def called(pictures: Sequence[Picked], gaps: Gaps) -> str:
    """Name some images in a title, without their registry, which `place_of` tells; or those that were asked for."""
    references = [picked.reference for picked in pictures] or gaps.names
    known = (familiar(name).removeprefix(f"{_registry(name)}/") for name in references)
    names = list(dict.fromkeys(filter(None, known)))
    if not names:
        return "no image"
    return names[0] if len(names) == 1 else counted(len(names), "image")


def place_of(pictures: Sequence[Picked]) -> str:
    """Name their registry, if it is one and not Docker Hub, and their platforms."""
    registries = {_registry(picked.reference) for picked in pictures}
    return told(registries.pop() if len(registries) == 1 else "", _platforms(pictures))


def _platforms(pictures: Sequence[Picked]) -> str:
    names = list(dict.fromkeys(picked.platform for picked in pictures if picked.platform))
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")  # noqa: PLR2004 - a line


def told(*parts: str) -> str:
    """Join what is known into a line.

    >>> told("linux/amd64", "", "6.3 MB")
    'linux/amd64 · 6.3 MB'
    """
    return " · ".join(part for part in parts if part)


def left_out(count: int, what: str) -> str:
    """Say how many things of unknown size are not in the picture.

    >>> left_out(0, "layer"), left_out(2, "layer")
    ('', '2 layers of unknown size are left out')
    """
    return f"{counted(count, what)} of unknown size {'is' if count == 1 else 'are'} left out" if count else ""
