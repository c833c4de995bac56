"""A layer that was taken off leaves nothing behind: another one in its place finds what the first one found."""

from __future__ import annotations

import pytest

from ocinb.errors import InvalidError
from ocinb.rootfs import overlay
from ocinb.rootfs.overlay import Applying
from ocinb.samples.tars import directory, file, symlink
from tests.rootfs.layers import layer_of


def test_the_characters_of_moved_paths_count_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlay, "MAX_MOVED_CHARACTERS", 7)
    image = Applying()
    image.apply(layer_of(symlink("l", "ddd"), directory("ddd")))
    for _ in range(3):
        image.take_off(image.apply_undoably(layer_of(file("l/a"))))
    with pytest.raises(InvalidError, match="more than 7 characters"):
        image.apply(layer_of(file("l/a"), file("l/b")))
