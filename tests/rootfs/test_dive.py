"""dive's figures: each of its quirks by an example, and what must hold for any layers."""

from __future__ import annotations

from posixpath import normpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.archive.entries import Columns, text_of
from ocinb.rootfs import dive
from ocinb.rootfs.dive import DiveFigures, dive_figures
from ocinb.samples.tars import whiteout
from tests.rootfs.stacks import KNOWN, columns, of, random_stack

_NOTHING = DiveFigures(None, None, None)
_SEEDS = st.integers(0, 2**32)


@pytest.mark.parametrize("name", KNOWN)
def test_it_counts_as_dive_does(name: str) -> None:
    layers, expected = KNOWN[name]
    assert dive_figures([columns(layer) for layer in layers]) == expected


@given(_SEEDS)
def test_a_layer_of_files_alone_wastes_nothing(seed: int) -> None:
    files = {entry.path: entry for layer in random_stack(seed) for entry in layer if entry.content}
    figures = dive_figures([columns(list(files.values()))])
    assert (figures.wasted_bytes, figures.user_wasted_ratio) == (0, None)


@given(_SEEDS)
def test_an_empty_layer_above_changes_nothing(seed: int) -> None:
    layers = [columns(layer) for layer in random_stack(seed)]
    assert dive_figures([*layers, Columns()]) == dive_figures(layers)


@given(_SEEDS)
def test_the_order_of_the_entries_counts_only_where_one_comes_twice(seed: int) -> None:
    layers = [list({normpath(entry.path): entry for entry in layer}.values()) for layer in random_stack(seed)]
    turned = [columns(layer[::-1]) for layer in layers]
    assert dive_figures(turned) == dive_figures([columns(layer) for layer in layers])


@pytest.mark.parametrize(
    ("raw", "comes_before"),
    [(b".w\xe9", False), (".wé".encode(), False), (rb".w\xe9", True), (b".wA", True), (b"w", False)],
)
def test_what_comes_before_a_whiteout_of_nothing_is_told_by_the_bytes_of_names(raw: bytes, comes_before: bool) -> None:  # noqa: FBT001 - a column of the table above
    # As text the first two would begin with a backslash behind the w, and come before the h of the whiteout.
    layers = [columns([of("z", 10)]), columns([whiteout("missing"), of(text_of(raw), 5)])]
    counted = 15 if comes_before else 10
    assert dive_figures(layers) == DiveFigures((counted - 1) / counted, 0, 0.0)


@given(st.binary())
def test_any_name_has_its_bytes_again(raw: bytes) -> None:
    assert dive._raw_name(text_of(raw)) == raw


@given(st.lists(st.sampled_from([b"\\", b"x", b"\xe9", b"e9"])))
def test_names_of_backslashes_have_their_bytes_again(parts: list[bytes]) -> None:
    assert dive._raw_name(text_of(b"".join(parts))) == b"".join(parts)


def test_more_names_than_memory_is_for_have_no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    layers = [columns([of("a/b/c", 10)]), columns([of("a/d", 10), of("a/d", 11)])]
    monkeypatch.setattr(dive, "NAMES_PER_ENTRY", 1)
    monkeypatch.setattr(dive, "HARMLESS_NAMES", 2)
    assert dive_figures(layers).efficiency == 1.0
    monkeypatch.setattr(dive, "HARMLESS_NAMES", 1)
    assert dive_figures(layers) == _NOTHING
