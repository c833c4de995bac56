"""Which bytes of an image are seen, and which are hidden: the files of a frame, one line for each content."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocinb.notebook.plot import questions

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ["reference", "platform", "path", "type", "size_bytes", "layer"]


def stored_files(frame: pd.DataFrame) -> pd.DataFrame:
    """Give the regular files of a frame of `ocinb.files` or `ocinb.filesystem`.

    Returns
    -------
    DataFrame
        Its rows of regular files whose size is known, with a column more: is_hidden.
    """
    rows = frame.assign(size_bytes=questions.numbers(frame, "size_bytes"))
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
