"""The file system after a layer, and kinds of change alone, as a person in front of JupyterLab sees them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.real import explorers, jupyter, sights
from tests.real.explorers import row, see_row
from tests.real.jupyter import Lab

pytestmark = pytest.mark.real

_COLOURED = ".ocinb-explorer :is(.name.past, .loss, .view-switch button, .kind:not(:disabled))"


@contextmanager
def _opened(lab: Lab, name: str, cell: str) -> Iterator[tuple[Page, Locator]]:
    path = jupyter.write_notebook(lab.directory / f"{name}.ipynb", cell)
    with jupyter.notebook(lab, path.name, height=1050) as page:
        yield page, explorers.open_explorer(page)


def _kind(explorer: Locator, kind: str) -> Locator:
    return explorer.locator(f".kind[data-kind={kind}]")


def _looks_right(page: Page, name: str) -> None:
    sights.shot(page, name)
    assert explorers.faults(page) == []
    assert min(sights.contrasts(page, _COLOURED)) > 3


def test_the_file_system_after_a_layer_and_kinds_of_change(lab: Lab) -> None:
    with _opened(lab, "explore-asof", explorers.SHOP) as (page, explorer):
        _look_after_a_layer(page, explorer)
        _looks_right(page, "explore-asof-light")
        _leave_kinds(explorer)
        jupyter.use_theme(page, dark=True)
        _looks_right(page, "explore-asof-dark")
        _go_to_the_end(page, explorer)
        sights.narrow(page, ".ocinb-explorer")
        explorers.choose_layer(explorer, 5)
        explorer.get_by_role("radio", name="File system").click()
        _kind(explorer, "deleted").click()
        see_row(explorer, "root")
        _looks_right(page, "explore-asof-narrow")


def _look_after_a_layer(page: Page, explorer: Locator) -> None:
    """Choose layer 5 and what stood there after it by keys, and open folders of it."""
    expect(explorer.get_by_role("radiogroup")).to_be_hidden()  # the final file system is no layer
    explorer.get_by_role("listbox").focus()
    for key in ("End", "ArrowUp", "ArrowRight"):
        page.keyboard.press(key)
    expect(explorer.locator(".scope")).to_have_text("layer 5")
    expect(explorer.get_by_role("radio", name="File system")).to_be_checked()
    see_row(explorer, "root")  # which layer 5 does not touch
    expect(row(explorer, "root").locator(".mark")).to_have_text("")
    expect(row(explorer, "usr").locator(".mark")).to_have_text("•")
    for name in ("var", "cache", "srv", "shop"):
        row(explorer, name).click()
    expect(row(explorer, "apt").locator(".mark")).to_have_text("D")
    expect(row(explorer, "apt").locator(".size")).to_have_text("\u2212560.0 kB")
    expect(row(explorer, "deploy.key").locator(".name > bdi")).to_have_css("text-decoration-line", "line-through")
    expect(row(explorer, "deploy.key").locator(".from")).to_have_text("layer 4")


def _leave_kinds(explorer: Locator) -> None:
    """Leave what was deleted, and search in that; then also what was added."""
    expect(_kind(explorer, "hidden")).to_be_disabled()
    _kind(explorer, "deleted").click()
    expect(_kind(explorer, "deleted")).to_have_attribute("aria-pressed", "true")
    expect(row(explorer, "root")).to_have_count(0)
    see_row(explorer, "seed.json")  # few folders open by themselves
    explorer.get_by_role("searchbox").fill("*.bin")
    expect(explorer.locator(".found")).to_have_text("1 found, \u2212160.0 kB")
    expect(explorer.locator(".row:visible .name > bdi:first-child")).to_have_text(["pkgcache.bin"])
    explorer.get_by_role("searchbox").fill("*.py")
    expect(explorer.locator(".found")).to_have_text("0 found, 0 B")
    _kind(explorer, "added").click()
    expect(explorer.locator(".found")).not_to_contain_text("0 found")


def _go_to_the_end(page: Page, explorer: Locator) -> None:
    """Turn to what the layer changes by a key, and then look at what is hidden in the end."""
    explorer.get_by_role("searchbox").fill("")
    explorer.get_by_role("radio", name="File system").focus()
    page.keyboard.press("ArrowLeft")
    expect(explorer.get_by_role("radio", name="Changes")).to_be_checked()
    expect(explorer.get_by_role("radio", name="Changes")).to_be_focused()
    _kind(explorer, "added").click()
    explorers.choose_layer(explorer, -1)
    expect(_kind(explorer, "deleted")).to_be_disabled()
    _kind(explorer, "hidden").click()
    expect(row(explorer, "deploy.key").locator(".hidden-sign")).to_be_visible()
    row(explorer, "deploy.key").click()
    expect(explorer.locator(".details .hider")).to_contain_text("by layer 5")


def test_strange_names_that_were_deleted_run_nothing_and_stay_in_their_place(lab: Lab) -> None:
    with _opened(lab, "explore-asof-hostile", explorers.HOSTILE) as (page, explorer):
        explorer.locator("[role=option]").last.click()
        explorer.get_by_role("radio", name="File system").click()
        see_row(explorer, "names")
        row(explorer, "again").click()
        strange = row(explorer, '"><img src=x onerror="window.canary = 2">')
        expect(strange.locator(".mark")).to_have_text("D")
        sights.shot(page, "explore-asof-hostile")
        assert explorers.faults(page) == []
        _kind(explorer, "deleted").click()
        expect(row(explorer, "names")).to_have_count(0)
        explorer.get_by_role("searchbox").fill("canary")
        expect(explorer.locator(".found")).to_contain_text("found, \u2212")
        assert explorers.faults(page) == []
        assert page.locator(".ocinb-explorer img, .ocinb-explorer script, .ocinb-explorer style").count() == 0
        assert sights.canary(page, ".ocinb-explorer") is None
