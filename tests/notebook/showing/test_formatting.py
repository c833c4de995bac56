"""After %load_ext a notebook shows our frames as ocinb.show does, and all others as before; %unload_ext ends it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
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


def test_our_frames_are_shown_by_show(shell: Any, layers: pd.DataFrame) -> None:
    for frame in (layers, layers[["layer", "compressed_bytes"]], layers.head(1)):
        assert "ocinb-show" in (html(shell, frame) or "")
        formatted, _ = shell.display_formatter.format(frame)
        assert formatted["text/plain"] == repr(frame), "the text is pandas'"


_CELL = """
from IPython.utils.capture import capture_output
with capture_output() as said:
    display(layers)
"""


def test_display_in_a_cell_shows_them_too(shell: Any, layers: pd.DataFrame) -> None:
    shell.user_ns["layers"] = layers
    shell.run_cell(_CELL)
    assert "ocinb-show" in shell.user_ns["said"].outputs[0].data["text/html"]


def test_frames_and_styles_of_others_are_shown_as_before(shell: Any, layers: pd.DataFrame) -> None:
    theirs = pd.DataFrame({"a": [1]})
    assert html(shell, theirs) == theirs._repr_html_()  # type: ignore[operator]
    assert "ocinb-show" not in (html(shell, layers.style) or "")

    class Mine(pd.DataFrame):
        pass

    assert "ocinb-show" not in (html(shell, Mine(layers)) or "")


def test_a_frame_that_cannot_be_shown_is_shown_as_before(
    shell: Any, layers: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("ocinb.notebook.show.show.as_html", lambda _: 1 / 0)
    assert html(shell, layers) == layers._repr_html_()  # type: ignore[operator]
    assert "as pandas shows it" in caplog.text


_LOADS = """
import sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "ocinb")
before = "pandas" in sys.modules
import ocinb
with ocinb.samples.registry() as registry:
    layers = ocinb.layers(registry.reference("demo/hello"))
shown, _ = shell.display_formatter.format(layers)
shell.run_line_magic("unload_ext", "ocinb")
after, _ = shell.display_formatter.format(layers)
print(before, "ocinb-show" in shown["text/html"], "ocinb-show" in after["text/html"])
"""


def test_pandas_is_loaded_by_whoever_makes_a_frame(tmp_path: Path) -> None:
    homes = {
        "IPYTHONDIR": str(tmp_path),
        "OCINB_STORE_DIR": str(tmp_path / "s"),
        "OCINB_CACHE_DIR": str(tmp_path / "c"),
    }
    told = subprocess.run([sys.executable, "-c", _LOADS], env=os.environ | homes, capture_output=True, check=True)
    assert told.stdout.split() == [b"False", b"True", b"False"]


def test_who_wants_no_html_of_pandas_gets_none(shell: Any, layers: pd.DataFrame) -> None:
    with pd.option_context("display.notebook_repr_html", False):  # noqa: FBT003 - as pandas has it
        assert html(shell, layers) is None


def test_it_ends_with_the_extension(shell: Any, layers: pd.DataFrame) -> None:
    shell.run_line_magic("unload_ext", "ocinb")
    assert html(shell, layers) == layers._repr_html_()  # type: ignore[operator]
    shell.run_line_magic("load_ext", "ocinb")
    shell.run_line_magic("reload_ext", "ocinb")
    assert "ocinb-show" in (html(shell, layers) or "")
    shell.run_line_magic("unload_ext", "ocinb")
    assert html(shell, layers) == layers._repr_html_()  # type: ignore[operator]


def test_who_showed_frames_before_goes_on_showing_others(shell: Any, layers: pd.DataFrame) -> None:
    shell.run_line_magic("unload_ext", "ocinb")
    shell.display_formatter.formatters["text/html"].for_type(pd.DataFrame, lambda _: "theirs")
    shell.run_line_magic("load_ext", "ocinb")
    assert html(shell, pd.DataFrame({"a": [1]})) == "theirs"
    assert "ocinb-show" in (html(shell, layers) or "")
    shell.run_line_magic("unload_ext", "ocinb")
    assert html(shell, layers) == "theirs"


def test_the_html_of_pandas_itself_stays_as_it_is(shell: Any, layers: pd.DataFrame) -> None:
    assert "ocinb" not in layers.drop(columns="reference")._repr_html_()  # type: ignore[operator]
    assert shell is not None
