"""Rows: the documents behind one name as the rows of the catalogue's tables, without any I/O."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ocinb._schemas import FLAG, NUMBER, TEXT, TIME, Column, Schema
from ocinb.sources.base import RawDocument
from ocinb.sources.images import Image, Resolved
from ocinb.spec import mediatypes
from ocinb.spec.documents import parse_index
from ocinb.spec.identity import align_history, chain_ids, layer_steps
from ocinb.spec.reference import Reference

Row = dict[str, Any]


def _table(name: str, **columns: str) -> Schema:
    return Schema(name, name, tuple(Column(column, dtype, "") for column, dtype in columns.items()))


# How the rows travel to DuckDB: lists and mappings as JSON, which its tables turn back into their own types.
TABLES = {
    "observations": _table("observations", registry=TEXT, repository=TEXT, tag=TEXT, digest=TEXT, observed_at=TIME),
    "manifests": _table(
        "manifests",
        manifest_digest=TEXT,
        media_type=TEXT,
        artifact_type=TEXT,
        config_digest=TEXT,
        subject=TEXT,
        manifest_bytes=NUMBER,
        raw=TEXT,
    ),
    "index_entries": _table(
        "index_entries",
        index_digest=TEXT,
        position=NUMBER,
        manifest_digest=TEXT,
        kind=TEXT,
        os=TEXT,
        architecture=TEXT,
        variant=TEXT,
        os_version=TEXT,
        annotations=TEXT,
    ),
    "configs": _table(
        "configs",
        config_digest=TEXT,
        created=TIME,
        os=TEXT,
        architecture=TEXT,
        variant=TEXT,
        user=TEXT,
        entrypoint=TEXT,
        cmd=TEXT,
        env=TEXT,
        labels=TEXT,
        raw=TEXT,
    ),
    "manifest_layers": _table(
        "manifest_layers",
        manifest_digest=TEXT,
        layer=NUMBER,
        layer_digest=TEXT,
        diff_id=TEXT,
        chain_id=TEXT,
        instruction=TEXT,
    ),
    "history": _table(
        "history",
        manifest_digest=TEXT,
        position=NUMBER,
        layer=NUMBER,
        empty_layer=FLAG,
        instruction=TEXT,
        created_by=TEXT,
        created=TIME,
    ),
    "layers": _table(
        "layers", layer_digest=TEXT, media_type=TEXT, compression=TEXT, compressed_bytes=NUMBER, diff_id=TEXT
    ),
    "failures": _table("failures", reference=TEXT, stage=TEXT, error=TEXT, failed_at=TIME),
}


@dataclass(slots=True)
class Rows:
    """Rows by table."""

    tables: dict[str, list[Row]] = field(default_factory=dict)

    def add(self, table: str, **row: Any) -> None:
        """Add a row; text that no database takes (lone surrogates) is made valid."""
        self.tables.setdefault(table, []).append({column: _valid(value) for column, value in row.items()})


def rows_of(reference: Reference, resolved: Resolved, images: list[Image]) -> Rows:
    """Make the rows of all that stands behind a name.

    Parameters
    ----------
    reference
        The name. With a digest in it, nothing was learned about what its tag points at.
    resolved
        What it points at.
    images
        The images that were read.
    """
    rows = Rows()
    rows.add(
        "observations",
        registry=reference.registry,
        repository=reference.repository,
        tag=None if reference.digest else reference.tag,
        digest=resolved.document.digest,
        observed_at=datetime.now(UTC),
    )
    for document in resolved.indexes:
        _add_index(rows, document)
    for child in resolved.children:
        platform = child.descriptor.platform
        rows.add(
            "index_entries",
            index_digest=child.index_digest,
            position=child.position,
            manifest_digest=child.descriptor.digest,
            kind=child.descriptor.kind,
            os=platform.os if platform else None,
            architecture=platform.architecture if platform else None,
            variant=platform.variant if platform else None,
            os_version=platform.os_version if platform else None,
            annotations=json.dumps(child.descriptor.annotations),
        )
    for image in images:
        _add_image(rows, image)
    return rows


def _add_index(rows: Rows, document: RawDocument) -> None:
    index = parse_index(document.raw, document.media_type, f"the index {document.digest}")
    rows.add(
        "manifests",
        manifest_digest=document.digest,
        media_type=document.media_type,
        artifact_type=index.artifact_type,
        subject=index.subject.digest if index.subject else None,
        manifest_bytes=len(document.raw),
        raw=document.raw.decode("utf-8"),
    )


def _add_image(rows: Rows, image: Image) -> None:
    manifest, document = image.manifest, image.document
    rows.add(
        "manifests",
        manifest_digest=document.digest,
        media_type=document.media_type,
        artifact_type=manifest.artifact_type,
        config_digest=manifest.config.digest,
        subject=manifest.subject.digest if manifest.subject else None,
        manifest_bytes=len(document.raw),
        raw=document.raw.decode("utf-8"),
    )
    _add_config(rows, image)
    for table, row in (*_layer_rows(image), *_history_rows(image)):
        rows.add(table, **row)


def _add_config(rows: Rows, image: Image) -> None:
    config, document = image.config, image.config_document
    if config is None or document is None:
        return
    rows.add(
        "configs",
        config_digest=document.digest,
        created=config.created,
        os=config.platform.os,
        architecture=config.platform.architecture,
        variant=config.platform.variant,
        user=config.user,
        entrypoint=_json(config.entrypoint),
        cmd=_json(config.cmd),
        env=_json(config.env),
        labels=_json(config.labels),
        raw=document.raw.decode("utf-8"),
    )


def _layer_rows(image: Image) -> Iterator[tuple[str, Row]]:
    stacked, digest = image.manifest.layers, image.document.digest
    diff_ids = image.config.diff_ids if image.config else (None,) * len(stacked)
    chain = chain_ids(image.config.diff_ids) if image.config else (None,) * len(stacked)
    steps = layer_steps(image.config.history if image.config else (), len(stacked))
    for number, (layer, diff_id, chain_id, step) in enumerate(zip(stacked, diff_ids, chain, steps, strict=True)):
        yield (
            "manifest_layers",
            {
                "manifest_digest": digest,
                "layer": number,
                "layer_digest": layer.digest,
                "diff_id": diff_id,
                "chain_id": chain_id,
                "instruction": step.instruction if step else None,
            },
        )
        yield (
            "layers",
            {
                "layer_digest": layer.digest,
                "media_type": layer.media_type,
                "compression": mediatypes.layer_compression(layer.media_type),
                "compressed_bytes": layer.size,
                "diff_id": diff_id,
            },
        )


def _history_rows(image: Image) -> Iterator[tuple[str, Row]]:
    entries = image.config.history if image.config else ()
    for position, (entry, layer) in enumerate(
        zip(entries, align_history(entries, len(image.manifest.layers)), strict=True)
    ):
        yield (
            "history",
            {
                "manifest_digest": image.document.digest,
                "position": position,
                "layer": layer,
                "empty_layer": entry.empty_layer,
                "instruction": entry.instruction,
                "created_by": entry.created_by,
                "created": entry.created,
            },
        )


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)


def _valid(value: Any) -> Any:
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value
