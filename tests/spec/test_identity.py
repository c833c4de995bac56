"""Chain IDs are those of docker and containerd, and a history is mapped to layers surely or not at all."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.spec.digest import Digest
from ocinb.spec.image_config import HistoryEntry, align_history, chain_ids, layer_steps

BASE, MIDDLE, TOP = (Digest.of(name.encode()) for name in ("base", "middle", "top"))


def _entry(empty_layer: bool, created_by: str = "RUN true") -> HistoryEntry:  # noqa: FBT001
    return HistoryEntry(None, created_by, None, None, empty_layer)


def _history(pattern: str) -> list[HistoryEntry]:
    return [_entry(letter == "-", f"step {place}") for place, letter in enumerate(pattern)]


def _sha256(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


@given(st.lists(st.sampled_from([BASE, MIDDLE, TOP]), max_size=6))
def test_a_chain_id_depends_on_the_layers_below_only(diff_ids: list[Digest]) -> None:
    whole = chain_ids(diff_ids)
    assert [chain_ids(diff_ids[: place + 1])[-1] for place in range(len(diff_ids))] == whole


@pytest.mark.parametrize(
    ("pattern", "layers", "steps"),
    [
        ("L-L", 2, ["step 0", "step 2"]),
        ("", 2, [None, None]),
        ("L-L", 3, [None, None, None]),
        ("L-L", 1, [None]),
        ("--", 0, []),
    ],
)
def test_each_layer_gets_its_step_or_none(pattern: str, layers: int, steps: list[str | None]) -> None:
    found = layer_steps(_history(pattern), layers)
    assert [step and step.created_by for step in found] == steps


@given(st.text(alphabet="L-", max_size=12))
def test_a_history_that_fits_names_each_layer_once_and_in_order(pattern: str) -> None:
    aligned = align_history(_history(pattern), pattern.count("L"))
    assert [layer for layer in aligned if layer is not None] == list(range(pattern.count("L")))
    assert [layer is None for layer in aligned] == [letter == "-" for letter in pattern]
