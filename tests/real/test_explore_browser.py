"""The explorer in JupyterLab: found, opened, chosen and read, by mouse and by keyboard, whoever made the image."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Locator, Page, expect

import ocinb
from tests.patience import until
from tests.real import explorers, jupyter, sights
from tests.real.explorers import row, see_row
from tests.real.jupyter import Lab

pytestmark = pytest.mark.real

_CELLS = "() => jupyterapp.shell.currentWidget.content.model.cells.length"
_KERNEL = "jupyterapp.shell.currentWidget.context.sessionContext.session.kernel"
# A notebook in which a person looks at an explorer, scrolls far down to ask which images are held, and shows it again.
_HOLDING = (
    "import gc, weakref; import ocinb; registry, images = ocinb.samples.registry(), []",
    """
explorer = ocinb.explore(registry.reference("demo/shop:2.0"))
images.extend(map(weakref.ref, explorer._answers._offered._explored.values()))
explorer
""",
    "# far down\n" * 100,
    "gc.collect(); [image() is not None for image in images]",
    "registry.close(); explorer",
)
_SHOWN, _ASKED, _SHOWN_AGAIN = 1, 3, 4
_ON_CELL = """([number, command]) => {
    const { content } = jupyterapp.shell.currentWidget;
    content.deselectAll();
    content.activeCellIndex = number;
    return jupyterapp.commands.execute(`notebook:${command}`);
}"""


@contextmanager
def _opened(lab: Lab, name: str, *cells: str) -> Iterator[tuple[Page, Locator]]:
    path = jupyter.write_notebook(lab.directory / f"{name}.ipynb", *cells)
    with jupyter.notebook(lab, path.name, height=1050) as page:
        yield page, explorers.open_explorer(page)


@contextmanager
def _again(lab: Lab, name: str, *cells: str, dark: bool = False) -> Iterator[tuple[Page, Locator]]:
    """Open an explorer in a notebook that several tests run."""
    with jupyter.run_again(lab, name, *cells, dark=dark, height=1050) as page:
        yield page, explorers.shown_explorer(page)


@contextmanager
def _slowly(page: Page) -> Iterator[list[str]]:
    """Let the page be four times as slow, and collect the errors in it."""
    errors: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            errors.append(message.text)

    def note_raised(error: Error) -> None:
        errors.append(str(error))

    page.on("console", note)
    page.on("pageerror", note_raised)
    slower = page.context.new_cdp_session(page)
    slower.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    try:
        yield errors
    finally:
        slower.send("Emulation.setCPUThrottlingRate", {"rate": 1})
        slower.detach()
        page.remove_listener("console", note)
        page.remove_listener("pageerror", note_raised)


def _on_cell(page: Page, number: int, command: str = "run-cell") -> None:
    page.evaluate(_ON_CELL, [number, command])
    jupyter.wait_idle(page)


def _scroll_to(page: Page, number: int) -> None:
    page.evaluate("number => jupyterapp.shell.currentWidget.content.scrollToItem(number, 'start')", number)


def _held(page: Page) -> str:
    """Ask the kernel which of the images that were shown are held."""
    _on_cell(page, _ASKED)
    return page.locator(f".jp-Cell:nth-child({_ASKED + 1} of .jp-Cell) .jp-OutputArea-executeResult").inner_text()


def _narrowest(explorer: Locator, selector: str) -> int:
    shown = explorer.locator(selector).locator("visible=true")
    return min(int(name.evaluate("name => name.clientWidth")) for name in shown.all())


def _details(explorer: Locator) -> Locator:
    return explorer.locator(".details")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_an_image_is_looked_through_by_mouse(lab: Lab, theme: str) -> None:
    with _again(lab, "explore", explorers.SHOP, dark=theme == "dark") as (page, explorer):
        expect(explorer.locator("header")).to_contain_text("demo/shop:2.0")
        expect(explorer.locator("header")).to_contain_text("84.4 %")
        assert explorers.names(explorer)[0] == "usr"  # the largest
        sights.shot(page, f"explore-{theme}")
        assert explorers.faults(page) == []

        explorers.choose_layer(explorer, 4)
        row(explorer, "shop").wait_for()  # the only folder is open
        row(explorer, "deploy.key").click()
        expect(row(explorer, "deploy.key")).to_have_attribute("aria-selected", "true")
        expect(_details(explorer)).to_contain_text("hidden: deleted")
        expect(_details(explorer).locator(".hider")).to_contain_text("by layer 5: RUN pip install")
        _details(explorer).get_by_role("button", name="Show text").click()
        expect(_details(explorer).locator("pre")).to_be_visible()
        sights.shot(page, f"explore-{theme}-details")
        assert explorers.faults(page) == []

        explorer.get_by_role("tab", name="Waste").click()
        expect(explorer.locator(".waste .sum")).to_contain_text("hidden in 13 files")
        wasted = explorer.locator(".waste [role=treeitem]")
        expect(wasted.first).to_contain_text("python3.11")
        bars = [bar.evaluate("bar => bar.offsetWidth") for bar in wasted.locator(".hidden-bytes").all()[:2]]
        assert 0.5 < bars[1] / bars[0] < 0.7  # 240 of 400 kB
        sights.shot(page, f"explore-{theme}-waste")
        assert explorers.faults(page) == []
        explorer.locator("[data-list=copies]").click()
        copies = explorer.get_by_role("tree", name="Equal files")
        expect(copies.locator("[role=treeitem]").first).to_contain_text("logo@2x.png")
        sights.shot(page, f"explore-{theme}-copies")
        assert explorers.faults(page) == []
        explorer.locator("[data-list=hidden]").click()
        wasted.first.dblclick()
        expect(explorer.locator(".scope")).to_have_text("layer 2")
        expect(explorer.locator(".files .row.active .name")).to_contain_text("python3.11")

        sights.narrow(page, ".ocinb-explorer")
        sights.shot(page, f"explore-{theme}-narrow")
        assert explorers.faults(page) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_beside_the_list_of_files_of_a_small_window_names_and_sizes_are_read(lab: Lab, theme: str) -> None:
    with _again(lab, "explore", explorers.SHOP, dark=theme == "dark") as (page, explorer):
        sights.narrow(page, ".ocinb-explorer", width=560)
        explorers.choose_layer(explorer, 4)
        row(explorer, "deploy.key").click()
        expect(_details(explorer)).to_contain_text("hidden: deleted")
        sights.shot(page, f"explore-{theme}-small")
        assert explorers.faults(page) == []
        assert _narrowest(explorer, ".files .name") > 60
        explorer.get_by_role("tab", name="Waste").click()
        expect(explorer.locator(".waste [role=treeitem]").first).to_contain_text("→deleted in 5")
        sights.shot(page, f"explore-{theme}-small-waste")
        assert explorers.faults(page) == []
        assert _narrowest(explorer, ".waste .row > .name") > 60

        sights.narrow(page, ".ocinb-explorer", width=480)
        sights.shot(page, f"explore-{theme}-smallest")
        [fault] = explorers.faults(page)
        assert "the cell scrolls sideways" in fault, "and what is in it keeps its place"


def test_a_search_finds_by_glob_and_word_and_leads_to_the_place(lab: Lab) -> None:
    with _again(lab, "explore", explorers.SHOP) as (page, explorer):
        field, found = explorer.get_by_role("searchbox"), explorer.locator(".found")
        field.fill("*.so*")
        expect(found).to_contain_text("3 found, 3.4 MB")
        field.fill("nothing has this name")
        expect(found).to_have_text("0 found, 0 B")
        expect(explorer.locator(".message:visible")).to_contain_text("Nothing has such a name here")
        field.fill("Deploy.Key")
        expect(found).to_have_text("0 found, 0 B⊘ 1 hidden")
        found.get_by_role("button").click()
        expect(explorer.locator(".row.active:visible")).to_contain_text("layer 4")
        sights.shot(page, "explore-search-hidden")
        assert explorers.faults(page) == []
        _details(explorer).get_by_role("button", name="Show in layer 4").click()
        expect(explorer.locator(".scope")).to_have_text("layer 4")
        expect(explorer.locator(".row.active:visible .gone")).to_contain_text("deploy.key")
        explorers.choose_layer(explorer, -1)  # the final file system
        field.fill("libpython")
        field.press("Enter")
        expect(explorer.locator(".row.active:visible .name")).to_contain_text("libpython3.11.so.1.0")
        sights.shot(page, "explore-search")
        assert explorers.faults(page) == []
        _details(explorer).get_by_role("button", name="Show in tree").click()
        expect(field).to_have_value("")
        expect(explorer.locator(".row.active:visible")).to_have_attribute("aria-level", "4")
        assert explorers.names(explorer)[:3] == ["usr", "lib", "x86_64-linux-gnu"]
        field.fill("passwd")
        expect(found).to_contain_text("found")
        explorer.get_by_role("button", name="Clear the search").click()
        expect(found).to_be_empty()
        see_row(explorer, "x86_64-linux-gnu")


def test_the_keyboard_moves_and_no_shortcut_of_jupyterlab_is_pressed(lab: Lab) -> None:
    with _again(lab, "explore-two", explorers.SHOP, "explorer") as (page, explorer):
        tree = explorer.get_by_role("tree", name="Files", exact=True)
        active = explorer.locator(".files .row.active")
        tree.focus()
        for key, name in [("ArrowDown", "usr"), ("End", "tmp"), ("Home", "usr"), ("s", "srv"), ("ArrowRight", "srv")]:
            page.keyboard.press(key)
            expect(active.locator(".name > bdi")).to_have_text(name)
        expect(active).to_have_attribute("aria-expanded", "true")
        page.keyboard.press("ArrowRight")
        expect(active.locator(".name > bdi")).to_have_text("shop")
        page.keyboard.press("Enter")
        expect(active).to_have_attribute("aria-expanded", "true")
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowLeft")
        expect(active.locator(".name > bdi")).to_have_text("srv")
        assert page.evaluate(
            "() => document.activeElement.getAttribute('aria-activedescendant')"
        ) == active.get_attribute("id")
        for key in ("x", "d", "d", "a", "b", "v", "m", "y", "0", "0"):
            page.keyboard.press(key)
        assert page.evaluate(_CELLS) == 2
        expect(explorer).to_be_visible()
        page.keyboard.press("/")
        expect(explorer.get_by_role("searchbox")).to_be_focused()
        page.keyboard.type("xdd")
        expect(explorer.get_by_role("searchbox")).to_have_value("xdd")
        page.keyboard.press("Escape")
        expect(tree).to_be_focused()
        explorer.get_by_role("listbox").focus()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        expect(explorer.locator(".scope")).to_have_text("layer 1")
        page.keyboard.press("Home")
        expect(explorer.locator(".scope")).to_have_text("final file system")
        assert page.evaluate(_CELLS) == 2


def test_another_platform_is_read_and_two_places_show_one_explorer(lab: Lab) -> None:
    with _again(lab, "explore-two", explorers.SHOP, "explorer") as (page, first):
        second = page.locator(".ocinb-explorer").nth(1)
        expect(second.locator(".files [role=treeitem]").first).to_be_visible()
        digest = first.locator(".of-manifest code").inner_text()
        first.get_by_role("combobox", name="Platform").select_option("linux/arm64")
        expect(first.locator(".of-manifest code")).not_to_have_text(digest)
        see_row(first, "usr")
        expect(second.locator(".of-manifest code")).to_have_text(digest)
        row(second, "srv").click()
        see_row(second, "shop")
        expect(row(first, "shop")).to_have_count(0)
        expect(page.locator(".ocinb-explore-static:visible")).to_have_count(0)


def test_the_page_says_that_the_kernel_is_busy_and_that_it_is_gone(lab: Lab) -> None:
    with _opened(lab, "explore-busy", explorers.SHOP, "import os; os.getpid()") as (page, explorer):
        kernel = int(page.locator(".jp-OutputArea-executeResult").last.inner_text().split()[-1])
        os.kill(kernel, signal.SIGSTOP)
        try:
            row(explorer, "usr").click()
            expect(explorer.locator(".status")).to_contain_text("The kernel is busy")
            sights.shot(page, "explore-busy")
        finally:
            os.kill(kernel, signal.SIGCONT)
        see_row(explorer, "lib")
        expect(explorer.locator(".status")).to_be_empty()
        page.evaluate(f"() => {_KERNEL}.restart()")
        jupyter.wait_idle(page)
        row(explorer, "srv").click()
        expect(explorer.locator(".status")).to_contain_text("un the cell again")
        sights.shot(page, "explore-gone")


def test_reading_another_platform_is_told_and_stopped(lab: Lab) -> None:
    with _again(lab, "explore-slow", explorers.SLOW) as (page, explorer):
        digest = explorer.locator(".of-manifest code").inner_text()
        picker = explorer.get_by_role("combobox", name="Platform")
        picker.select_option("linux/arm64")
        status = explorer.locator(".status")
        expect(status).to_contain_text("Reading the layers for linux/arm64")
        expect(status).to_contain_text(re.compile(r"B of 6\.3 MB, \d of 7 layers read"))
        sights.shot(page, "explore-reading")
        row(explorer, "srv").click()  # what is here can be looked at meanwhile
        see_row(explorer, "shop")
        status.get_by_role("button", name="Stop").click()
        expect(status).to_contain_text("The reading was stopped")
        expect(picker).to_have_value("linux/amd64")
        expect(explorer.locator(".of-manifest code")).to_have_text(digest)


def test_a_kernel_that_ends_while_it_reads_is_told(lab: Lab) -> None:
    with _again(lab, "explore-slow", explorers.SLOW) as (page, explorer):
        explorer.get_by_role("combobox", name="Platform").select_option("linux/arm64")
        status = explorer.locator(".status")
        expect(status).to_contain_text("Reading the layers for linux/arm64")
        page.evaluate(f"() => {_KERNEL}.restart()")
        expect(status).to_contain_text("The kernel that answered is gone")
        expect(explorer.get_by_role("combobox", name="Platform")).to_have_value("linux/amd64")


def test_panels_that_come_and_go_break_nothing_and_the_explorer_answers(lab: Lab) -> None:
    path = jupyter.write_notebook(lab.directory / "explore-panels.ipynb", explorers.BRIEF_PANELS + explorers.SHOP)
    with jupyter.notebook(lab, path.name, height=1050) as page, _slowly(page) as errors:
        explorer = explorers.open_explorer(page)
        explorer.get_by_role("searchbox").fill("passwd")
        expect(explorer.locator(".found")).to_contain_text("found")
        lines = page.locator(".jp-OutputArea-output[data-mime-type='text/plain']")
        assert [line.strip() for line in lines.all_inner_texts()][:12] == [f"Read {number}" for number in range(12)]
        assert errors == []


def test_a_hostile_image_runs_nothing_and_stays_in_its_place(lab: Lab) -> None:
    with _opened(lab, "explore-hostile", explorers.HOSTILE) as (page, explorer):
        assert explorers.faults(page) == []
        sights.shot(page, "explore-hostile")
        row(explorer, "names").click()
        see_row(explorer, '"><img src=x onerror="window.canary = 2">')
        sights.shot(page, "explore-hostile-names")
        row(explorer, '"><img src=x onerror="window.canary = 2">').click()
        expect(_details(explorer).locator(".path")).to_contain_text("onerror")
        _details(explorer).get_by_role("button", name="Show text").click()
        expect(_details(explorer).locator("pre")).to_contain_text("www")
        sights.shot(page, "explore-hostile-details")
        assert explorers.faults(page) == []
        explorer.get_by_role("tab", name="Waste").click()
        expect(explorer.locator(".waste [role=treeitem]").first).to_be_visible()
        sights.shot(page, "explore-hostile-waste")
        assert explorers.faults(page) == []
        explorer.get_by_role("tab", name="Files").click()
        explorer.get_by_role("searchbox").fill("canary")
        expect(explorer.locator(".found")).to_contain_text("found")
        sights.narrow(page, ".ocinb-explorer")
        sights.shot(page, "explore-hostile-narrow")
        assert explorers.faults(page) == []
        assert page.locator(".ocinb-explorer img, .ocinb-explorer script, .ocinb-explorer style").count() == 0
        assert sights.canary(page, ".ocinb-explorer") is None


def test_a_notebook_that_was_saved_shows_the_summary(lab: Lab) -> None:
    with _opened(lab, "explore-saved", explorers.SHOP) as (page, explorer):
        expect(explorer).to_be_visible()
        jupyter.save(page)
    kept = sights.outputs(lab.directory / "explore-saved.ipynb")
    assert any("demo/shop:2.0" in "".join(output.get("data", {}).get("text/html", "")) for output in kept)
    with jupyter.notebook(lab._replace(desk=None), "explore-saved.ipynb", height=1050) as page:  # a page that is new
        expect(page.locator(".ocinb-explore-static")).to_be_visible()
        expect(page.locator(".ocinb-explorer")).to_have_count(0)
        page.wait_for_timeout(1500)  # ipywidgets look for the widget that is gone
        sights.shot(page, "explore-saved")
        assert page.locator("[data-mime-type='application/vnd.jupyter.stderr']").count() == 0


def test_an_explorer_whose_cell_runs_again_lets_go_of_its_image(lab: Lab) -> None:
    path = jupyter.write_notebook(lab.directory / "explore-holding.ipynb", *_HOLDING)
    with jupyter.notebook(lab, path.name, height=1050) as page:
        _on_cell(page, 0)
        _on_cell(page, _SHOWN)
        explorer = explorers.shown_explorer(page)
        _scroll_to(page, _ASKED)
        expect(explorer).not_to_be_in_viewport()
        assert "[True]" in _held(page)
        _scroll_to(page, _SHOWN)
        row(explorer, "srv").click()
        see_row(explorer, "shop")
        assert "[True]" in _held(page), "which is the same image still"

        _on_cell(page, _SHOWN)
        until(lambda: "[False, True]" in _held(page))
        _scroll_to(page, _SHOWN)
        explorer = explorers.shown_explorer(page)
        row(explorer, "srv").click()
        see_row(explorer, "shop")
        assert "[False, True]" in _held(page)

        _on_cell(page, _SHOWN, "clear-cell-output")
        until(lambda: "[False, False]" in _held(page))
        _on_cell(page, _SHOWN_AGAIN)
        explorer = explorers.shown_explorer(page)
        row(explorer, "srv").click()
        see_row(explorer, "shop")


def test_an_image_of_100_000_files_is_quick(lab: Lab) -> None:
    with _opened(lab, "explore-large", explorers.LARGE) as (page, explorer):
        times = {name: explorers.timed(page, action, sign) for name, action, sign in explorers.INTERACTIONS}
        explorers.keep_times(times)
        sights.shot(page, "explore-large")
        assert explorers.faults(page) == []
        expect(explorer.locator(".found")).to_contain_text("found")
        assert len(times) == len(explorers.INTERACTIONS)


_WASTE = """() => {
    const told = (hidden_in, reason) => ({
        path: "etc/key", hidden_bytes: 12, stored_in: 0, stored_by: null, hidden_by: null, hidden_in, reason,
    });
    const row = (...facts) => element("div", {}, Waste.prototype.row.call(
        { largest: { hidden: 12 }, twoLines: Waste.prototype.twoLines }, told(...facts),
    )).textContent;
    return [[5, "deleted"], [null, null]].flatMap((facts) => [row(...facts), wasteWords(told(...facts))]);
}"""


def test_a_hidden_file_without_a_reason_is_not_said_to_be_null_in_null(browser: Browser) -> None:
    folder = Path(ocinb.__file__).parent / "notebook" / "explore" / "page"
    page = browser.new_page()
    try:
        scripts = [(folder / f"{name}.js").read_text() for name in ("elements", "tree", "waste")]
        page.add_script_tag(content="".join(scripts))
        known, known_words, unknown, unknown_words = page.evaluate(_WASTE)
    finally:
        page.close()
    assert "deleted in 5" in known
    assert known_words.endswith("stored in layer 0, deleted in layer 5")
    assert unknown_words.endswith("stored in layer 0, hidden")
    assert "null" not in unknown + unknown_words
