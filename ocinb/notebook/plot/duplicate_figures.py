"""Duplicates: content that an image has more than once, the most wasteful first."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any, TypeGuard, cast

from ocinb._arguments import suggesting
from ocinb._text import counted, human_size
from ocinb.frames import contents
from ocinb.frames.batch import Errors, Names
from ocinb.frames.resolve import Platforms
from ocinb.notebook.plot import figure, inputs
from ocinb.notebook.plot.bars import Bar, gathered, named_largest, solid
from ocinb.notebook.plot.figure import TIMES, Fact, hover, safe, safe_path, share, size
from ocinb.notebook.plot.inputs import Gaps, Picked, Subject, told
from ocinb.progress.protocol import Progress

if TYPE_CHECKING:
    import pandas as pd

    from ocinb.catalog.catalog import Catalog
    from ocinb.notebook.plot.chart import Chart


_COLUMNS = ["reference", "platform", "path", "type", "size_bytes", "sha256"]
_OF_A_CATALOG = ["sha256", "size_bytes", "copies", "duplicate_bytes", "example_path"]
_PATHS_SHOWN = 6
# Only the contents that get a bar leave the database, with the totals of all of them.
_LARGEST = """
SELECT *, count(*) OVER () AS contents, sum(duplicate_bytes) OVER ()::BIGINT AS all_duplicate_bytes
FROM file_duplicates
WHERE duplicate_bytes IS NOT NULL
ORDER BY duplicate_bytes DESC, sha256
LIMIT ?
"""


@suggesting
def duplicates(
    reference: Subject | Catalog,
    *,
    platform: Platforms = None,
    top: int = 25,
    title: str | None = None,
    errors: Errors = "raise",
    progress: Progress | bool | None = None,
) -> Chart:
    """Draw which content an image has more than once, and what all copies but one take; the most wasteful comes first.

    Parameters
    ----------
    reference
        The name of an image, or several, each compared with itself alone; or a frame that `ocinb.filesystem` gave, or
        a `Catalog` whose files were read, or its view ``file_duplicates``.
    platform
        As for `ocinb.filesystem`; a frame has its platforms already.
    top
        How many contents there are at most; the others are gathered into one bar.
    title
        What stands above it; None makes one of the names.
    errors
        ``"raise"``, or ``"skip"`` to leave out names that fail; the title says so, and ``figure.failures`` says why.
        Beside images, what is none, such as the tag of a signature, is left out in any case, and counted in the title.
    progress
        As for `ocinb.files`.

    Returns
    -------
    Figure
        A plotly figure.

    Raises
    ------
    InvalidError
        If a frame lacks columns, or an option is none; also if it is no image but an artifact.
    NotFoundError
        If nothing has that name, or it has no such platform.
    OcinbError
        If plotly is not installed: ``pip install 'ocinb[plot]'``. It is an `ImportError` too.

    Notes
    -----
    The figures are those of ``duplicate_bytes`` of `ocinb.efficiency`: the size by the number of copies less one, in
    the final file system; hard links are no copies. Files without a SHA-256 are left out, and the title says so.

    Examples
    --------
    >>> import ocinb
    >>> with ocinb.samples.registry() as registry:
    ...     name = registry.reference("demo/shop:2.0")
    ...     frame = ocinb.filesystem(name, platform="amd64", progress=False)
    ...     figures = ocinb.efficiency(name, platform="amd64", progress=False).iloc[0]
    >>> figure = ocinb.plot.duplicates(frame)
    >>> bool(sum(figure.data[0].x) == figures["duplicate_bytes"])
    True
    """
    inputs.most(top)

    def ask(names: Names) -> pd.DataFrame:
        return contents.filesystem(names, platform=platform, errors=errors, progress=progress)

    catalog = inputs.catalog_of(reference)
    subject = cast("Subject", reference) if catalog is None else catalog.sql(_LARGEST, [top])
    if _is_of_a_catalog(subject):
        frame = inputs.given(subject, _OF_A_CATALOG, made_by="file_duplicates", platform=platform)
        return _figure(title or "Duplicates in the catalog", "", _of_a_catalog(frame), top)
    made_by = "ocinb.filesystem"
    frame, gaps = inputs.frame_for(subject, _COLUMNS, ask, made_by=made_by, platform=platform, errors=errors)
    return gaps.noted(_of_images(frame, gaps, title, top))


def _of_images(frame: pd.DataFrame, gaps: Gaps, title: str | None, top: int) -> Chart:
    pictures = list(inputs.images_in(frame))
    files = frame[frame["type"] == "file"]
    if "visible" in files.columns:  # a frame of ocinb.files: what is hidden is no copy that anybody sees
        files = files[files["visible"].fillna(value=False).astype(bool)]
    known = files[files["sha256"].notna() & files["size_bytes"].notna()]
    named = inputs.labelled(list(inputs.images_in(known)))
    copied = [content for picked, name in named for content in _copied(picked, name if len(pictures) > 1 else "")]
    missing = len(files) - len(known)
    more = told(f"{counted(missing, 'file')} without a SHA-256 left out" if missing else "", gaps.told(frame, "files"))
    title = title or f"Duplicates in {inputs.called(pictures, gaps)}"
    return _figure(title, inputs.place_of(pictures), _Duplicates.of(copied), top, more)


def _is_of_a_catalog(subject: object) -> TypeGuard[pd.DataFrame]:
    import pandas as pd

    return isinstance(subject, pd.DataFrame) and "example_path" in subject.columns


@dataclass(frozen=True, slots=True)
class _Content:
    """What is there more than once, and where it is known to be."""

    sha256: str
    size: int
    copies: int
    paths: tuple[str, ...]
    wasted: int
    layers: Any = None
    image: str = ""


@dataclass(frozen=True, slots=True)
class _Duplicates:
    """Contents that are there more than once, and the totals of these and of those that are left out."""

    contents: list[_Content]
    count: int
    wasted: int

    @classmethod
    def of(cls, contents: list[_Content]) -> _Duplicates:
        return cls(contents, len(contents), sum(content.wasted for content in contents))


def _copied(picked: Picked, image: str) -> list[_Content]:
    places: dict[tuple[str, int], list[str]] = defaultdict(list)
    columns = picked.rows[["sha256", "size_bytes", "path"]]
    columns = columns[columns.duplicated(["sha256", "size_bytes"], keep=False)]
    for sha256, count, path in zip(*(columns[name].tolist() for name in columns), strict=True):
        places[sha256, count].append(path)
    return [
        _Content(sha256, count, len(paths), tuple(paths), (len(paths) - 1) * count, image=image)
        for (sha256, count), paths in places.items()
        if count
    ]


def _of_a_catalog(frame: pd.DataFrame) -> _Duplicates:
    known = frame[frame["duplicate_bytes"].notna()].to_dict("records")
    contents = [
        _Content(
            str(row["sha256"]),
            int(row["size_bytes"]),
            int(row["copies"]),
            (str(row["example_path"]),),
            int(row["duplicate_bytes"]),
            row.get("layers"),
        )
        for row in known
    ]
    if contents and "all_duplicate_bytes" in frame.columns:
        return _Duplicates(contents, int(known[0]["contents"]), int(known[0]["all_duplicate_bytes"]))
    return _Duplicates.of(contents)


def _bar(content: _Content) -> Bar:
    path, more = content.paths[0], len(content.paths) - _PATHS_SHOWN
    facts: list[Fact] = [
        ("image", content.image or None),
        ("each", size(content.size)),
        ("copies", f"{content.copies:,}"),
        ("all but one take", size(content.wasted)),
        ("layers", content.layers),
        ("sha256", content.sha256[:12]),
        *(("at", place) for place in content.paths[:_PATHS_SHOWN]),
        ("and", counted(more, "more path") if more > 0 else None),
    ]
    label = f"{safe_path(path, 32)}  {TIMES}{content.copies:,}"
    return Bar(label, hover(path, facts), content.wasted, name=f"{path}, {content.copies} copies")


def _figure(title: str, where: str, found: _Duplicates, top: int, more: str = "") -> Chart:
    if not found.contents:
        return figure.nothing(title, told("no content is there more than once", where, more))
    total = found.wasted
    shown = [_bar(content) for content in sorted(found.contents, key=lambda content: -content.wasted)[:top]]
    if found.count > len(shown):
        rest = total - sum(bar.whole for bar in shown)
        shown.append(gathered(found.count - len(shown), rest, "contents", beside=shown))
    subtitle = told(where, f"{human_size(total)} in copies of {counted(found.count, 'content')}", more)
    alt = f"Bars. {title}: {subtitle}. Most: {named_largest(shown)}."
    made = figure.chart(title=title, subtitle=subtitle, alt=alt, height=figure.height_of(len(shown)))
    running = accumulate(bar.whole for bar in shown)
    made.add_bar(
        x=[bar.drawn for bar in shown],
        y=list(range(len(shown))),
        orientation="h",
        text=[bar.text(f"{human_size(bar.whole)}, {_percent(bar.whole, total)}") for bar in shown],
        textposition="outside",
        cliponaxis=False,
        textangle=0,
        hovertext=[
            f"{bar.hover}<br>up to here: {human_size(whole)}, {_percent(whole, total)}"
            for bar, whole in zip(shown, running, strict=True)
        ],
        hoverinfo="text",
        marker=solid(),
        showlegend=False,
    )
    most = max(bar.drawn for bar in shown)
    made.update_layout(bargap=figure.bar_gap())
    made.update_xaxes(**figure.ticks(0, most), range=[0, 1.6 * most or 1])
    made.update_yaxes(**figure.rows_axis([bar.label for bar in shown]))
    return made


def _percent(part: int, whole: int) -> str:
    return safe(share(part, whole))


COLUMNS = ["reference", "platform", "path", "type", "size_bytes", "layer"]


def stored_files(frame: pd.DataFrame) -> pd.DataFrame:
    """Give the regular files of a frame of `ocinb.files` or `ocinb.filesystem`."""
    rows = frame.assign(size_bytes=inputs.numbers(frame, "size_bytes"))
    if "visible" not in rows.columns:
        rows["is_hidden"] = False
        return _known(rows)
    seen = rows["visible"].fillna(value=False).astype(bool)
    rows["is_hidden"] = ~seen
    links = seen & (rows["type"] == "hardlink")
    if links.any():
        rows.loc[_seen_by_links(rows, links), "is_hidden"] = False
    return _known(rows)


def _known(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[(rows["type"] == "file") & rows["size_bytes"].notna()].copy()


def _seen_by_links(rows: pd.DataFrame, links: pd.Series[Any]) -> list[int]:
    """Find the files that a visible hard link still names: their content is seen, whatever became of their own path."""
    images = rows.groupby([name for name in ("reference", "platform") if name in rows], sort=False, dropna=False)
    found: list[int] = []
    for places in images.groups.values():
        if not links.loc[places].any():
            continue
        latest: dict[str, int] = {}
        part = rows.loc[places, ["path", "type", "link_target"]]
        for place, (path, kind, target) in zip(places, part.itertuples(index=False, name=None), strict=True):
            if kind == "file":
                latest[path] = place
            elif kind == "hardlink" and target in latest:
                latest[path] = latest[target]
                if links.loc[place]:
                    found.append(latest[target])
    return found
