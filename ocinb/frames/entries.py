"""Entries: what stands in the layers of an image, as columns of frames: whole lists, without an object for each row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import accumulate, chain, repeat
from typing import Any

from ocinb.archive.entries import FILE, HARDLINK, Columns
from ocinb.frames.collecting import Row
from ocinb.frames.reading import Contents
from ocinb.rootfs.dive import dive_figures
from ocinb.rootfs.filesystem import Entry, Overlay
from ocinb.rootfs.waste import figures, hidden_files

Lists = dict[str, list[Any]]

# What a frame has from an entry as it is; of a hard link the file has it.
_AS_IT_IS = ("size_bytes", "mode", "uid", "gid", "mtime")


class Made(Mapping[str, list[Any]]):
    """Columns that are made when they are asked for, each anew: so that of a million rows one list lives at a time."""

    def __init__(self, **makers: Callable[[], list[Any]]) -> None:
        self._makers = makers

    def __getitem__(self, name: str) -> list[Any]:
        return self._makers[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)

    def __contains__(self, name: object) -> bool:
        return name in self._makers


def files_columns(layers: Sequence[Columns], overlay: Overlay) -> Made:
    """Give all entries of all layers, in their order."""

    def every(name: str) -> list[Any]:
        return list(chain.from_iterable(getattr(layer, name) for layer in layers))

    return Made(
        layer=lambda: list(chain.from_iterable(repeat(number, len(layer)) for number, layer in enumerate(layers))),
        sha256=lambda: [digest and digest.hex() for layer in layers for digest in layer.sha256],
        change=lambda: list(chain.from_iterable(overlay.change)),
        visible=lambda: list(chain.from_iterable(overlay.visible)),
        **{name: partial(every, name) for name in ("path", "type", *_AS_IT_IS, "link_target")},
    )


def filesystem_columns(layers: Sequence[Columns], overlay: Overlay) -> Made:
    """Give the paths of the final file system; the first name of a file is the file, the others are links to it."""
    starts = list(accumulate(map(len, layers), initial=0))
    places = [starts[layer] + place for layer, place in overlay.contents]

    def chosen(name: str) -> list[Any]:
        every = list(chain.from_iterable(getattr(layer, name) for layer in layers))
        return list(map(every.__getitem__, places))

    types, targets = chosen("type"), chosen("link_target")
    for place, first in _further_names(types, overlay):
        types[place], targets[place] = HARDLINK, overlay.paths[first]
    return Made(
        path=lambda: overlay.paths,
        type=lambda: types,
        link_target=lambda: targets,
        sha256=lambda: [digest and digest.hex() for digest in chosen("sha256")],
        layer=lambda: [layer for layer, _ in overlay.owners],
        **{name: partial(chosen, name) for name in _AS_IT_IS},
    )


def _further_names(types: Sequence[str], overlay: Overlay) -> list[tuple[int, int]]:
    """Give the places of all names of files but the first, each with that of the first."""
    if overlay.contents == overlay.owners:  # there are no hard links
        return []
    first: dict[Entry, int] = {}
    found = []
    for place, (content, kind) in enumerate(zip(overlay.contents, types, strict=True)):
        if kind == FILE and first.setdefault(content, place) != place:
            found.append((place, first[content]))
    return found


def hidden_columns(contents: Contents, overlay: Overlay) -> Lists:
    """Give the stored files that nothing shows, with who stored and who hid them."""
    entries = contents.entries
    hidden = list(hidden_files(entries, overlay))
    made = contents.instructions
    hidden_in = [overlay.hidden_in[number][place] for number, place in hidden]
    return {
        "path": _of(hidden, [layer.path for layer in entries]),
        "hidden_bytes": _of(hidden, [layer.size_bytes for layer in entries]),
        "reason": _of(hidden, overlay.reason),
        "stored_in": [number for number, _ in hidden],
        "stored_by": [made[number] for number, _ in hidden],
        "hidden_in": hidden_in,
        "hidden_by": [None if number is None else made[number] for number in hidden_in],
    }


def figures_row(contents: Contents, overlay: Overlay) -> Row:
    """Give what all layers of an image come to, with what dive says."""
    layers, found = contents.entries, figures(contents.entries, overlay)
    dive = dive_figures(layers)
    return {
        "layers": len(layers),
        "compressed_bytes": _sum(blob.known_size for blob in contents.image.manifest.layers),
        "tar_bytes": _sum(layer.tar_bytes for layer in contents.layers),
        "stored_bytes": found.stored_bytes,
        "visible_bytes": found.visible_bytes,
        "hidden_bytes": found.hidden_bytes,
        "efficiency": found.efficiency,
        "duplicate_bytes": found.duplicate_bytes,
        "dive_efficiency": dive.efficiency,
        "dive_wasted_bytes": dive.wasted_bytes,
        "dive_user_wasted_ratio": dive.user_wasted_ratio,
    }


def layer_figures(contents: Contents, overlay: Overlay) -> list[Row]:
    """Give what each layer comes to."""
    found = figures(contents.entries, overlay)
    return [
        {"tar_bytes": layer.tar_bytes, "files": files, "hidden_bytes": hidden}
        for layer, files, hidden in zip(contents.layers, found.layer_files, found.layer_hidden_bytes, strict=True)
    ]


def _sum(values: Iterable[int | None]) -> int | None:
    """Add numbers; with one that is unknown the sum is unknown."""
    known = list(values)
    return None if None in known else sum(value or 0 for value in known)


def _of(entries: Iterable[Entry], lists: Sequence[Sequence[Any]]) -> list[Any]:
    return [lists[layer][place] for layer, place in entries]
