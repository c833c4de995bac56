"""The growth figure: image sizes from tag to tag, and the layer that grew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from ocinb._arguments import check_choice, suggesting
from ocinb._text import counted, human_size
from ocinb.errors import InvalidError
from ocinb.frames.resolve import Platforms, wanted_platforms
from ocinb.notebook.plot import figure, inputs, palette
from ocinb.notebook.plot.figure import hover, is_unknown, safe, signed_size, size
from ocinb.notebook.plot.inputs import told
from ocinb.sources.images import ALL
from ocinb.spec.platforms import parse_platform
from ocinb.spec.reference import HUB
from ocinb.spec.tag_schema import tag_kind

if TYPE_CHECKING:
    import pandas as pd

    from ocinb.catalog.catalog import Catalog
    from ocinb.notebook.plot.chart import Chart


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


def history_of(subject: pd.DataFrame | Catalog, platform: Platforms) -> tuple[pd.DataFrame, int]:
    """Return a row per tag and platform, as ``size_history`` has them, and the number of tags that are no images."""
    import pandas as pd

    catalog = inputs.catalog_of(subject)
    if catalog is not None:
        return _of_platforms(_with_deltas(catalog.sql(_HISTORY)), platform), 0
    if not isinstance(subject, pd.DataFrame):
        hint = "catalog = ocinb.Catalog(); catalog.add(names); ocinb.plot.growth(catalog)"
        raise InvalidError(f"growth takes a Catalog or a frame of its view size_history, not {subject!r}", hint=hint)
    if "first_seen" in subject.columns and "compressed_bytes" not in subject.columns:
        hint = "ocinb.plot.growth(catalog) draws the sizes in a catalog"
        raise InvalidError("tag_history has no sizes", hint=hint)
    frame = inputs.given(subject, _COLUMNS, made_by="size_history of a catalog", platform=platform)
    is_image = frame["tag"].map(lambda tag: tag_kind(str(tag)) == "tag").astype(bool)
    others = len(frame.loc[~is_image, ["repository", "tag"]].drop_duplicates())
    kept = frame[is_image]
    return kept if {"delta_bytes", *_GROWN} <= set(kept.columns) else _with_deltas(kept), others


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


_TOLD_APART_BY = ["created", "compressed_bytes"]


def aliased(frame: pd.DataFrame) -> pd.DataFrame:
    """Put the tags of a repository that are the same image on all platforms into one, which has all their names."""
    known = ["manifest_digest"] if "manifest_digest" in frame.columns else _TOLD_APART_BY
    places = [name for name in ("registry", "repository") if name in frame.columns]
    tags = [*places, "tag"]
    names: dict[Any, Any] = {}
    for place, rows in frame.groupby(places, sort=False, dropna=False):
        names.update({(*place, tag): name for tag, name in _alias_names(rows, known).items()})
    keys = frame[tags].itertuples(index=False, name=None)
    renamed = frame.assign(tag=[names.get(key, key[-1]) for key in keys])
    return renamed.drop_duplicates([*tags, "platform"])


def _alias_names(rows: pd.DataFrame, known: list[str]) -> dict[str, str]:
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
    history: pd.DataFrame | Catalog,
    *,
    platform: Platforms = None,
    by: By = "tag",
    top: int = 100,
    title: str | None = None,
) -> Chart:
    """Draw how images grew from tag to tag: a line for each repository and platform.

    Parameters
    ----------
    history
        A `Catalog`, or a frame of its views ``size_history`` or ``tags``. ``tags`` does not say which layer grew.
    platform
        Which platforms of a catalog to draw, as for `ocinb.layers`; None draws all. A frame is drawn as it is.
    by
        ``"tag"`` gives each tag the same room, in the order of creation; ``"created"`` draws along time.
    top
        The number of tags to draw, newest first.
    title
        The title; None makes one of the repository names.

    Returns
    -------
    Figure
        A plotly figure. The hover text names the layer that grew most and its instruction.

    Raises
    ------
    InvalidError
        If a frame lacks columns, or an option is not valid.
    OcinbError
        If plotly is not installed: ``pip install 'ocinb[plot]'``. That one is an `ImportError` too.

    Notes
    -----
    Sizes are compressed. Tags of unknown size, tags that are no images (signatures) and, with ``by="created"``, tags
    of unknown age are left out. The title counts them.

    Examples
    --------
    >>> import ocinb
    >>> with ocinb.samples.registry() as registry, ocinb.Catalog() as catalog:
    ...     names = [registry.reference(f"demo/shop:{tag}") for tag in ("1.0", "1.1", "2.0")]
    ...     added = catalog.add(names, progress=False)
    ...     figure = ocinb.plot.growth(catalog, platform="amd64")
    ...     sizes = ocinb.layers(names, platform="amd64").groupby("reference")["compressed_bytes"].sum()
    >>> [int(size) for size in figure.data[0].y] == sizes[names].tolist()
    True
    >>> figure.data[0].name
    'linux/amd64'
    """
    inputs.most(top)
    check_choice("by", by, ("tag", "created"))
    frame, others = history_of(history, platform)
    sized = frame[frame["compressed_bytes"].notna()]
    dated = sized[sized["created"].notna()] if by == "created" else sized
    title = title or f"Growth of {_called(frame)}"
    more = told(
        inputs.left_out(len(frame) - len(sized), "tag"),
        f"{counted(len(sized) - len(dated), 'tag')} of unknown age left out" if len(sized) > len(dated) else "",
        inputs.told_others(others),
    )
    if dated.empty:
        why = "" if len(frame) else "there are no tags to draw"
        return figure.nothing(title, told(why, more))
    return _figure(title, _place_of(frame), more, aliased(dated), top, by)


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


def _figure(title: str, where: str, more: str, drawn: pd.DataFrame, top: int, by: str) -> Chart:
    frame = _newest(drawn, top)
    lines, older = _lines(frame), _count(drawn) - _count(frame)
    tags = list(dict.fromkeys(frame["tag"].tolist()))
    subtitle = told(
        where,
        f"{counted(_count(frame), 'image')}, compressed",
        f"{human_size(int(frame['compressed_bytes'].min()))} to {human_size(int(frame['compressed_bytes'].max()))}",
        f"{counted(len(lines) - _MOST_LINES, 'more line')} not drawn" if len(lines) > _MOST_LINES else "",
        f"{counted(older, 'older image')} not drawn" if older else "",
        more,
    )
    alt = f"Lines. {title}: {subtitle}. {_ends(lines[:_MOST_LINES])} {_grew_most(frame, several=len(lines) > 1)}"
    names = [name for name, _ in lines[:_MOST_LINES]]
    made = figure.chart(
        title=title, subtitle=subtitle, alt=alt, height=_HEIGHT, legend=names if len(lines) > 1 else False
    )
    for place, (name, rows) in enumerate(lines[:_MOST_LINES]):
        across = [tags.index(tag) for tag in rows["tag"]] if by == "tag" else rows["created"]
        _add_line(made, name, rows, place, list(across))
    highest = int(frame["compressed_bytes"].max())
    axis = figure.ticks(0, highest, most=_MOST_SIZES)
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


def _ends(lines: Sequence[tuple[str, pd.DataFrame]]) -> str:
    """Say where each line begins and ends: sizes of different platforms are never compared."""
    told_lines = []
    for name, rows in lines:
        first, last = (human_size(int(rows["compressed_bytes"].iloc[end])) for end in (0, -1))
        told_lines.append(f"{f'{name}: from' if len(lines) > 1 else 'From'} {first} to {last}.")
    return " ".join(told_lines)


def _grew_most(frame: pd.DataFrame, *, several: bool) -> str:
    row = frame.iloc[int(frame["delta_bytes"].fillna(0).astype("int64").argmax())]
    if is_unknown(row["delta_bytes"]) or row["delta_bytes"] <= 0:
        return "No tag grew."
    layer = "" if is_unknown(row["grown_by"]) else f", most of it in layer {row['grown_in']}, {row['grown_by']}"
    where = f" on {row['platform']}" if several and not is_unknown(row["platform"]) else ""
    return f"{row['tag']} grew most{where}, by {human_size(int(row['delta_bytes']))}{layer}."


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
    color = palette.PALETTE[place % len(palette.PALETTE)]
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
