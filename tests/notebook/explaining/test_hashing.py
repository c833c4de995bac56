"""A hash comes about in steps, of which each is what hashlib says of so many bytes."""

from __future__ import annotations

import hashlib

import pytest

from ocinb.notebook.explain.steps import MOST_STEPS, hash_in_steps, with_a_bit_turned


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
@pytest.mark.parametrize("size", [1, 63, 64, 65, 511, 512, 513, 100_000])
def test_each_step_is_the_hash_of_the_bytes_so_far(algorithm: str, size: int) -> None:
    raw = bytes(number % 251 for number in range(size))
    steps = list(hash_in_steps(raw, algorithm))
    assert 1 <= len(steps) <= MOST_STEPS
    assert [step.hex for step in steps] == [hashlib.new(algorithm, raw[: step.taken]).hexdigest() for step in steps]
    assert steps[-1].taken == size
    assert all(step.taken % 64 == 0 for step in steps[:-1])


def test_a_bit_changes_all_of_it() -> None:
    assert with_a_bit_turned(b"ab", "sha256") == hashlib.sha256(b"`b").hexdigest()
