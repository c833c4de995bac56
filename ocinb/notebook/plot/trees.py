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
from ocinb.notebook.plot import drawing, questions
from ocinb.notebook.plot.contents import COLUMNS, stored_files
from ocinb.notebook.plot.folders import Leaf, Node, Path, Sums, tree
from ocinb.notebook.plot.gaps import nothing_told
from ocinb.notebook.plot.questions import Picked, Subject, Watching, told
from ocinb.notebook.plot.tiles import tiles
from ocinb.notebook.plot.words import share
from ocinb.progress.protocol import Progress

if TYPE_CHECKING:
    import pandas as pd

    from ocinb.notebook.plot.chart import Chart

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
    return _draw("treemap", reference, platform, by, top, title, errors, progress)


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
    return _draw("icicle", reference, platform, by, top, title, errors, progress)


def _draw(
    kind: str,
    subject: Subject,
    platform: Platforms,
    by: str,
    top: int,
    title: str | None,
    errors: Errors,
    progress: Watching,
) -> Chart:
    questions.most(top)
    check_choice("by", by, ("folder", "layer"))
    instructions: dict[Any, str] = {}

    def ask(names: Names) -> pd.DataFrame:
        frame = files_of.files(names, platform=platform, errors=errors, progress=progress)
        if by == "layer":
            instructions.update(_instructions(frame["reference"].unique().tolist(), platform))
        return frame

    made_by = "ocinb.files or ocinb.filesystem"
    frame, gaps = questions.frame_for(subject, COLUMNS, ask, made_by=made_by, platform=platform, errors=errors)
    pictures = list(questions.images(frame))
    name = questions.called(pictures, gaps)
    title = title or f"Files of {name}"
    known = stored_files(frame)
    missing = int((frame["type"] == "file").sum()) - len(known)
    more = told(questions.left_out(missing, "file"), gaps.told(frame, "files"))
    if not known["size_bytes"].any():
        why = "" if missing else nothing_told(gaps, "files with bytes")
        return gaps.noted(drawing.nothing(title, told(why, more)))
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
    for picked, name in questions.labelled(pictures):
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
    for row, above, path, size, is_hidden in columns:
        folder, _, name = path.rpartition("/")
        sums = Sums(int(size), int(size) if is_hidden else 0, 1)
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
        questions.place_of(pictures),
        f"{human_size(root.whole)} in {counted(root.files, 'stored file')}",
        f"{human_size(root.hidden)} ({share(root.hidden, root.whole)}) hidden, striped" if root.hidden else "",
        more,
    )
    largest = sorted((node for node in nodes if node.kind == "file"), key=lambda node: -node.sums.whole)[:3]
    listed = ", ".join(f"{'/'.join(node.path[titles:])} ({human_size(node.sums.whole)})" for node in largest)
    alt = f"{kind.capitalize()}. {title}: {subtitle}." + (f" Largest files: {listed}." if listed else "")
    return drawing.chart(title=title, subtitle=subtitle, alt=alt, height=_HEIGHT)


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
