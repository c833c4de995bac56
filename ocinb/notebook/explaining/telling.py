"""Telling: the chapters in the order in which a client goes the way."""

from __future__ import annotations

from ocinb._text import counted, human_duration
from ocinb.notebook.explaining.chapters import (
    chain,
    config,
    door,
    history,
    index,
    kept,
    manifest,
    name,
    referrers,
    token,
    wire,
)
from ocinb.notebook.explaining.gathering import Gathered
from ocinb.notebook.explaining.lines import preamble
from ocinb.notebook.explaining.words import Code, Size, Span, Spans, Told

_ORDER = (name, door, token, index, manifest, config, history, chain, referrers, kept, wire)


def tell(story: Gathered) -> Told:
    """Tell all chapters of what was gathered."""
    chapters = tuple(chapter.tell(story) for chapter in _ORDER)
    return Told(story.asked.name, _gist(story), preamble(story.asked.name), chapters)


def _gist(story: Gathered) -> Spans:
    """Say in one line what it is, and what it took to find out."""
    said: list[Span] = []
    image = story.read
    if image is not None:
        if image.platform is not None and image.platform.known:
            said += [Code(str(image.platform)), " · "]
        layers = image.manifest.layers
        said.append(counted(len(layers), "layer" if story.runs else "blob"))
        sizes = [layer.known_size for layer in layers]
        if layers and None not in sizes:
            said += [", ", Size(sum(size or 0 for size in sizes))]
        said.append(" · ")
    if not story.exchanges:
        return (*said, "no network")
    taken = sum(exchange.seconds for exchange in story.exchanges)
    return (*said, f"{counted(len(story.exchanges), 'request')}, {human_duration(taken)} of waiting for answers")
