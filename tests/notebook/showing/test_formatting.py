"""After %load_ext a notebook shows our frames as ocinb.show does, and all others as before; %unload_ext ends it."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import ocinb
from ocinb.samples import SampleRegistry


def html(shell: Any, thing: object) -> str | None:
    formatted, _ = shell.display_formatter.format(thing)
    return formatted.get("text/html")  # type: ignore[no-any-return]


@pytest.fixture
def layers(registry: SampleRegistry) -> pd.DataFrame:
    return ocinb.layers(registry.reference("demo/shop:2.0"))


_CELL = """
from IPython.utils.capture import capture_output
with capture_output() as said:
    display(layers)
"""


def test_a_frame_that_cannot_be_shown_is_shown_as_before(
    shell: Any, layers: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("ocinb.notebook.show.show.as_html", lambda _: 1 / 0)
    assert html(shell, layers) == layers._repr_html_()  # type: ignore[operator]
    assert "as pandas shows it" in caplog.text


def test_it_ends_with_the_extension(shell: Any, layers: pd.DataFrame) -> None:
    shell.run_line_magic("unload_ext", "ocinb")
    assert html(shell, layers) == layers._repr_html_()  # type: ignore[operator]
    shell.run_line_magic("load_ext", "ocinb")
    shell.run_line_magic("reload_ext", "ocinb")
    assert "ocinb-show" in (html(shell, layers) or "")
    shell.run_line_magic("unload_ext", "ocinb")
    assert html(shell, layers) == layers._repr_html_()  # type: ignore[operator]
