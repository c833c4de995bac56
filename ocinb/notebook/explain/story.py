"""Words: what a story is made of, as plain data. How they look is for whoever writes a page or Markdown of them.

A plain text is always our own. What a stranger wrote stands in a `Code`, an `Instruction` or a `Listing`, so that no
writer can take the one for the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from ocinb._text import human_duration, human_size, short_digests
from ocinb.notebook.show.cells import ends, gap


@dataclass(frozen=True, slots=True)
class Code:
    """Some text exactly as it came, whoever wrote it."""

    text: str


@dataclass(frozen=True, slots=True)
class Instruction:
    """A line of code that may be long, such as an instruction; None where nobody wrote one."""

    text: str | None


@dataclass(frozen=True, slots=True)
class Hash:
    """A digest, or the hex digits of one; None where there is none."""

    text: str | None


@dataclass(frozen=True, slots=True)
class Size:
    """A number of bytes; None where it is not known."""

    count: int | None


@dataclass(frozen=True, slots=True)
class Moment:
    """A time; None where it is not known."""

    when: datetime | None


@dataclass(frozen=True, slots=True)
class Strong:
    """A word of ours that matters."""

    text: str


@dataclass(frozen=True, slots=True)
class Link:
    """A place to read on. The address is ours, never a stranger's."""

    text: str
    url: str


Span = str | Code | Instruction | Hash | Size | Moment | Strong | Link
Spans = tuple[Span, ...]
# Of a longer table so many rows are written at either end.
FIRST, LAST = 60, 20
# So much of a document is written, in characters.
MOST_OF_A_LISTING = 20_000
# How a row of a table is meant: the one that was taken, one that stands aside, or one like others.
Tone = Literal["", "taken", "aside"]


@dataclass(frozen=True, slots=True)
class Prose:
    """A paragraph."""

    spans: Spans


@dataclass(frozen=True, slots=True)
class Note:
    """A paragraph that should not be passed over: something went wrong, or is worth knowing."""

    spans: Spans
    is_trouble: bool = False


@dataclass(frozen=True, slots=True)
class Figure:
    """Something that was found out, beside the line that returns it.

    Attributes
    ----------
    name
        What it is.
    spans
        How it is shown.
    line
        The line of Python.
    value
        What the line returns.
    """

    name: str
    spans: Spans
    line: str
    value: Any


@dataclass(frozen=True, slots=True)
class Figures:
    """Several figures, one below the other."""

    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table.

    Attributes
    ----------
    cells
        What stands in its columns.
    tone
        How it is meant.
    share
        A part of a whole, from 0 to 1, that may be drawn as a bar in its last cell.
    line, value
        A line of Python for this row alone, which then is one cell more, and what it returns.
    """

    cells: tuple[Spans, ...]
    tone: Tone = ""
    share: float | None = None
    line: str | None = None
    value: Any = None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a heading.

    Attributes
    ----------
    title
        What the rows are.
    heads
        What stands in the columns; one that begins with ``#`` has numbers, which stand to the right.
    rows
        The rows.
    line
        The line of Python that returns them; None if each row has its own.
    value
        What it returns, of a frame a list for each row; None if two runs cannot return the same.
    """

    title: str
    heads: tuple[str, ...]
    rows: tuple[Row, ...]
    line: str | None = None
    value: Any = None


