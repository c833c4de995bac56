"""Measuring: contestants that run in turn, and what their times say together.

Ratios, because machines differ; medians of interleaved runs, because a machine differs from minute to minute.
"""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Times = Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Ratio:
    """One line of the table: the times of ours and of another, run by run, and the ratio that is to be reached.

    A line without a goal is there to be known.
    """

    what: str
    peer: str
    ours_seconds: Sequence[float]
    peer_seconds: Sequence[float]
    goal: float | None = None

    @property
    def ratios(self) -> list[float]:
        """The ratio of each run: what disturbed the machine disturbed both."""
        return [ours / peer for ours, peer in zip(self.ours_seconds, self.peer_seconds, strict=True)]

    @property
    def missed(self) -> bool:
        """Whether there is a goal that was not reached."""
        return self.goal is not None and statistics.median(self.ratios) > self.goal


@dataclass(frozen=True)
class Count:
    """One line of the table: something that was counted in each run, and the most that it may be."""

    what: str
    counts: Sequence[int]
    goal: int | None = None

    @property
    def missed(self) -> bool:
        """Whether there is a goal that was not reached."""
        return self.goal is not None and max(self.counts) > self.goal


@dataclass(frozen=True)
class Duration:
    """One line of the table: how long something took in each run, and how long it may take on any machine of today."""

    what: str
    seconds: Sequence[float]
    goal: float | None = None

    @property
    def missed(self) -> bool:
        """Whether there is a goal that was not reached."""
        return self.goal is not None and statistics.median(self.seconds) > self.goal


Line = Ratio | Count | Duration


def interleaved(
    contestants: Mapping[str, Callable[[], None]], *, runs: int, between: Callable[[], None] | None = None
) -> dict[str, list[float]]:
    """Let contestants run in turn, so that what slows the machine down slows all of them.

    Parameters
    ----------
    contestants
        What is timed, by name.
    runs
        How often each of them runs.
    between
        What is done before each of them, and not timed.

    Returns
    -------
    dict
        The seconds of each run.
    """
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(runs):
        for name, run in contestants.items():
            if between:
                between()
            times[name].append(seconds(run))
    return times


def seconds(run: Callable[[], None]) -> float:
    """Time one call."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def process(*command: str, **environment: str) -> Callable[[], None]:
    """Make a contestant of a whole process; one that fails ends the race."""

    def run() -> None:
        said_by(*command, **environment)

    return run


def said_by(*command: str, **environment: str) -> str:
    """Run a process to its end, and give what it wrote.

    Raises
    ------
    RuntimeError
        If it failed.
    """
    done = subprocess.run(
        command, env=environment or None, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)[:200]} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


def table(lines: Sequence[Line]) -> str:
    """Write lines below each other, with the spread of the runs beside each median."""
    cells = [("what", "against", "ours", "peer", "median", "spread", "goal", ""), *map(_cells, lines)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    aligned = "<<>>>>><"
    return "\n".join(
        "  ".join(f"{cell:{align}{width}}" for cell, align, width in zip(row, aligned, widths, strict=True)).rstrip()
        for row in cells
    )


def _cells(line: Line) -> tuple[str, ...]:
    values, shown = _values(line)
    peer = (line.peer, *_medians(line)) if isinstance(line, Ratio) else ("", "", "")
    spread = f"{shown.format(min(values))}-{shown.format(max(values))}"
    goal = "" if line.goal is None else shown.format(line.goal)
    verdict = "" if line.goal is None else ("MISSED" if line.missed else "reached")
    return line.what, *peer, shown.format(statistics.median(values)), spread, goal, verdict


def _values(line: Line) -> tuple[Sequence[float], str]:
    """Give what was measured in each run, and how it is written."""
    if isinstance(line, Duration):
        return line.seconds, "{:.3f} s"
    return (line.ratios, "{:.2f}") if isinstance(line, Ratio) else (line.counts, "{:.0f}")


def _medians(line: Ratio) -> tuple[str, str]:
    ours, peer = statistics.median(line.ours_seconds), statistics.median(line.peer_seconds)
    return f"{ours:.3f} s", f"{peer:.3f} s"
