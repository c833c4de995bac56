"""The import against that of pandas: what people wait for before anything happens, in whole processes."""

from __future__ import annotations

import sys

from benchmarks.measuring import Line, Ratio, interleaved, process
from benchmarks.peers import Peer

PEERS: tuple[Peer, ...] = ()
NEEDED: tuple[Peer, ...] = ()
GOAL = 0.25


def race(runs: int) -> list[Line]:
    """Import both in turn."""
    contestants = {name: process(sys.executable, "-c", f"import {name}") for name in ("ocinb", "pandas")}
    interleaved(contestants, runs=1)  # the first import of a machine compiles
    times = interleaved(contestants, runs=runs)
    return [Ratio("import ocinb", "import pandas", times["ocinb"], times["pandas"], GOAL)]
