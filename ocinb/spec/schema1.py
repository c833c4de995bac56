"""Schema 1: what Docker pushed before 2016, an image whose config and history stand in its manifest, without sizes.

Source: distribution's manifest-v2-1.md; the fields of ``v1Compatibility`` are those of Docker's image specification v1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ocinb.errors import InvalidError
from ocinb.spec import mediatypes
from ocinb.spec.digest import Digest
from ocinb.spec.documents import UNKNOWN_SIZE, Descriptor, Manifest, digested_bytes
from ocinb.spec.image_config import HistoryEntry, ImageConfig, parse_config, parse_time
from ocinb.spec.strict_json import Fields, parse_object


@dataclass(frozen=True, slots=True)
class Schema1:
    """A manifest of schema 1 as one of today, and the config that it carries.

    ``config_raw`` is the text of the topmost ``v1Compatibility``, which is all that there is of a config. It has no
    diff_ids; its history is that of all steps, oldest first.
    """

    manifest: Manifest
    config_raw: bytes
    config: ImageConfig


def parse_schema1(raw: bytes, media_type: str, what: str) -> Schema1:
    """Read a manifest of schema 1; of a signed one only what is signed.

    Layers stand from the base up, as everywhere else. Those of steps that are ``throwaway`` hold nothing and are left
    out, as their steps are ``empty_layer``.
    """
    body = Fields(parse_object(digested_bytes(raw, what), what), what)
    if body.integer("schemaVersion") != 1:
        raise InvalidError(f"{what} has schemaVersion {body.raw('schemaVersion')!r}, not 1")
    layers = [_layer(child) for child in reversed(body.children("fsLayers"))]
    texts = [_compatibility(child) for child in reversed(body.children("history"))]
    if not layers or len(layers) != len(texts):
        raise InvalidError(f"{what} has {len(layers)} layers and {len(texts)} history entries, and needs one for each")
    steps = [Fields(parse_object(text, place), place) for place, text in texts]
    history = tuple(map(_history_entry, steps))
    stacked = tuple(layer for layer, entry in zip(layers, history, strict=True) if not entry.empty_layer)
    place, config_raw = texts[-1]
    return Schema1(
        manifest=Manifest(media_type, None, stacked, None, None, {}),
        config_raw=config_raw,
        config=_config(config_raw, place, body.text("architecture"), history),
    )


def _layer(child: Fields) -> Descriptor:
    digest = child.text("blobSum")
    if digest is None:
        raise InvalidError(f"{child.what} needs blobSum")
    return Descriptor(mediatypes.DOCKER_SCHEMA1_LAYER, Digest(digest), UNKNOWN_SIZE)


def _compatibility(child: Fields) -> tuple[str, bytes]:
    text = child.text("v1Compatibility")
    if text is None:
        raise InvalidError(f"{child.what} needs v1Compatibility")
    # What is no UTF-8 after its escapes were read is refused by whoever parses it.
    return f"v1Compatibility of {child.what}", text.encode("utf-8", "surrogatepass")


def _history_entry(step: Fields) -> HistoryEntry:
    container = step.child("container_config")
    command = container.texts("Cmd") if container else None
    return HistoryEntry(
        created=parse_time(step.text("created")),
        created_by=" ".join(command or ()) or None,
        author=step.text("author"),
        comment=step.text("comment"),
        empty_layer=step.flag("throwaway"),
    )


def _config(raw: bytes, what: str, architecture: str | None, history: tuple[HistoryEntry, ...]) -> ImageConfig:
    config = parse_config(raw, what)
    platform = replace(config.platform, architecture=config.platform.architecture or architecture or "")
    return replace(config, platform=platform, diff_ids=(), history=history)
