"""The extension leaves a shell as it found it: magics and formatters of others stay, or are there again."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from ocinb._schemas import marked


def _load(shell: Any) -> None:
    shell.run_line_magic("load_ext", "ocinb")


def _unload(shell: Any) -> None:
    shell.run_line_magic("unload_ext", "ocinb")


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
