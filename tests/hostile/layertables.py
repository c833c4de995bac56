"""All rows about layers, by their names."""

from __future__ import annotations

from tests.hostile import layerbombs, layerdamage, layernames

ROWS = [*layerbombs.ROWS, *layernames.ROWS, *layerdamage.ROWS]
