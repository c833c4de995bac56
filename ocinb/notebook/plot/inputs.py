"""What is drawn: a frame of ours as it is given, or the one that a helper function gives for a name."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from ocinb._arguments import check_choice
from ocinb._text import counted, shorten
from ocinb.errors import InvalidError
from ocinb.frames import images
from ocinb.frames.batch import Errors, Names, list_names
from ocinb.frames.resolve import Platforms
from ocinb.notebook.plot.figure import is_unknown
from ocinb.spec.reference import Reference
from ocinb.spec.tag_schema import tag_kind

if TYPE_CHECKING:
    import pandas as pd

    from ocinb.catalog.catalog import Catalog
    from ocinb.notebook.plot.chart import Chart


Failures: TypeAlias = "Sequence[Mapping[str, str]]"
# What stands beside images in a registry, by the words of `ocinb.manifests`.
_OTHERS = {"artifact", "attestation", "signature", "unknown"}
_DIGEST = len("sha256:") + 12
_NAME_CHARACTERS = 40


@dataclass(frozen=True, slots=True)
class Gaps:
    """What is missing in a picture of names; nothing in that of a frame.

    Attributes
    ----------
    names
        Those that were asked for, and are no others.
    failures
        What could not be read, as ``frame.attrs["failures"]`` has it.
    others
        How many names are left out that are no images.
    """

    names: tuple[str, ...] = ()
    failures: tuple[Mapping[str, str], ...] = ()
    others: int = 0

    @property
    def read(self) -> list[str]:
        """The names that did not fail."""
        failed = {failure["reference"] for failure in self.failures}
        return [name for name in self.names if name not in failed]

    def told(self, frame: pd.DataFrame | None = None, what: str = "") -> str:
        """Say it in a line; nothing if nothing is missing."""
        parts = (_told_failures(self.failures), told_others(self.others))
        return " · ".join(part for part in (*parts, self._told_bare(frame, what)) if part)

    def _told_bare(self, frame: pd.DataFrame | None, what: str) -> str:
        if frame is None or frame.empty or len(self.names) < 2:  # noqa: PLR2004 - then all of the picture says so
            return ""
        drawn = set(frame["reference"])
        bare = [name for name in self.read if name not in drawn]
        if len(bare) == 1:
            return f"{shorten(familiar(bare[0]), _NAME_CHARACTERS)} has no {what}"
        return f"{len(bare):,} images have no {what}" if bare else ""

    def noted(self, figure: Chart) -> Chart:
        """Note in a figure which names failed, and why."""
        figure.update_layout(meta={**(figure.layout.meta or {}), "failures": [dict(one) for one in self.failures]})
        return figure


def _told_failures(failures: Failures) -> str:
    if not failures:
        return ""
    first = shorten(familiar(failures[0]["reference"]), _NAME_CHARACTERS)
    return f"{counted(len(failures), 'name')} could not be read{': ' if len(failures) == 1 else ', such as '}{first}"


def told_others(count: int) -> str:
    """Say how many names are left out that are no images.

    >>> told_others(1), told_others(3)
    ('1 name that is no image is left out', '3 names that are no images are left out')
    """
    if not count:
        return ""
    return f"{counted(count, 'name')} that {'is no image is' if count == 1 else 'are no images are'} left out"


def familiar(name: str) -> str:
    """Give a name as docker prints it, its digest short; or as it is if it is none."""
    try:
        parsed = Reference(name)
    except InvalidError:
        return name
    return parsed.familiar.replace(parsed.digest, parsed.digest[:_DIGEST]) if parsed.digest else parsed.familiar


def images_of(names: Sequence[str], errors: Errors) -> tuple[list[str], Gaps]:
    """Leave out what is no image and stands beside images: signatures, attestations, SBOMs and other artifacts.

    A name alone, and names of which none is an image, stay: who asks for nothing else means that.
    """
    if len(names) < 2:  # noqa: PLR2004 - beside which nothing stands
        return list(names), Gaps(tuple(names))
    rest = [name for name in names if tag_kind(name) == "tag"]
    frame = images.manifests(rest, errors=errors)
    failures = tuple(frame.attrs["failures"])
    failed = {failure["reference"] for failure in failures}
    others = {str(name) for name, kinds in frame.groupby("reference")["kind"] if _OTHERS.issuperset(kinds)}
    kept = [name for name in rest if name not in others]
    if not set(kept) - failed:
        return list(names), Gaps(tuple(names))
    asked = [name for name in kept if name not in failed]
    return asked, Gaps(tuple(kept), failures, len(names) - len(kept))


def kind_of(name: str) -> str:
    """Say what a name is that has nothing to draw: an image, or what it is instead."""
    kinds = images.manifests(name, errors="skip")["kind"].dropna().tolist()
    return str(kinds[0]) if kinds and _OTHERS.issuperset(kinds) else "image"


def nothing_told(gaps: Gaps, what: str) -> str:
    """Say why there is nothing to draw.

    >>> nothing_told(Gaps(), "layers")
    'there are no layers to draw'
    """
    read = gaps.read
    if len(read) == 1:
        return f"this {kind_of(read[0])} has no {what}"
    return f"none of these {len(read):,} images has {what}" if read else f"there are no {what} to draw"


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
    """Give the frame that is to be drawn, and what is missing in it."""
    import pandas as pd

    check_choice("errors", errors, ("raise", "skip"))
    if isinstance(subject, pd.DataFrame):
        return given(subject, columns, made_by=made_by, platform=platform), Gaps()
    names, gaps = images_of(list_names(subject), errors)
    frame = ask(names)
    return frame, replace(gaps, failures=(*gaps.failures, *frame.attrs["failures"]))


def given(frame: pd.DataFrame, columns: Sequence[str], *, made_by: str, platform: Platforms) -> pd.DataFrame:
    """Check a frame that somebody gave, and give it with sizes that are numbers."""
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


def most(top: object) -> int:
    """Check how many things are to be drawn."""
    if isinstance(top, bool) or not isinstance(top, int) or top < 1:
        raise InvalidError(f"top takes a number from 1 up, not {top!r}")
    return top


def numbers(frame: pd.DataFrame, column: str) -> pd.Series[Any]:
    """Give a column of sizes; what is no number is NA."""
    import pandas as pd

    try:
        return pd.to_numeric(frame[column]).astype("Float64").round().astype("Int64")
    except (ValueError, TypeError):
        raise InvalidError(f"{column} of this frame holds something else than numbers") from None


def images_in(frame: pd.DataFrame) -> Iterator[Picked]:
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
