"""Lines: a trace for a terminal, one line for each exchange."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from ocinb._text import fit, fit_path, printable
from ocinb.notebook.ends import ends, gap
from ocinb.notebook.tracing.steps import Step, summary

FIRST, LAST = 40, 20
# A path is cut to no fewer characters; what a terminal then has no room for goes at the line's end.
LEAST_PATH = 24
MOST_REASON = 36
# A narrower terminal shows the number of a status alone.
ROOMY = 110


def lines(steps: Sequence[Step], state: str) -> str:
    """Tell a trace in lines that fit the terminal.

    Parameters
    ----------
    steps
        Its exchanges.
    state
        What is to be said beside them, if anything.
    """
    heading = ", ".join(part for part in (summary(steps) if steps else "", state) if part)
    shown = [f"<Trace: {heading}>"]
    first, left_out, last = ends(list(enumerate(steps, 1)), FIRST, LAST)
    table = _table([*first, *last])
    middle = [gap(left_out, ".frame has them all")] if left_out else []
    return "\n".join([*shown, *table[: len(first)], *middle, *table[len(first) :]])


def _table(numbered: Sequence[tuple[int, Step]]) -> list[str]:
    columns = shutil.get_terminal_size().columns
    several = len({step.host for _, step in numbered}) > 1
    rows = [
        (
            str(number),
            printable(step.exchange.method),
            printable(f"{step.host}{step.path}" if several else step.path),
            step.status if columns >= ROOMY else str(step.exchange.status or "none"),
            step.size,
            step.time,
            fit(printable(step.exchange.reason), MOST_REASON),
        )
        for number, step in numbered
    ]
    widths = [max((len(row[place]) for row in rows), default=0) for place in range(7)]
    room = columns - sum(widths) + widths[2] - 2 * len(widths)
    widths[2] = min(widths[2], max(LEAST_PATH, room))
    return [_line(row, widths)[:columns].rstrip() for row in rows]


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    number, method, path, status, size, time, reason = row
    cells = [
        number.rjust(widths[0]),
        method.ljust(widths[1]),
        fit_path(path, widths[2]).ljust(widths[2]),
        status.ljust(widths[3]),
        size.rjust(widths[4]),
        time.rjust(widths[5]),
        reason,
    ]
    return "  ".join(cells)
