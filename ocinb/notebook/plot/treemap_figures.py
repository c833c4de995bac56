"""Files as areas: a treemap, or an icicle, of folders or of the layers that they came in, with what is hidden."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from ocinb._arguments import check_choice, suggesting
from ocinb._text import counted, human_size
from ocinb.frames import contents as files_of
from ocinb.frames import images
from ocinb.frames.batch import Errors, Names
from ocinb.frames.resolve import Platforms
from ocinb.notebook.plot import figure, inputs
from ocinb.notebook.plot.bars import STRIPES
from ocinb.notebook.plot.duplicate_figures import COLUMNS, stored_files
from ocinb.notebook.plot.figure import Fact, hover, is_unknown, safe, safe_path, share, size
from ocinb.notebook.plot.folder_tree import Leaf, Node, Path, Sums, tree
from ocinb.notebook.plot.inputs import Picked, Subject, nothing_told, told
from ocinb.notebook.plot.palette import GREY, HIDDEN, PALETTE, TEXT, text_on
from ocinb.progress.protocol import Progress

if TYPE_CHECKING:
    import pandas as pd

    from ocinb.notebook.plot.chart import Chart


_ROOT = "rgba(127, 127, 127, 0.12)"
_LINE = "rgba(255, 255, 255, 0.55)"
_ACROSS_TILES, _ACROSS_ROWS, _LEAST, _MOST = 55, 95, 9, 60


def tiles(
    nodes: Sequence[Node], frame: pd.DataFrame, *, root_name: str, titles: int, is_icicle: bool
) -> dict[str, Any]:
    """Give the columns of the trace."""
    whole = nodes[0].sums.whole
    colors = _colors(nodes)
    return {
        "ids": [str(node.number) for node in nodes],
        "parents": ["" if node.parent is None else str(node.parent) for node in nodes],
        "labels": [_label(node, root_name, titles, nodes, _room(node, whole, is_icicle=is_icicle)) for node in nodes],
        "values": [node.sums.whole for node in nodes],
        "text": [human_size(node.sums.whole) for node in nodes],
        "hovertext": [_hover(node, frame, whole, root_name, titles) for node in nodes],
        "textfont": {"color": [TEXT if color == _ROOT else text_on(color) for color in colors]},
        "marker": {
            "colors": colors,
            "line": {"width": 1, "color": _LINE},
            "pattern": {**STRIPES, "shape": ["/" if _is_hidden(node) else "" for node in nodes]},
        },
    }


def _is_hidden(node: Node) -> bool:
    return node.kind != "root" and node.sums.hidden == node.sums.whole


def _room(node: Node, whole: int, *, is_icicle: bool) -> int:
    """Give about how many characters fit onto a tile in a narrow window."""
    part = node.sums.whole / whole
    return min(max(round(_ACROSS_ROWS * part if is_icicle else _ACROSS_TILES * part**0.5), _LEAST), _MOST)


def _label(node: Node, root_name: str, titles: int, nodes: Sequence[Node], limit: int) -> str:
    """Say what a tile is, in about the room that it has: a name that is cut says more than none."""
    if node.parent is None:
        return safe(root_name, _MOST)
    if node.kind == "more":
        return _more(node)
    name = "/".join(node.path[len(nodes[node.parent].path) :])
    if node.kind == "folder" and len(node.path) > titles:
        return safe_path(f"{name}/", limit)
    return safe(name, limit)


def _more(node: Node) -> str:
    return f"… {node.sums.files:,} more" if node.sums.files else "… more"


def _below(nodes: Sequence[Node], number: int) -> list[Node]:
    """Give what lies directly in a folder and was not gathered, the largest first."""
    return sorted(
        (node for node in nodes if node.parent == number and node.kind != "more"), key=lambda n: -n.sums.whole
    )


def _colors(nodes: Sequence[Node]) -> list[str]:
    """Colour what is below the root, from the largest on, and all in it alike; what is hidden has its own colour.

    A folder that has all to itself tells nothing apart, so those in it are coloured.
    """
    below = _below(nodes, 0)
    while len(below) == 1 and _below(nodes, below[0].number):
        below = _below(nodes, below[0].number)
    colors = {node.number: PALETTE[place] if place < len(PALETTE) else GREY for place, node in enumerate(below)}
    for node in nodes:  # each comes after its folder
        if node.parent is not None:
            colors.setdefault(node.number, colors.get(node.parent, GREY))
    return [_ROOT if not node.number else HIDDEN if _is_hidden(node) else colors[node.number] for node in nodes]


def _hover(node: Node, frame: pd.DataFrame, whole: int, root_name: str, titles: int) -> str:
    sums = node.sums
    facts: list[Fact] = [("size", size(sums.whole)), ("of all", share(sums.whole, whole))]
    if node.kind == "file":
        row = frame.loc[node.row].to_dict()
        return hover("/".join(node.path[titles:]), [*facts, *_file_facts(row, is_hidden=_is_hidden(node))])
    if sums.hidden:
        facts.append(("hidden", f"{size(sums.hidden)}, {share(sums.hidden, sums.whole)}"))
    if sums.files:
        facts.append(("files", f"{sums.files:,}"))
    folder = _called(node.path[:-1] if node.kind == "more" else node.path, titles) or root_name
    return hover(f"{_more(node)} in {folder}" if node.kind == "more" else folder, facts)


def _called(path: Path, titles: int) -> str:
    """Name a place: its images and layers, then its folders."""
    return " · ".join(part for part in (*path[:titles], "/".join(path[titles:])) if part)


def _file_facts(row: dict[Any, Any], *, is_hidden: bool) -> list[Fact]:
    known = {name: value for name, value in row.items() if not is_unknown(value)}
    return [
        ("layer", known.get("layer")),
        ("change", known.get("change")),
        ("seen in the end", "no" if is_hidden else "yes"),
        ("mode", f"{known['mode']:04o}" if "mode" in known else None),
        ("owner", f"{known['uid']}:{known['gid']}" if {"uid", "gid"} <= known.keys() else None),
        ("sha256", known["sha256"][:12] if "sha256" in known else None),
    ]


By = Literal["folder", "layer"]
_HEIGHT = 520
_DEEPEST = 16  # levels of folders: a picture shows fewer, and images have up to some thousand


@suggesting
def treemap(
    reference: Subject,
    *,
    platform: Platforms = None,
    by: By = "folder",
    top: int = 300,
    title: str | None = None,
    errors: Errors = "raise",
    progress: Progress | bool | None = None,
) -> Chart:
    """Draw the files of an image as areas in areas, so that what is large is seen at once.

    Parameters
    ----------
    reference
        The name of an image, or several; or a frame that `ocinb.files` or `ocinb.filesystem` gave. The latter has no
        hidden files.
    platform
        As for `ocinb.files`; a frame has its platforms already.
    by
        ``"folder"`` puts files into their folders; ``"layer"`` puts these into the layers that store them.
    top
        How many folders and files are kept; the smaller ones are gathered into "… n more" where they are.
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
        A plotly figure; a click on a folder goes into it.

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
    Areas are bytes of file content, as in ``stored_bytes`` of `ocinb.efficiency`: each content once, a hard link adds
    nothing. What is stored and not seen in the end is vermillion and striped. Files of unknown size are left out, and
    the title says so.

    Examples
    --------
    >>> import ocinb
    >>> with ocinb.samples.registry() as registry:
    ...     name = registry.reference("demo/shop:2.0")
    ...     frame = ocinb.files(name, platform="amd64", progress=False)
    ...     figures = ocinb.efficiency(name, platform="amd64", progress=False).iloc[0]
    >>> area = ocinb.plot.treemap(frame).data[0]
    >>> bool(area.values[0] == figures["stored_bytes"])
    True
    >>> sorted(label for label, parent in zip(area.labels, area.parents) if parent == "0")[:4]
    ['etc/', 'root/', 'srv/shop/', 'usr/']
    """
    return _draw("treemap", reference, platform, by, top, title, errors, progress=progress)


@suggesting
def icicle(
    reference: Subject,
    *,
    platform: Platforms = None,
    by: By = "folder",
    top: int = 200,
    title: str | None = None,
    errors: Errors = "raise",
    progress: Progress | bool | None = None,
) -> Chart:
    """Draw the files of an image as rows below their folders, so that the depth of folders is seen too.

    Parameters
    ----------
    reference
        The name of an image, or several; or a frame that `ocinb.files` or `ocinb.filesystem` gave. The latter has no
        hidden files.
    platform
        As for `ocinb.files`; a frame has its platforms already.
    by
        ``"folder"`` puts files into their folders; ``"layer"`` puts these into the layers that store them.
    top
        How many folders and files are kept; the smaller ones are gathered into "… n more" where they are.
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
        A plotly figure; a click on a folder goes into it.

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
    As for `treemap`.

    Examples
    --------
    >>> import ocinb
    >>> with ocinb.samples.registry() as registry:
    ...     frame = ocinb.filesystem(registry.reference("demo/shop:2.0"), platform="amd64", progress=False)
    >>> rows = ocinb.plot.icicle(frame, by="layer").data[0]
    >>> bool(rows.values[0] == frame.loc[frame["type"] == "file", "size_bytes"].sum())
    True
    >>> sorted(label for label, parent in zip(rows.labels, rows.parents) if parent == "0")[:2]
    ['layer 0', 'layer 1']
    """
    return _draw("icicle", reference, platform, by, top, title, errors, progress=progress)


def _draw(
    kind: str,
    subject: Subject,
    platform: Platforms,
    by: str,
    top: int,
    title: str | None,
    errors: Errors,
    *,
    progress: Progress | bool | None,
) -> Chart:
    inputs.most(top)
    check_choice("by", by, ("folder", "layer"))
    instructions: dict[Any, str] = {}

    def ask(names: Names) -> pd.DataFrame:
        frame = files_of.files(names, platform=platform, errors=errors, progress=progress)
        if by == "layer":
            instructions.update(_instructions(frame["reference"].unique().tolist(), platform))
        return frame

    made_by = "ocinb.files or ocinb.filesystem"
    frame, gaps = inputs.frame_for(subject, COLUMNS, ask, made_by=made_by, platform=platform, errors=errors)
    pictures = list(inputs.images_in(frame))
    name = inputs.called(pictures, gaps)
    title = title or f"Files of {name}"
    known = stored_files(frame)
    missing = int((frame["type"] == "file").sum()) - len(known)
    more = told(inputs.left_out(missing, "file"), gaps.told(frame, "files"))
    if not known["size_bytes"].any():
        why = "" if missing else nothing_told(gaps, "files with bytes")
        return gaps.noted(figure.nothing(title, told(why, more)))
    titles = (len(pictures) > 1) + (by == "layer")
    known["above"], aboves = _above(known, pictures, by, instructions)
    nodes = tree(_direct(known, aboves), _largest(known, aboves, top), top, titles=titles)
    made = _figure(kind, title, pictures, nodes, titles, more)
    _add(made, kind, tiles(nodes, known, root_name=name, titles=titles, is_icicle=kind == "icicle"))
    return gaps.noted(made)


def _instructions(names: Sequence[str], platform: Platforms) -> dict[Any, str]:
    """Give the instruction of each layer, by its image and its number."""
    known = images.layers(names, platform=platform).dropna(subset=["instruction"])
    keys = zip(known["manifest_digest"], known["layer"], strict=True)
    return dict(zip(keys, known["instruction"].tolist(), strict=True))


def _above(
    frame: pd.DataFrame, pictures: Sequence[Picked], by: str, instructions: Mapping[Any, str]
) -> tuple[pd.Series[int], list[Path]]:
    """Say for each file what is above its first folder, by its number in a list of that.

    That is the image if there are several, and the layer if asked for.
    """
    import pandas as pd

    numbers = pd.Series(0, index=frame.index)
    aboves: list[Path] = []
    for picked, name in inputs.labelled(pictures):
        rows = picked.rows.index.intersection(frame.index)
        image = (name,) if len(pictures) > 1 else ()
        digest = picked.rows["manifest_digest"].iloc[0] if "manifest_digest" in picked.rows else None
        codes, layers = pd.factorize(frame.loc[rows, "layer"], use_na_sentinel=False)
        numbers.loc[rows] = (codes if by == "layer" else 0) + len(aboves)
        titles = [(*image, _layer(layer, instructions.get((digest, layer)))) for layer in layers]
        aboves += titles if by == "layer" else [image]
    return numbers, aboves


def _direct(frame: pd.DataFrame, aboves: Sequence[Path]) -> dict[Path, Sums]:
    """Add up what lies in each folder itself."""
    sizes = frame["size_bytes"].astype("int64")
    folders = [path.rpartition("/")[0] for path in frame["path"].tolist()]
    hidden = sizes.where(frame["is_hidden"], 0)
    columns = frame[["above"]].assign(folder=folders, whole=sizes, hidden=hidden, files=1)
    groups = columns.groupby(["above", "folder"], sort=False)
    sums = groups[["whole", "hidden", "files"]].sum().reset_index()
    rows = zip(*(sums[name].tolist() for name in sums.columns), strict=True)
    return {
        (*aboves[above], *_names(folder)): Sums(whole, hidden, files) for above, folder, whole, hidden, files in rows
    }


def _largest(frame: pd.DataFrame, aboves: Sequence[Path], top: int) -> list[Leaf]:
    rows = frame.nlargest(top, "size_bytes")
    columns = zip(rows.index, rows["above"], rows["path"], rows["size_bytes"], rows["is_hidden"], strict=True)
    leaves = []
    for row, above, path, stored, is_hidden in columns:
        folder, _, name = path.rpartition("/")
        sums = Sums(int(stored), int(stored) if is_hidden else 0, 1)
        leaves.append(Leaf((*aboves[above], *_names(folder), name), sums, row))
    return leaves


def _names(folder: str) -> list[str]:
    """Take a folder apart; what is very deep stays together, so that an odd image does not take all memory."""
    return folder.split("/", _DEEPEST - 1) if folder else []


def _layer(number: object, instruction: str | None) -> str:
    return f"layer {number}: {instruction}" if instruction else f"layer {number}"


def _figure(kind: str, title: str, pictures: Sequence[Picked], nodes: Sequence[Node], titles: int, more: str) -> Chart:
    root = nodes[0].sums
    subtitle = told(
        inputs.place_of(pictures),
        f"{human_size(root.whole)} in {counted(root.files, 'stored file')}",
        f"{human_size(root.hidden)} ({share(root.hidden, root.whole)}) hidden, striped" if root.hidden else "",
        more,
    )
    largest = sorted((node for node in nodes if node.kind == "file"), key=lambda node: -node.sums.whole)[:3]
    listed = ", ".join(f"{'/'.join(node.path[titles:])} ({human_size(node.sums.whole)})" for node in largest)
    alt = f"{kind.capitalize()}. {title}: {subtitle}." + (f" Largest files: {listed}." if listed else "")
    return figure.chart(title=title, subtitle=subtitle, alt=alt, height=_HEIGHT)


def _add(made: Chart, kind: str, columns: dict[str, Any]) -> None:
    common = {"branchvalues": "total", "hoverinfo": "text", "sort": True, "textinfo": "label+text"}
    if kind == "treemap":
        made.add_treemap(
            **columns,
            **common,
            tiling={"packing": "squarify", "pad": 2},
            pathbar_visible=True,
            marker_pad={"t": 21, "l": 3, "r": 3, "b": 3},
        )
    else:
        made.add_icicle(
            **columns, **common, tiling={"orientation": "v", "pad": 1}, pathbar_visible=False, leaf_opacity=1
        )
    made.update_layout(height=made.layout.margin.t + _HEIGHT + 8, margin={"l": 8, "r": 8, "b": 8})
    made.update_layout(uniformtext={"minsize": 10, "mode": "hide"})
