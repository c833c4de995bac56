"""platform= takes what people write, and says what there is when it is not there."""

from __future__ import annotations

from typing import Any

import pytest

import ocinb
from ocinb._settings import settings
from ocinb.errors import InvalidError, NotFoundError
from ocinb.samples import SampleRegistry

AMD64, ARM64, ARM = "linux/amd64", "linux/arm64", "linux/arm/v7"


@pytest.fixture(autouse=True)
def _on_a_known_machine() -> None:
    settings.platform = AMD64


@pytest.mark.parametrize("platform", ["s390x", "windows", "linux/arm/v6", "linux/arm64/v7", ["amd64", "riscv64"]])
def test_a_platform_that_is_not_there_lists_those_that_are(registry: SampleRegistry, platform: Any) -> None:
    with pytest.raises(NotFoundError) as caught:
        ocinb.layers(registry.reference("demo/nested:1"), platform=platform)
    assert f"It has: {AMD64}, {ARM64}, {ARM}" in str(caught.value)


@pytest.mark.parametrize("platform", ["", "a/b/c/d", "linux/", "linux amd64", "amd46", ["all"], [5], [], 5.5])
def test_what_is_no_platform_is_refused(registry: SampleRegistry, platform: Any) -> None:
    for helper in (ocinb.layers, ocinb.history, ocinb.configs):
        with pytest.raises(InvalidError):
            helper(registry.reference("demo/shop:2.0"), platform=platform)


def test_a_mistyped_default_is_said_to_stand_in_the_settings(registry: SampleRegistry) -> None:
    settings.platform = "amd46"
    with pytest.raises(InvalidError, match=r"It stands in ocinb\.settings\.platform\. Did you mean 'amd64'\?"):
        ocinb.layers(registry.reference("demo/shop:2.0"))
