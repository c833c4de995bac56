"""Growth: the size of a repository's images from tag to tag, and which layer made them grow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from ocinb._calls import check_choice, suggesting
from ocinb._text import human_size
from ocinb.errors import InvalidError, NotFoundError, OcinbError
from ocinb.frames import images
from ocinb.frames import names as listing
from ocinb.frames.collecting import Names, list_names
from ocinb.frames.opening import Platforms
from ocinb.notebook.plot import drawing, questions
from ocinb.notebook.plot.aliases import aliased
from ocinb.notebook.plot.questions import Subject, Watching, told
from ocinb.notebook.plot.words import counted, hover, is_unknown, safe, signed_size, size
from ocinb.progress.protocol import Progress
from ocinb.spec.reference import HUB, Reference

if TYPE_CHECKING:
    import pandas as pd

    from ocinb.notebook.plot.chart import Chart

By = Literal["tag", "created"]
_COLUMNS = [
    "repository",
    "tag",
    "platform",
    "created",
    "compressed_bytes",
    "delta_bytes",
    "grown_in",
    "grown_by",
    "grown_bytes",
]
# Which image a tag has for a platform, so that several names of one image are one point.
_HISTORY = """
SELECT history.*, min(images.manifest_digest) AS manifest_digest
FROM size_history AS history
LEFT JOIN current_images AS named USING (registry, repository, tag)
LEFT JOIN images
    ON images.manifest_digest = named.manifest_digest
    AND images.platform IS NOT DISTINCT FROM history.platform
    AND images.created IS NOT DISTINCT FROM history.created
    AND images.compressed_bytes IS NOT DISTINCT FROM history.compressed_bytes
GROUP BY ALL
ORDER BY registry, repository, platform, created NULLS LAST, tag
"""
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "star")
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
_MOST_LINES = 12
_HEIGHT = 320


@suggesting
def growth(
    reference: Subject,
    *,
    platform: Platforms = None,
    match: str | None = None,
    by: By = "tag",
    top: int = 100,
    title: str | None = None,
    progress: Progress | bool | None = None,
) -> Chart:
    """Draw how images grew from tag to tag: a line for each platform.

    Documents alone are read, no layer.

    Parameters
    ----------
    reference
        A repository, of which all tags are asked for; or a list of images; or a frame that the view
        ``size_history`` of a catalogue gave.
    platform
        As for `ocinb.layers`; None is ``"all"``. A frame has its platforms already.
    match
        Of a repository, which tags: a glob such as ``"3.1?-slim"``.
    by
        ``"tag"`` gives each tag the same room, in the order in which they were made; ``"created"`` draws along time.
    top
        How many tags there are at most, the newest.
    title
        What stands above it; None makes one of the names.
    progress
        As for `ocinb.files`.

    Returns
    -------
    Figure
        A plotly figure; where the mouse rests, it says which layer grew most, and by which instruction.

    Raises
    ------
    InvalidError
        If a frame lacks columns, an option is none, or it is the name of one image.
    NotFoundError
        If there is no such repository, or none of its tags matches.
    OcinbError
        If no name could be read; also if plotly is not installed: ``pip install 'ocinb[plot]'``. That one is an
        `ImportError` too.

    Notes
    -----
    Sizes are compressed. Tags whose size is unknown are left out, and with ``by="created"`` those of which nobody knows
    when they were made; the title says so.

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
    failed: list[str] = []

    def ask(names: Names) -> pd.DataFrame:
        return _history(_tags_of(names, match), platform, progress, failed)

    frame = questions.frame_for(reference, _COLUMNS, ask, made_by="size_history of a catalogue", platform=platform)
    sized = frame[frame["compressed_bytes"].notna()]
    drawn = sized[sized["created"].notna()] if by == "created" else sized
    title = title or f"Growth of {_called(frame)}"
    more = told(
        f"{counted(len(failed), 'name')} could not be read" if failed else "",
        questions.left_out(len(frame) - len(sized), "tag"),
        f"{counted(len(sized) - len(drawn), 'tag')} of unknown age left out" if len(sized) > len(drawn) else "",
    )
    if drawn.empty:
        return drawing.nothing(title, more or "there are no tags to draw")
    return _figure(title, _place_of(frame), more, _newest(aliased(drawn), top), by)


def _tags_of(names: Names, match: str | None) -> list[str]:
    """Give the names; for a repository those of its tags that people made."""
    listed = list_names(names)
    if not isinstance(names, str | Reference):
        return listed
    repository = _repository(listed[0])
    tags = listing.tags(repository, match=match)
    kept: list[str] = tags.loc[tags["kind"] == "tag", "reference"].tolist()
    if match is not None and not kept:
        raise NotFoundError(f"no tag matches {match!r}", reference=repository)
    return kept


