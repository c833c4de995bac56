"""Sample images built from code, and a registry on this machine that serves them: all of ocinb without a network."""

from __future__ import annotations

from ocinb.samples.server import SampleRegistry, registry

__all__ = ["SampleRegistry", "registry"]


def __dir__() -> list[str]:
    return __all__
