"""What a class sees of a trace in JupyterLab: a row for each exchange that opens into the challenge and the token."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.real import jupyter, sights
from tests.real.jupyter import Lab

pytestmark = pytest.mark.real

_CELL = """
import ocinb

registry = ocinb.samples.registry(token=True)
with ocinb.trace(fresh=True) as trace:
    ocinb.layers(registry.reference("demo/shop:2.0"))
    ocinb.tags(registry.reference("demo/shop"))
    ocinb.tags(registry.reference("demo/shop"))
trace
"""
_TOO_WIDE = "() => { const box = document.querySelector('.ocinb-trace'); return box.scrollWidth - box.clientWidth; }"
_BODY = "details[open] .inside"


def _row(page: Page, number: int) -> None:
    page.locator(".ocinb-trace summary").nth(number).click()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_trace_reads_as_a_story_and_opens(lab: Lab, theme: str) -> None:
    with jupyter.run_again(lab, "trace", _CELL, dark=theme == "dark", height=1300) as page:
        page.wait_for_selector(".ocinb-trace")
        rows = page.locator(".ocinb-trace summary").all_inner_texts()
        assert len(rows) == 7
        assert "401 Unauthorized" in rows[0]
        assert "/token" in rows[1]
        assert "200 OK" in rows[2]
        assert "from cache" in rows[6]
        assert page.locator(_BODY).count() == 0
        _row(page, 0)
        _row(page, 1)
        told = " ".join(" ".join(page.locator(_BODY).all_inner_texts()).split())
        assert "The challenge: Bearer ask for a token at http://127.0.0.1" in told
        assert "that opens repository:demo/shop:pull" in told
        assert "What the token says" in told
        assert "opens repository demo/shop: pull" in told
        sights.shot(page, f"trace-{theme}")
        for selector in (".path", ".status", ".pairs dd", ".size", ".time"):
            assert min(sights.contrasts(page, f".ocinb-trace {selector}")) >= 4.5, selector
        for selector in (".reason", ".number", ".pairs dt"):
            assert min(sights.contrasts(page, f".ocinb-trace {selector}")) >= 3, selector
        sights.narrow(page, ".ocinb-trace")
        sights.shot(page, f"trace-{theme}-narrow")
        assert page.evaluate(_TOO_WIDE) <= 1