def _repository(text: str) -> str:
    """Give the name of a repository; refuse that of one image, which has grown from nothing that is asked for.

    Raises
    ------
    InvalidError
        If it has a tag or a digest.
    """
    parsed = Reference(text)
    if parsed.repository is None:
        whole, is_one = f"{parsed.transport}:{parsed.path}", parsed.name is not None or parsed.digest is not None
    else:
        whole, is_one = f"{parsed.registry}/{parsed.repository}", text.endswith(f":{parsed.tag}") or "@" in text
    if is_one:
        hint = f"Give its repository, {questions.familiar(whole).removesuffix(':latest')!r}, or a list of images"
        raise InvalidError(f"growth is drawn from tag to tag, and {parsed.familiar!r} is one image", hint=hint)
    return text


def _history(names: Sequence[str], platform: Platforms, progress: Watching, failed: list[str]) -> pd.DataFrame:
    from ocinb.catalog.catalog import Catalog

    with Catalog() as catalog:
        added = catalog.add(names, platform="all" if platform is None else platform, progress=progress)
        failures = added[added["outcome"] == "failed"]
        if len(failures) and len(failures) == len(added):
            images.manifests(failures["reference"].iloc[0])  # which says it with an error of its own kind
            raise OcinbError(str(failures["error"].iloc[0]), reference=str(failures["reference"].iloc[0]))
        failed += failures["reference"].tolist()
        return catalog.sql(_HISTORY)


def _called(frame: pd.DataFrame) -> str:
    names = list(dict.fromkeys(frame["repository"].dropna().tolist()))
    if not names:
        return "no repository"
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


def _figure(title: str, where: str, more: str, frame: pd.DataFrame, by: str) -> Chart:
    lines = _lines(frame)
    tags = list(dict.fromkeys(frame["tag"].tolist()))
    first, last = frame["compressed_bytes"].iloc[0], frame["compressed_bytes"].iloc[-1]
    subtitle = told(
        where,
        f"{counted(len(tags), 'image')}, compressed",
        f"{human_size(int(frame['compressed_bytes'].min()))} to {human_size(int(frame['compressed_bytes'].max()))}",
        f"{counted(len(lines) - _MOST_LINES, 'more line')} not drawn" if len(lines) > _MOST_LINES else "",
        more,
    )
    most = frame.iloc[int(frame["delta_bytes"].fillna(0).astype("int64").argmax())]
    alt = f"Lines. {title}: {subtitle}. From {human_size(int(first))} to {human_size(int(last))}. {_grew_most(most)}"
    made = drawing.chart(title=title, subtitle=subtitle, alt=alt, height=_HEIGHT, legend=len(lines) > 1)
    for place, (name, rows) in enumerate(lines[:_MOST_LINES]):
        across = [tags.index(tag) for tag in rows["tag"]] if by == "tag" else rows["created"]
        _add_line(made, name, rows, place, across, is_labelled=place == 0 and len(tags) <= _MOST_LINES)
    highest = int(frame["compressed_bytes"].max())
    made.update_yaxes(**drawing.ticks(0, highest), range=[0, 1.15 * highest or 1], automargin=True, zeroline=False)
    if by == "tag":
        shown = {"tickmode": "array", "tickvals": list(range(len(tags))), "ticktext": [safe(tag, 20) for tag in tags]}
        made.update_xaxes(**shown, range=[-0.5, len(tags) - 0.5], automargin=True, zeroline=False, showgrid=False)
    return made


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


def _add_line(made: Chart, name: str, rows: pd.DataFrame, place: int, across: Any, *, is_labelled: bool) -> None:
    color = drawing.PALETTE[place % len(drawing.PALETTE)]
    made.add_scatter(
        x=list(across),
        y=[int(count) for count in rows["compressed_bytes"]],
        mode="lines+markers+text" if is_labelled else "lines+markers",
        text=["" if is_unknown(grown) or not grown else signed_size(grown) for grown in rows["delta_bytes"]],
        textposition="top left",
        name=safe(name, 40),
        line={"color": color, "width": 2, "dash": _DASHES[place % len(_DASHES)]},
        marker={"symbol": _SYMBOLS[place % len(_SYMBOLS)], "size": 9},
        hovertext=[_hover(row) for row in rows.to_dict("records")],
        hoverinfo="text",
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
    return hover(f"{row['repository']}:{row['tag']}", facts)
