"""The columns of the frames that a catalogue gives beside the answers to questions in SQL."""

from __future__ import annotations

from ocinb._schemas import FLAG, NUMBER, TEXT, Column, Schema

_REFERENCE = Column("reference", TEXT, "the name as it was typed")

TABLES = Schema(
    "tables",
    "table, view or macro of the catalogue",
    (
        Column("name", TEXT, "its name"),
        Column("kind", TEXT, "table, view or macro"),
        Column("rows", NUMBER, "how many rows it has; NA for a macro, which hangs on what it is asked"),
        Column("description", TEXT, "what a row of it is"),
    ),
)

COLUMNS = Schema(
    "columns",
    "column of a table or view of the catalogue",
    (
        Column("table", TEXT, "the table or view"),
        Column("column", TEXT, "the column's name"),
        Column("type", TEXT, "its type, as DuckDB calls it"),
        Column("unit", TEXT, "the unit of a number; NA if it has none"),
        Column("description", TEXT, "what it says; NA in a table of your own"),
    ),
)

OBSERVED = Schema(
    "observed",
    "tag",
    (
        _REFERENCE,
        Column("digest", TEXT, "what the tag points at; NA if it is gone"),
        Column("previous_digest", TEXT, "what it pointed at when it was last observed; NA if at nothing"),
        Column("moved", FLAG, "whether these two differ; NA if it was never observed before"),
    ),
)

FREED = Schema(
    "freed",
    "layer that nothing would need any more",
    (
        Column("layer_digest", TEXT, "the digest of the layer's blob"),
        Column("freed_bytes", NUMBER, "its size, once for each registry that it goes from; NA if unknown", "bytes"),
    ),
)

PULL_COST = Schema(
    "pull_cost",
    "image",
    (
        _REFERENCE,
        Column("platform", TEXT, "the platform in its normal form; NA for an artifact"),
        Column("compressed_bytes", NUMBER, "the size of its layers, each once; NA in Docker's schema 1", "bytes"),
        Column("cached_bytes", NUMBER, "those of them that the node has", "bytes"),
        Column("fetched_bytes", NUMBER, "those that it has to fetch", "bytes"),
    ),
)
