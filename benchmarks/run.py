"""Print one table of ratios: this project against its peers, measured in one run.

Ratios, because machines differ; medians of interleaved runs, because a machine differs from minute to minute.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from dataclasses import dataclass

RUNS = 9


@dataclass(frozen=True)
class Race:
    """Two commands that are timed in turn, and the ratio that is to be reached."""

    what: str
    ours: list[str]
    peer: list[str]
    goal: float


RACES = [
    Race(
        what="import ocinb / import pandas",
        ours=[sys.executable, "-c", "import ocinb"],
        peer=[sys.executable, "-c", "import pandas"],
        goal=0.25,
    )
]


def seconds(command: list[str]) -> float:
    """Time one run of a whole process."""
    started = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - started


def main() -> None:
    """Run all races; exit with 1 if a goal was missed."""
    print(f"{'ratio':<34}{'ours':>9}{'peer':>9}{'ratio':>8}{'goal':>7}   median of {RUNS} interleaved runs")
    missed = False
    for race in RACES:
        for command in (race.ours, race.peer):
            seconds(command)  # warm
        pairs = [(seconds(race.ours), seconds(race.peer)) for _ in range(RUNS)]
        ours, peer = (statistics.median(times) for times in zip(*pairs, strict=True))
        ratio = statistics.median(mine / other for mine, other in pairs)
        missed |= ratio > race.goal
        print(f"{race.what:<34}{ours:>8.3f}s{peer:>8.3f}s{ratio:>8.2f}{race.goal:>7.2f}   {_verdict(ratio, race.goal)}")
    sys.exit(missed)


def _verdict(ratio: float, goal: float) -> str:
    return "reached" if ratio <= goal else "MISSED"


if __name__ == "__main__":
    main()
