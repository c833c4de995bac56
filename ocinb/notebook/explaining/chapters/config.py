"""The config: what is run, as whom, and with which environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ocinb.frames.document_rows import config_rows
from ocinb.notebook.explaining import clauses
from ocinb.notebook.explaining.chapters.trouble import could_not
from ocinb.notebook.explaining.gathering import Gathered
from ocinb.notebook.explaining.words import (
    Chapter,
    Code,
    Figure,
    Figures,
    Hash,
    Moment,
    Part,
    Prose,
    Row,
    Setup,
    Size,
    Spans,
    Table,
)
from ocinb.sources.images import Image

_TOLD = (
    "The config is a blob like a layer, and is fetched by its digest. It says what is to be run, and in the same "
    "document how the image came about and which layers belong to it: so its digest, which docker calls the image ID, "
    "is that of the whole image, however its layers are compressed."
)
_INSIDE = (
    "Docker's schema 1 has no config of its own. What is told here stands in the manifest, as the newest "
    "v1Compatibility."
)
_ARTIFACT = "This is an artifact and no image: its config, if it has one, is none that could be run."
_FIELDS = {
    "created": "built at",
    "author": "author",
    "os": "operating system",
    "architecture": "architecture",
    "variant": "variant",
    "user": "runs as",
    "entrypoint": "entrypoint",
    "cmd": "command",
    "working_dir": "in the folder",
    "exposed_ports": "listens at",
    "volumes": "volumes",
    "stop_signal": "is stopped by",
}
_UNSET = {"user": "not set, so as root", "entrypoint": "not set", "cmd": "not set"}


def tell(story: Gathered) -> Chapter:
    """Tell of the config."""
    image = story.read
    if image is None:
        why = could_not(story.image, "Without an image there is no config.")
        return Chapter("The config", ("there is none to show",), (why,), (clauses.CONFIG,))
    told = next(config_rows(image), None)
    if told is None:
        parts: list[Part] = [Prose((_ARTIFACT,)), *_of_artifact(story, image)]
        return Chapter("The config", ("an artifact, which nobody runs",), tuple(parts), (clauses.MANIFEST,))
    own = image.manifest.config is not None
    parts = [Prose((_TOLD if own else _INSIDE,))]
    parts += _document(story, image) if own else []
    parts += [Setup((f"config = {story.lines.call('configs')}.iloc[0]",)), Figures(tuple(_fields(told)))]
    for name, title, heads in (
        ("env", "Environment", ("variable", "value")),
        ("labels", "Labels", ("key", "value")),
    ):
        parts += _mapping(name, title, heads, told[name])
    return Chapter("The config", _gist(told), tuple(parts), (clauses.CONFIG,))


def _gist(told: Mapping[str, Any]) -> Spans:
    words = [*(told["entrypoint"] or []), *(told["cmd"] or [])]
    runs: Spans = ("runs ", Code(" ".join(words))) if words else ("says nothing to run",)
    return (*runs, " as ", Code(told["user"]) if told["user"] else "root")


def _document(story: Gathered, image: Image) -> list[Part]:
    document = image.config_document
    if document is None:
        return []
    digest = document.digest
    figures = (
        Figure("digest", (Hash(digest),), "document.digest", digest),
        Figure("size", (Size(len(document.raw)),), "len(document.raw)", len(document.raw)),
        Figure(
            f"{digest.algorithm} of its bytes",
            (Hash(digest.hex),),
            f"hashlib.{digest.algorithm}(document.raw).hexdigest()",
            digest.hex,
        ),
    )
    return [Setup((f"document = {story.document_lines.call('document')}.config",)), Figures(figures)]


def _fields(told: Mapping[str, Any]) -> list[Figure]:
    figures = []
    for name, words in _FIELDS.items():
        value = told[name]
        if value is None and name not in _UNSET:
            continue
        line = f'config["{name}"]'
        figures.append(Figure(words, _shown(name, value), line, value))
    return figures


def _shown(name: str, value: Any) -> Spans:
    if value is None:
        return (_UNSET[name],)
    if name == "created":
        return (Moment(value),)
    if name == "user" and value == "":
        return ("root, as the user is empty",)
    return (Code(" ".join(value) if isinstance(value, list) else str(value)),)


def _mapping(name: str, title: str, heads: tuple[str, str], value: Mapping[str, str]) -> list[Part]:
    if not value:
        return []
    rows = tuple(Row(((Code(key),), (Code(text),))) for key, text in value.items())
    return [Table(title, heads, rows, f'config["{name}"]', dict(value))]


def _of_artifact(story: Gathered, image: Image) -> list[Part]:
    config = image.manifest.config
    if config is None:
        return []
    json = story.document_lines.call("document", ".json")
    size = Figure("size of its config", (Size(config.size),), f'{json}["config"]["size"]', config.size)
    return [Figures((size,))]
