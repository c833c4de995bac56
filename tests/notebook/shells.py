"""What people do in a shell: they run cells, and type Tab."""

from __future__ import annotations

from typing import Any

import pytest
from IPython.core.completer import provisionalcompleter

from ocinb.errors import OcinbError


def run(shell: Any, cell: str) -> Any:
    """Run a cell, and give the value that it shows."""
    result = shell.run_cell(cell, store_history=False)
    result.raise_error()
    return result.result


def failure(shell: Any, cell: str, capsys: pytest.CaptureFixture[str]) -> tuple[OcinbError, str]:
    """Run a cell that fails, and give the error, and what of it people see."""
    result = shell.run_cell(cell, store_history=False)
    assert isinstance(result.error_in_exec, OcinbError)
    return result.error_in_exec, capsys.readouterr().out


def completed(shell: Any, typed: str) -> list[str]:
    """Give what is offered where the ▮ stands."""
    before, _, after = typed.partition("▮")
    with provisionalcompleter():
        return [one.text for one in shell.Completer.completions(before + after, len(before))]
