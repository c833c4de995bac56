"""Whatever an image says, it goes into the catalogue, and comes out as it was where DuckDB can hold it."""

from __future__ import annotations

import ocinb
from ocinb.samples import SampleRegistry

TEXTS = [
    "",
    " ",
    "a.b/c",
    "$",
    "$.a",
    '"quoted"',
    "'; DROP TABLE layers; --",
    "back\\slash",
    "NULL",
    "{key}",
    "[0]",
    "\x00",
    "nul\x00inside",
    "line\nanother\r\u2028",
    "\u202egnp.exe",
    "<script>alert(1)</script>",
    "\U0001f40b",
    "e\u0301",
    "\u00e9",
    "\ufeff",
    "\ufffe\uffff",
    "x" * 100_000,
]


def test_a_hostile_name_that_fails_is_told(registry: SampleRegistry) -> None:
    names = ["\x1b[2J", "nul\x00", "lone \ud800", "'; DROP TABLE layers; --", "<script>"]
    with ocinb.Catalog() as catalog:
        added = catalog.add([*names, registry.reference("demo/hello")])
        failures = catalog.sql("FROM failures")
    assert added["outcome"].tolist() == ["failed"] * 5 + ["added"]
    assert added["reference"].tolist()[:5] == names
    assert failures["reference"].tolist() == [name.replace("\ud800", r"\ud800") for name in names]
    assert all(text.isprintable() for text in failures["error"])
