"""A layer that was taken off leaves nothing behind: another one in its place finds what the first one found."""

from __future__ import annotations

import pytest

from ocinb.errors import InvalidError
from ocinb.rootfs import overlay
from ocinb.rootfs.overlay import Applying
from ocinb.samples.tars import directory, file, hardlink, symlink, whiteout
from tests.rootfs.layers import layer_of


def test_entries_are_counted_through_all_layers_that_are_there() -> None:
    image = Applying()
    image.apply(layer_of(directory("d"), file("d/a")))
    trail = image.apply_undoably(layer_of(file("b"), whiteout("d/a"), hardlink("c", "b")))
    assert (image.starts, list(image.ledger.visible)) == ([0, 2, 5], [1, 0, 1, 0, 1])
    image.take_off(trail)
    assert (image.starts, list(image.ledger.visible), image.ledger.contents) == ([0, 2], [1, 1], {})
    assert (list(image.ledger.reason), image.ledger.hidden_in, image.ledger.names) == ([0, 0], [None, None], {})


def test_what_was_led_elsewhere_is_forgotten() -> None:
    image = Applying()
    image.apply(layer_of(symlink("l", "d"), directory("d")))
    trail = image.apply_undoably(layer_of(file("l/a")))
    assert image.moved == {2: "d/a"}
    image.take_off(trail)
    assert image.moved == {}


def test_the_characters_of_moved_paths_count_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlay, "MAX_MOVED_CHARACTERS", 7)
    image = Applying()
    image.apply(layer_of(symlink("l", "ddd"), directory("ddd")))
    for _ in range(3):
        image.take_off(image.apply_undoably(layer_of(file("l/a"))))
    with pytest.raises(InvalidError, match="more than 7 characters"):
        image.apply(layer_of(file("l/a"), file("l/b")))