@dataclass(frozen=True, slots=True)
class Listing:
    """A document as it came, or a header."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Setup:
    """Lines that come before the others of a chapter."""

    lines: tuple[str, ...]


Part = Prose | Note | Figures | Table | Listing | Setup


@dataclass(frozen=True, slots=True)
class Chapter:
    """One step of the way.

    Attributes
    ----------
    title
        What it is about.
    gist
        What came of it, in one line.
    parts
        What there is to tell.
    clauses
        Where it is written that it has to be so.
    """

    title: str
    gist: Spans
    parts: tuple[Part, ...]
    clauses: tuple[Link, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Document:
    """A whole story.

    Attributes
    ----------
    name
        The name as it was typed.
    gist
        All of it in one line.
    lines
        The Python that comes before every other line.
    chapters
        The chapters, in their order.
    """

    name: str
    gist: Spans
    lines: tuple[str, ...]
    chapters: tuple[Chapter, ...]


def has_lines(table: Table) -> bool:
    """Say whether the rows of a table have lines of their own."""
    return any(row.line is not None for row in table.rows)


def written_rows(table: Table) -> tuple[Sequence[Row], str, Sequence[Row]]:
    """Give the rows of a table that are written, at either end, and what stands between them if not all are."""
    first, left_out, last = ends(table.rows, FIRST, LAST)
    return first, gap(left_out, "the line gives all of them") if left_out else "", last


def duration(seconds: float) -> str:
    """Say for how long something counts.

    >>> duration(300), duration(90)
    ('5 min', '1 min 30 s')
    """
    return human_duration(seconds).removesuffix(" 0 s").removesuffix(" 0 min")


def plain(spans: Sequence[Span]) -> str:
    """Write some words without any form.

    >>> plain(("the layer ", Hash("sha256:" + "ab" * 32), " of ", Size(1_500)))
    'the layer sha256:abababababab… of 1.5 kB'
    """
    return "".join(map(_plain, spans))


def _plain(span: Span) -> str:
    match span:
        case str():
            return span
        case Size():
            return human_size(span.count)
        case Moment():
            return "—" if span.when is None else f"{span.when:%Y-%m-%d %H:%M} UTC"
        case Hash():
            return "—" if span.text is None else short_digests(span.text)
        case Instruction():
            return "—" if span.text is None else span.text
    return span.text


# What all lines of a story need; `ref` is the name that was typed.
IMPORTS = "import hashlib, ocinb"
# How the way to an image is seen once more.
WIRE = ("with ocinb.trace(fresh=True) as wire:", "    ocinb.document(ref)")


def preamble(name: str) -> tuple[str, ...]:
    """Give the lines that come before all others.

    >>> preamble("python:3.12")
    ('import hashlib, ocinb', "ref = 'python:3.12'")
    """
    return IMPORTS, f"ref = {name!r}"


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines about one image.

    Attributes
    ----------
    platform
        What has to be said so that this image is meant; None if its name is enough. What a stranger wrote must be one.
    name
        The name, as it is written in Python.
    """

    platform: str | None
    name: str = "ref"

    def call(self, function: str, then: str = "") -> str:
        """Call a function of ocinb for this image, and do something with what it gives.

        >>> Lines("linux/arm64").call("layers", '["compressed_bytes"].sum()')
        'ocinb.layers(ref, platform="linux/arm64")["compressed_bytes"].sum()'
        """
        platform = "" if self.platform is None else f', platform="{self.platform}"'
        return f"ocinb.{function}({self.name}{platform}){then}"

    def columns(self, function: str, *names: str) -> str:
        """Call a function, and take some columns of its frame.

        >>> Lines(None).columns("history", "position", "layer")
        'ocinb.history(ref)[["position", "layer"]]'
        """
        return self.call(function, columns(*names))


def columns(*names: str) -> str:
    """Take some columns of a frame.

    >>> columns("layer", "digest")
    '[["layer", "digest"]]'
    """
    quoted = ", ".join(f'"{name}"' for name in names)
    return f"[[{quoted}]]"


_DISTRIBUTION = "https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md"
_IMAGE = "https://github.com/opencontainers/image-spec/blob/v1.1.1"

PULL_SPEC = Link("distribution-spec: Pulling manifests", f"{_DISTRIBUTION}#pulling-manifests")
ENDPOINTS_SPEC = Link("distribution-spec: Endpoints", f"{_DISTRIBUTION}#endpoints")
REFERRERS_SPEC = Link("distribution-spec: Listing Referrers", f"{_DISTRIBUTION}#listing-referrers")
REFERRERS_TAG_SPEC = Link("distribution-spec: Referrers Tag Schema", f"{_DISTRIBUTION}#referrers-tag-schema")
COSIGN_SPEC = Link(
    "cosign: Signature Specification", "https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md"
)
CHALLENGE_SPEC = Link("RFC 9110, 11.6.1: WWW-Authenticate", "https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1")
BEARER_SPEC = Link("RFC 6750: Bearer Tokens", "https://www.rfc-editor.org/rfc/rfc6750")
TOKEN_SPEC = Link("distribution: Token Authentication", "https://distribution.github.io/distribution/spec/auth/token/")
CLAIMS_SPEC = Link("distribution: Token Implementation", "https://distribution.github.io/distribution/spec/auth/jwt/")
INDEX_SPEC = Link("image-spec: Image Index", f"{_IMAGE}/image-index.md")
MANIFEST_SPEC = Link("image-spec: Image Manifest", f"{_IMAGE}/manifest.md")
DIGESTS_SPEC = Link("image-spec: Digests", f"{_IMAGE}/descriptor.md#digests")
LAYOUT_SPEC = Link("image-spec: Image Layout", f"{_IMAGE}/image-layout.md")
CONFIG_SPEC = Link("image-spec: Image Configuration", f"{_IMAGE}/config.md#properties")
DIFF_ID_SPEC = Link("image-spec: Layer DiffID", f"{_IMAGE}/config.md#layer-diffid")
CHAIN_ID_SPEC = Link("image-spec: Layer ChainID", f"{_IMAGE}/config.md#layer-chainid")
