"""The extension leaves a shell as it found it: magics and formatters of others stay, or are there again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from ocinb._schemas import marked
from ocinb.notebook.extension import load_ipython_extension


def _mine(line: str, cell: str | None = None) -> str:
    return f"mine: {line}{cell or ''}"


def _registers(kind: str) -> Callable[[Any], None]:
    return lambda shell: shell.register_magic_function(_mine, kind, "ocisql")


def _load(shell: Any) -> None:
    shell.run_line_magic("load_ext", "ocinb")


def _unload(shell: Any) -> None:
    shell.run_line_magic("unload_ext", "ocinb")


@pytest.mark.parametrize("kind", ["line", "cell", "line_cell"])
def test_a_magic_of_that_name_is_there_again(shell: Any, kind: str) -> None:
    _unload(shell)
    _registers(kind)(shell)
    before = [shell.find_line_magic("ocisql"), shell.find_cell_magic("ocisql")]
    assert _mine in before
    _load(shell)
    assert _mine not in [shell.find_line_magic("ocisql"), shell.find_cell_magic("ocisql")]
    _unload(shell)
    assert [shell.find_line_magic("ocisql"), shell.find_cell_magic("ocisql")] == before


@pytest.mark.parametrize("kind", ["line", "cell"])
def test_a_magic_that_somebody_put_there_since_stays(shell: Any, kind: str) -> None:
    _registers(kind)(shell)
    _unload(shell)
    _unload(shell)
    assert (shell.find_line_magic("ocisql") is _mine) is (kind == "line")
    assert (shell.find_cell_magic("ocisql") is _mine) is (kind == "cell")


def test_loading_again_takes_it_over_and_gives_it_back(shell: Any) -> None:
    _registers("line")(shell)
    for _ in range(2):
        load_ipython_extension(shell)
        assert shell.find_line_magic("ocisql") is not _mine
    _unload(shell)
    assert shell.find_line_magic("ocisql") is _mine
    assert shell.find_cell_magic("ocisql") is None


def _theirs(_: object) -> str:
    return "theirs"


def _html(shell: Any, thing: object) -> str | None:
    formatted, _ = shell.display_formatter.format(thing)
    return formatted.get("text/html")  # type: ignore[no-any-return]


@pytest.mark.parametrize("how", [pd.DataFrame, "pandas.DataFrame", object], ids=["type", "name", "above"])
def test_a_formatter_is_there_again_however_it_was_given(shell: Any, how: type | str) -> None:
    ours, other = marked(pd.DataFrame({"tag": ["1.0"]})), pd.DataFrame({"a": [1]})
    _unload(shell)
    formatter = shell.display_formatter.formatters["text/html"]
    formatter.for_type(how, _theirs)
    _load(shell)
    assert "ocinb-show" in (_html(shell, ours) or "")
    assert _html(shell, other) == "theirs"
    _unload(shell)
    assert _html(shell, ours) == _html(shell, other) == "theirs"
    formatter.pop(how)
    assert _html(shell, ours) == ours._repr_html_()  # type: ignore[operator]


def test_a_formatter_that_somebody_gave_since_stays(shell: Any) -> None:
    frame = marked(pd.DataFrame({"tag": ["1.0"]}))
    formatter = shell.display_formatter.formatters["text/html"]
    formatter.for_type(pd.DataFrame, _theirs)
    _unload(shell)
    assert _html(shell, frame) == "theirs"
    formatter.pop(pd.DataFrame)
    assert _html(shell, frame) == frame._repr_html_()  # type: ignore[operator]


def test_a_formatter_put_in_before_pandas_was_there_goes_out_beside_one_for_the_type(
    shell: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _unload(shell)
    with monkeypatch.context() as before_pandas:
        before_pandas.setattr("ocinb.notebook.show.show._frames", lambda: "pandas.DataFrame")
        _load(shell)
    formatter = shell.display_formatter.formatters["text/html"]
    formatter.for_type(pd.DataFrame, _theirs)
    _unload(shell)
    frame = marked(pd.DataFrame({"tag": ["1.0"]}))
    assert _html(shell, frame) == "theirs"
    formatter.pop(pd.DataFrame)
    assert _html(shell, frame) == frame._repr_html_()  # type: ignore[operator]
