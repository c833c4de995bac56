"""Gaps: what was asked for and is not in a picture, so that the picture says so, and nobody takes it for the whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from ocinb._text import counted, shorten
from ocinb.errors import InvalidError
from ocinb.frames import images
from ocinb.frames.batch import Errors
from ocinb.spec.reference import Reference
from ocinb.spec.tag_schema import tag_kind

if TYPE_CHECKING:
    import pandas as pd

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
    elsewhere
        How many are left out that have images for other platforms only.
    """

    names: tuple[str, ...] = ()
    failures: tuple[Mapping[str, str], ...] = ()
    others: int = 0
    elsewhere: int = 0

    @property
    def read(self) -> list[str]:
        """The names that did not fail."""
        failed = {failure["reference"] for failure in self.failures}
        return [name for name in self.names if name not in failed]

    def told(self, frame: pd.DataFrame | None = None, what: str = "") -> str:
        """Say it in a line; nothing if nothing is missing.

        Parameters
        ----------
        frame
            What the names gave.
        what
            What its rows are: an image that has none is told.
        """
        parts = (_told_failures(self.failures), told_others(self.others), _told_elsewhere(self.elsewhere))
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


def _told_elsewhere(count: int) -> str:
    return f"{counted(count, 'name')} {'is' if count == 1 else 'are'} for other platforms only" if count else ""


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

    Returns
    -------
    list of str
        The names to ask for; those that already failed are in the gaps.
    Gaps
        What is missing then.
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
