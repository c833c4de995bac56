"""Whoever dies while making a layout leaves an unused folder, or a layout, and nothing that is wrong."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from ocinb.storage.layout import Layout
from ocinb.storage.verification import check_images
from tests.storage.stores import LIMITS


class Killed(BaseException):
    pass


def test_each_step_leaves_nothing_wrong(tmp_path: Path) -> None:
    states = set()
    for left in count():
        layout = Layout(tmp_path / str(left))
        with pytest.MonkeyPatch.context() as patch:
            steps = [left]
            for name in ("mkdir", "replace"):
                patch.setattr(Path, name, killing(getattr(Path, name), steps))
            try:
                layout.prepare()
            except Killed:
                states.add(tuple(sorted(path.name for path in layout.root.glob("*"))))
            else:
                break
        assert check_images(layout, LIMITS, []) == []
        layout.prepare()
        assert (check_images(layout, LIMITS, []), layout.entries()) == ([], [])
    assert {(), (".ocinb", "blobs"), (".ocinb", "blobs", "oci-layout")} <= states


def killing(function: Callable[..., Any], left: list[int]) -> Callable[..., Any]:
    """Let a function be called so often in all, and die then."""

    def counted(*arguments: Any, **more: Any) -> Any:
        if left[0] == 0:
            raise Killed
        left[0] -= 1
        return function(*arguments, **more)

    return counted
