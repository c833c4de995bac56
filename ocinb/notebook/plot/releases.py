"""Growth: the size of a repository's images from tag to tag, and which layer made them grow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from ocinb._arguments import check_choice, suggesting
from ocinb._text import counted, human_size
from ocinb.frames.batch import Errors
from ocinb.frames.resolve import Platforms
from ocinb.notebook.plot import drawing, questions
from ocinb.notebook.plot.aliases import aliased
from ocinb.notebook.plot.gaps import Gaps
from ocinb.notebook.plot.histories import Given, history_of
from ocinb.notebook.plot.questions import told
from ocinb.notebook.plot.words import hover, is_unknown, safe, signed_size, size
from ocinb.progress.protocol import Progress
from ocinb.spec.reference import HUB

if TYPE_CHECKING:
    import pandas as pd

    from ocinb.notebook.plot.chart import Chart

By = Literal["tag", "created"]
# All but the first are open, so that what lies below them is seen: platforms are often of nearly one size.
_SYMBOLS = ("circle", "square-open", "diamond-open", "triangle-up-open", "cross-open", "star-open")
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
_MOST_LINES = 12
_MOST_TAGS, _MOST_DATES, _MOST_SIZES = 20, 4, 6  # along the axes
_MOST_LABELS, _LABEL = 4, 0.26  # which is the part of the width that a label takes in a narrow place
_HEIGHT = 320


@suggesting
def growth(
    reference: Given,
    *,
    platform: Platforms = None,
    match: str | None = None,
    by: By = "tag",
    top: int = 100,
    title: str | None = None,
    errors: Errors = "raise",
    progress: Progress | bool | None = None,
) -> Chart:
    """Draw how images grew from tag to tag: a line for each platform.

    Documents alone are read, no layer.

    Parameters
    ----------
    reference
        A repository, or several: all their tags are asked for, so here a name without a tag is not ``latest``. Or a
        list of images, by tags or digests; or a frame that `ocinb.tags` gave; or a `Catalog`, or a frame of its view
        ``size_history``, or ``tags``, which does not know what grew.
    platform
        As for `ocinb.layers`; None is ``"all"``. A frame has its platforms already, unless it is one of `ocinb.tags`.
    match
        Of a repository, which tags: a glob such as ``"3.1?-slim"``.
    by
        ``"tag"`` gives each tag the same room, in the order in which they were made; ``"created"`` draws along time.
    top
        How many tags there are at most, the newest.
    title
        What stands above it; None makes one of the names.
    errors
        ``"raise"``, or ``"skip"`` to leave out names that fail; the title says so, and ``figure.failures`` says why.
    progress
        As for `ocinb.files`.

    Returns
    -------
    Figure
        A plotly figure; where the mouse rests, it says which layer grew most, and by which instruction.

    Raises
    ------
    InvalidError
        If a frame lacks columns, an option is none, or it is the name of one image; if `match` is given and no
        repository is.
    NotFoundError
        If there is no such repository, none of its tags matches, or none of the names has an image for the platform.
    OcinbError
        If a name cannot be read; also if plotly is not installed: ``pip install 'ocinb[plot]'``. That one is an
        `ImportError` too.

    Notes
    -----
    Sizes are compressed. Tags whose size is unknown are left out, and with ``by="created"`` those of which nobody knows
    when they were made; what is no image, such as a signature under its tag, is left out too, and so is what is there
    for other platforms only. The title counts them.

    Examples
    --------
    >>> import ocinb
    >>> with ocinb.samples.registry() as registry:
    ...     names = [registry.reference(f"demo/shop:{tag}") for tag in ("1.0", "1.1", "2.0")]
    ...     figure = ocinb.plot.growth(names, platform="amd64")
    ...     sizes = ocinb.layers(names, platform="amd64").groupby("reference")["compressed_bytes"].sum()
    >>> [int(size) for size in figure.data[0].y] == sizes[names].tolist()
    True
    >>> figure.data[0].name
    'linux/amd64'
    """
    questions.most(top)
    check_choice("by", by, ("tag", "created"))
    frame, gaps = history_of(reference, platform=platform, match=match, errors=errors, progress=progress)
    sized = frame[frame["compressed_bytes"].notna()]
    dated = sized[sized["created"].notna()] if by == "created" else sized
    title = title or f"Growth of {_called(frame, gaps)}"
    more = told(
        questions.left_out(len(frame) - len(sized), "tag"),
        f"{counted(len(sized) - len(dated), 'tag')} of unknown age left out" if len(sized) > len(dated) else "",
        gaps.told(),
    )
    if dated.empty:
        why = "" if len(frame) else "there are no tags to draw"
        return gaps.noted(drawing.nothing(title, told(why, more)))
    return gaps.noted(_figure(title, _place_of(frame), more, aliased(dated), top, by))


def _called(frame: pd.DataFrame, gaps: Gaps) -> str:
    names = list(dict.fromkeys(frame["repository"].dropna().tolist()))
    if not names:
        return questions.called([], gaps) if gaps.names else "no repository"
    return " and ".join(names) if len(names) <= 2 else f"{len(names):,} repositories"  # noqa: PLR2004


def _place_of(frame: pd.DataFrame) -> str:
    """Name the registry, unless there are several or it is Docker Hub."""
    registries = set(frame["registry"].dropna()) - {HUB} if "registry" in frame.columns else set()
    return str(registries.pop()) if len(registries) == 1 else ""


def _newest(frame: pd.DataFrame, top: int) -> pd.DataFrame:
    """Keep the newest tags, in the order in which they were made; those of unknown age come first."""
    made = frame.groupby(["repository", "tag"], dropna=False)["created"].transform("min")
    ordered = frame.assign(_made=made).sort_values(["_made", "tag"], na_position="first", kind="stable")
    tags = ordered[["repository", "tag"]].drop_duplicates().tail(top)
    return ordered.merge(tags, on=["repository", "tag"], how="inner")


def _figure(title: str, where: str, more: str, drawn: pd.DataFrame, top: int, by: str) -> Chart:
    frame = _newest(drawn, top)
    lines, older = _lines(frame), _count(drawn) - _count(frame)
    tags = list(dict.fromkeys(frame["tag"].tolist()))
    first, last = frame["compressed_bytes"].iloc[0], frame["compressed_bytes"].iloc[-1]
    subtitle = told(
        where,
        f"{counted(_count(frame), 'image')}, compressed",
        f"{human_size(int(frame['compressed_bytes'].min()))} to {human_size(int(frame['compressed_bytes'].max()))}",
        f"{counted(len(lines) - _MOST_LINES, 'more line')} not drawn" if len(lines) > _MOST_LINES else "",
        f"{counted(older, 'older image')} not drawn" if older else "",
        more,
    )
    most = frame.iloc[int(frame["delta_bytes"].fillna(0).astype("int64").argmax())]
    alt = f"Lines. {title}: {subtitle}. From {human_size(int(first))} to {human_size(int(last))}. {_grew_most(most)}"
    names = [name for name, _ in lines[:_MOST_LINES]]
    made = drawing.chart(
        title=title, subtitle=subtitle, alt=alt, height=_HEIGHT, legend=names if len(lines) > 1 else False
    )
    for place, (name, rows) in enumerate(lines[:_MOST_LINES]):
        across = [tags.index(tag) for tag in rows["tag"]] if by == "tag" else rows["created"]
        _add_line(made, name, rows, place, list(across))
    highest = int(frame["compressed_bytes"].max())
    axis = drawing.ticks(0, highest, most=_MOST_SIZES)
    made.update_yaxes(**axis, range=[0, 1.15 * highest or 1], automargin=True, zeroline=False)
    # So that the last one, the newest, does not leave the picture.
    made.update_xaxes(autotickangles=[0, -40, -90], ticklabeloverflow="allow", automargin=True)
    if by == "created":
        made.update_xaxes(nticks=_MOST_DATES)
    else:
        places = _places(len(tags))
        shown = {"tickmode": "array", "tickvals": places, "ticktext": [safe(tags[place], 20) for place in places]}
        made.update_xaxes(**shown, range=[-0.5, len(tags) - 0.5], zeroline=False, showgrid=False)
    return made


def _count(frame: pd.DataFrame) -> int:
    return len(frame[["repository", "tag"]].drop_duplicates())


def _places(count: int) -> list[int]:
    """Choose which tags have their name on the axis: all, or so many that they can be read, with the newest."""
    step = -(-count // _MOST_TAGS)
    return list(range(count - 1, -1, -step))[::-1]


def _grew_most(row: pd.Series[Any]) -> str:
    if is_unknown(row["delta_bytes"]) or row["delta_bytes"] <= 0:
        return "No tag grew."
    layer = "" if is_unknown(row["grown_by"]) else f", most of it in layer {row['grown_in']}, {row['grown_by']}"
    return f"{row['tag']} grew most, by {human_size(int(row['delta_bytes']))}{layer}."


def _lines(frame: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    several = len(frame["repository"].unique()) > 1
    groups = frame.groupby(["repository", "platform"], sort=False, dropna=False)
    return [
        (" ".join(str(part) for part in (key if several else key[1:]) if not is_unknown(part)), rows)
        for key, rows in groups
    ]


def _labels(rows: pd.DataFrame, across: Sequence[Any]) -> tuple[list[str], list[str]]:
    """Say at a line what grew or shrank most, where there is room, and on which side of its point.

    >>> import pandas as pd
    >>> _labels(pd.DataFrame({"delta_bytes": [None, 5, 900, 7000]}), [0, 1, 2, 30])[0]
    ['', '', '+900 B', '+7.0 kB']
    """
    grown = [0 if is_unknown(one) else int(one) for one in rows["delta_bytes"]]
    width = across[-1] - across[0] or 1
    along = [(one - across[0]) / width for one in across]
    sides = ["top right" if one < _LABEL else "top left" for one in along]
    begins = [one if side == "top right" else one - _LABEL for one, side in zip(along, sides, strict=True)]
    chosen: list[int] = []
    for place in sorted(filter(lambda place: grown[place], range(len(grown))), key=lambda place: -abs(grown[place])):
        if len(chosen) < _MOST_LABELS and all(abs(begins[place] - begins[other]) >= _LABEL for other in chosen):
            chosen.append(place)
    return [signed_size(one) if place in chosen else "" for place, one in enumerate(grown)], sides


def _add_line(made: Chart, name: str, rows: pd.DataFrame, place: int, across: Sequence[Any]) -> None:
    texts, sides = _labels(rows, across)
    color = drawing.PALETTE[place % len(drawing.PALETTE)]
    made.add_scatter(
        x=list(across),
        y=[int(count) for count in rows["compressed_bytes"]],
        mode="lines+markers" if place else "lines+markers+text",
        text=texts,
        textposition=sides,
        name=safe(name, 40),
        line={"color": color, "width": 2, "dash": _DASHES[place % len(_DASHES)]},
        marker={"symbol": _SYMBOLS[place % len(_SYMBOLS)], "size": 12 if place else 9},
        hovertext=[_hover(row) for row in rows.to_dict("records")],
        hoverinfo="text",
        cliponaxis=False,
    )


def _hover(row: dict[Any, Any]) -> str:
    grown = None if is_unknown(row["grown_by"]) else f"{row['grown_in']}, {row['grown_by']}"
    facts = [
        ("platform", row["platform"]),
        ("compressed", size(row["compressed_bytes"])),
        ("against the tag before", None if is_unknown(row["delta_bytes"]) else signed_size(row["delta_bytes"])),
        ("layer that grew most", grown),
        ("by", None if is_unknown(row["grown_bytes"]) else signed_size(row["grown_bytes"])),
        ("made", None if is_unknown(row["created"]) else f"{row['created']:%Y-%m-%d %H:%M} UTC"),
    ]
    between = "" if str(row["tag"]).startswith("@") else ":"
    return hover(f"{row['repository']}{between}{row['tag']}", facts)
