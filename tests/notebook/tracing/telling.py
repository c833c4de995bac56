"""Exchanges for tests of how they are shown, without anybody who was asked."""

from __future__ import annotations

from typing import Any

from ocinb.network.exchange import Exchange
from ocinb.notebook.trace.window import Step

HOST = "registry.example"


def step(url: str = f"https://{HOST}/v2/demo/shop/manifests/2.0", *, started: float = 0.0, **changes: Any) -> Step:
    told: dict[str, Any] = {
        "method": "GET",
        "status": 200,
        "from_cache": False,
        "transferred_bytes": 1000,
        "seconds": 0.1,
        "reason": "manifest 2.0",
    }
    return Step(Exchange(url=url, **{**told, **changes}), started)
