"""Print one table of ratios: this project against its peers, measured in one run."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from types import ModuleType

import ocinb
from benchmarks import catalog, importing, indexing, metadata, pull
from benchmarks.measuring import table
from benchmarks.peers import missing, told

RACES: dict[str, ModuleType] = {
    "catalog": catalog,
    "import": importing,
    "indexing": indexing,
    "metadata": metadata,
    "pull": pull,
}
RUNS = 5


def main(arguments: list[str]) -> int:
    """Run races; 1 if a goal was missed."""
    chosen = _options(arguments)
    races = {name: RACES[name] for name in chosen.races or RACES}
    print(_machine())
    print(told(dict.fromkeys(peer for race in races.values() for peer in race.PEERS)))
    lines = []
    for name, race in races.items():
        if not missing(race.NEEDED):
            print(f"… {name}", flush=True)
            lines += race.race(chosen.runs)
    if lines:
        print(f"\nmedian and spread of {chosen.runs} interleaved runs\n\n{table(lines)}")
    return int(any(line.missed for line in lines))


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.run", description=__doc__)
    parser.add_argument("races", nargs="*", metavar="race", help=f"of {', '.join(RACES)}; all if none is named")
    parser.add_argument("--runs", type=int, default=RUNS, help="how often each contestant runs (%(default)s)")
    chosen = parser.parse_args(arguments)
    for name in chosen.races:
        if name not in RACES:
            parser.error(f"there is no race {name!r}; there are {', '.join(RACES)}")
    return chosen


def _machine() -> str:
    cores, load = os.cpu_count(), os.getloadavg()[0]
    return f"ocinb {ocinb.__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}, \
{cores} cores, load {load:.1f} before"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
