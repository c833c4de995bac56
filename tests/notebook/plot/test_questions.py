from __future__ import annotations

import pandas as pd
import pytest

from ocinb.errors import InvalidError
from ocinb.notebook.plot import inputs
from tests.notebook.plot import frames


def _never(_: object) -> pd.DataFrame:
    pytest.fail("nobody is asked for what is given")


def test_sizes_that_are_none_are_told() -> None:
    with pytest.raises(InvalidError, match="compressed_bytes of this frame holds something else than numbers"):
        inputs.given(frames.layers({}).assign(compressed_bytes=["x"]), ["layer"], made_by="x", platform=None)
