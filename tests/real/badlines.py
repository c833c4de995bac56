"""What is expected of a pull over a bad line, as rows of a table, and how one row is played and judged."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

import ocinb
from ocinb.errors import OcinbError
from ocinb.sources.session import close_default_session
from tests.patience import SECONDS
from tests.real import aftermath, tools
from tests.real.faultproxy import Fault, FaultProxy

LEFT = 300_000


@dataclass(frozen=True)
class Layer:
    """The blob of an image that comes over the bad line."""

    reference: str
    digest: str
    size: int


@dataclass(frozen=True)
class Fails:
    """How a pull ends that does not end well."""

    kind: type[OcinbError]
    says: str


@dataclass(frozen=True)
class Row:
    """What is expected of one layer.

    Each step is from which byte on the layer is asked for, and how that is answered; a negative byte counts from the
    end. Then come the outcomes of the pulls, one after the other, and what comes twice: so often the whole layer, and
    so many bytes.
    """

    name: str
    steps: Sequence[tuple[int, Fault]]
    pulls: Sequence[str | Fails] = ("downloaded",)
    wholes: int = 0
    again: int = 0
    retries: int = 3
    timeout: float = SECONDS


def largest_layer(reference: str) -> Layer:
    layers = json.loads(tools.skopeo_raw(reference))["layers"]
    largest = max(layers, key=lambda layer: int(layer["size"]))
    return Layer(reference, largest["digest"], largest["size"])


def config_of(reference: str) -> Layer:
    config = json.loads(tools.skopeo_raw(reference))["config"]
    return Layer(reference, config["digest"], config["size"])


def pull(reference: str, place: Path) -> dict[str, str]:
    """Pull as a process does that has asked nothing yet, and give what became of each blob."""
    close_default_session()
    frame = ocinb.pull(reference, destination=place, progress=False)
    return dict(zip(frame["digest"], frame["outcome"], strict=True))


def stands(place: Path, digest: str) -> bool:
    return (place / "blobs" / digest.replace(":", "/")).exists()


def play(row: Row, proxy: FaultProxy, layer: Layer, place: Path) -> None:
    """Pull as often as a row says, each time with what it says in the end."""
    ocinb.settings.retries, ocinb.settings.timeout = row.retries, row.timeout
    proxy.follow(layer.digest, [fault for _, fault in row.steps])
    for expected in row.pulls:
        if isinstance(expected, str):
            assert pull(proxy.name(layer.reference), place)[layer.digest] == expected
            continue
        with pytest.raises(expected.kind, match=expected.says) as caught:
            pull(proxy.name(layer.reference), place)
        assert type(caught.value).__name__ == expected.kind.__name__
        assert all(word in str(caught.value) for word in (layer.digest, proxy.name(layer.reference)))
        assert not stands(place, layer.digest)
        assert is_clean(place)
        assert aftermath.names_in(place) == []


def judge(row: Row, proxy: FaultProxy, layer: Layer, place: Path, *, origin: str | None = None) -> None:
    """See that it was asked as a row says, and that all is well; `origin` is whom others can ask without a token."""
    firsts, sent = proxy.firsts(layer.digest), proxy.sent[layer.digest]
    assert firsts == [first % layer.size for first, _ in row.steps], f"it was asked for from {firsts}"
    assert sent <= layer.size * (1 + row.wholes) + row.again, f"{sent:,} bytes came"
    # Where one blob fails, the others are stopped.
    others = {digest: size for digest, size in sizes_in(place).items() if digest != layer.digest}
    assert all(size <= proxy.sent[other] <= size * len(row.pulls) for other, size in others.items())
    assert is_well(place, proxy.name(layer.reference), origin=origin or layer.reference)


def is_clean(place: Path) -> bool:
    """Say whether nothing is wrong in a layout, by a look from outside and by ocinb's own.

    Who was not even answered has made none.
    """
    return not place.exists() or (aftermath.only_whole_blobs(place) and aftermath.verified(place))


def is_well(place: Path, name: str, *, origin: str) -> bool:
    """Say whether a layout is as if nothing had gone wrong, for us and for others."""
    return is_clean(place) and aftermath.no_parts(place) and aftermath.accepted_once(place, name, origin=origin)


def sizes_in(place: Path) -> dict[str, int]:
    """Give the blobs that are no manifests, and so came over the line as blobs."""
    sizes = {f"{path.parent.name}:{path.name}": path.stat().st_size for path in aftermath.blobs_of(place)}
    named = [path.read_bytes() for path in aftermath.blobs_of(place) if path.stat().st_size < 10_000]
    return {digest: size for digest, size in sizes.items() if any(digest.encode() in raw for raw in named)}
