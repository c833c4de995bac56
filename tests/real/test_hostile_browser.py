"""A hostile image in every window at once: nothing of it runs, and no word of it is wider than its place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Dialog, Page

from tests.real import jupyter, panels, sights, strangers
from tests.real.jupyter import Lab

pytestmark = pytest.mark.real

_LOAD = "%load_ext ocinb\nimport tempfile"
# Nobody waits for its end: it is stopped, and a second run goes past it.
_PULL = """
if "slow" not in globals():
    slow = ocinb.samples.registry(bandwidth=20_000)
    thick = strangers.put_thick_image(slow, layers=len(strangers.WORDS) + 5, size=200_000)
    ocinb.pull(thick, destination=tempfile.mkdtemp())
"""
_TRACE = """
with ocinb.trace(fresh=True) as trace:
    ocinb.configs(stranger)
    ocinb.tags(stranger)
trace
"""
_FRAMES = """
catalog = ocinb.Catalog()
catalog.add([stranger, stranger + "no <b>"], depth="files", progress=False)
display(
    ocinb.layers(stranger, depth="files", progress=False), ocinb.configs(stranger), ocinb.history(stranger),
    ocinb.manifests(stranger), ocinb.tags(stranger), ocinb.referrers(stranger), ocinb.hidden(stranger, progress=False),
    ocinb.files(stranger, progress=False), ocinb.layers([strangers.ALL, stranger + strangers.WORDS[1]], errors="skip"),
)
"""
_ANSWERS = """
for question in ("FROM images", "FROM layer_files", "FROM find('*')", "FROM configs", "FROM referrers", "FROM history",
                 "FROM layer_sharing", "FROM failures", "FROM manifests", "FROM hidden_files"):
    display(catalog.sql(question))
"""
_CARDS = """
index, manifest = ocinb.document(stranger), ocinb.document(stranger, platform="linux/amd64")
display(ocinb.Reference(stranger), index, manifest, manifest.config, catalog, ocinb.store)
"""
_SBOM = """
import pandas

attested = ocinb.document(stranger.removesuffix(":1") + "@" + index.json["manifests"][1]["digest"])
[first, *_] = attested.json["layers"]
sbom = ocinb.document(stranger.removesuffix(":1") + "@" + first["digest"])
status = ocinb.read(stranger, "/var/lib/dpkg/status").decode()
installed = [dict(line.split(": ", 1) for line in block.splitlines()) for block in status.strip().split("\\n\\n")]
frames = pandas.DataFrame(sbom.json["predicate"]["packages"]), pandas.DataFrame(installed)
display(sbom, attested, *map(ocinb.show, frames))
"""
_ERRORS = """
def fails(call):
    try:
        call()
    except ocinb.errors.OcinbError:
        get_ipython().showtraceback()
    else:
        raise AssertionError("that ought to fail")

for word in strangers.WORDS[:8]:
    fails(lambda: ocinb.layers(f"{registry.host}/demo/{word}"))
    fails(lambda: ocinb.read(stranger, f"/{word}"))
    fails(lambda: ocinb.layers(stranger, platform=word))
fails(lambda: catalog.sql(strangers.ALL))
fails(lambda: ocinb.read(stranger, "/" + strangers.LONG))
"""
_PLOTS = "\n".join(
    f"display(ocinb.plot.{call})"
    for call in (
        'layers(stranger, depth="files", progress=False)',
        "treemap(stranger, progress=False)",
        'icicle(stranger, by="layer", progress=False)',
        "waterfall(stranger)",
        "duplicates(stranger, progress=False)",
        "compression(stranger, progress=False)",
    )
)
_WINDOWS = ("ocinb.explain(stranger)", "ocinb.explore(stranger)")
_CELLS = (_PULL, _TRACE, _FRAMES, _ANSWERS, _CARDS, _SBOM, _ERRORS, _PLOTS, *_WINDOWS)
_TOLD = "[data-mime-type='application/vnd.jupyter.stderr']"
_DRAWN = "count => document.querySelectorAll('.js-plotly-plot .main-svg').length >= count"
_OPEN = "() => document.querySelectorAll('.jp-OutputArea details').forEach(one => { one.open = true; })"
# What is wrong with the page, in words: what is wider than its place, too tall, or not ours; nothing is.
_FAULTS = """() => {
    const faults = [], say = one => `${one.tagName}.${one.className} ${one.innerText.trim().slice(0, 60)}`;
    if (document.documentElement.scrollWidth > innerWidth) faults.push('the page scrolls sideways');
    const notebook = document.querySelector('.jp-Notebook'), edge = notebook.getBoundingClientRect().right;
    for (const box of notebook.querySelectorAll('.jp-OutputArea-output')) {
        const over = box.scrollWidth - box.clientWidth;
        if (over > 1) faults.push(`scrolls sideways by ${over}: ${say(box)}`);
    }
    for (const output of notebook.querySelectorAll('.jp-OutputArea-output > *'))
        if (output.getBoundingClientRect().right > edge + 1) faults.push(`leaves the notebook: ${say(output)}`);
    for (const row of notebook.querySelectorAll('.jp-OutputArea-output tr'))
        if (row.offsetHeight > 1500) faults.push(`a row is ${row.offsetHeight} high: ${say(row)}`);
    if (notebook.querySelector('mjx-container')) faults.push('a formula is made of words');
    const ours = '.plot-img, .modebar *, .jp-RenderedImage *';
    for (const one of notebook.querySelectorAll('.jp-OutputArea-output :is(img, image, iframe, object, embed)'))
        if (!one.matches(ours)) faults.push(`somebody put in ${one.outerHTML.slice(0, 100)}`);
    for (const link of notebook.querySelectorAll('.jp-OutputArea-output a[href]'))
        if (/^\\s*javascript:/i.test(link.getAttribute('href'))) faults.push(`a link runs: ${say(link)}`);
    for (const one of notebook.querySelectorAll('.jp-OutputArea-output :not(.ocinb)'))  // ours copies a digest
        for (const {name} of one.attributes) if (/^on/i.test(name)) faults.push(`${name} of ${say(one)}`);
    const turned = /[\\u202a-\\u202e\\u2066-\\u2069\\u0007\\u001b]/u.exec(notebook.innerText);
    if (turned) faults.push(`a control character: ${turned.input.slice(turned.index - 40, turned.index + 40)}`);
    return faults;
}"""


@pytest.fixture
def path(lab: Lab) -> Path:
    cells = (strangers.CELL, _LOAD, *_CELLS)
    return jupyter.write_notebook(lab.directory / "hostile.ipynb", *cells, hide_code=True)


@contextmanager
def _no_dialog(page: Page) -> Iterator[None]:
    said: list[str] = []

    def note(dialog: Dialog) -> None:
        said.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", note)
    try:
        yield
    finally:
        page.remove_listener("dialog", note)
    assert said == []


def test_no_window_runs_what_a_stranger_wrote(lab: Lab, path: Path) -> None:
    with jupyter.notebook(lab, path.name, height=1400) as page, sights.asked_hosts(page) as hosts, _no_dialog(page):
        jupyter.run_all_cells(page)
        panels.see(page, beyond=2)
        assert sights.canary(page, ".ocinb-progress") is None
        assert panels.faults(page) == []
        sights.shot_of(page, ".ocinb-progress", "hostile-panel")
        jupyter.interrupt(page)
        jupyter.wait_idle(page)
        jupyter.run_all_cells(page)
        jupyter.wait_idle(page)
        assert page.locator(_TOLD).count() == 27, "the errors that the notebook asks for, and a warning"
        page.wait_for_function(_DRAWN, arg=6)
        page.locator(".ocinb-explorer .files [role=treeitem]").first.wait_for()
        page.evaluate(_OPEN)
        assert sights.canary(page, ".jp-OutputArea") is None
        assert page.evaluate(_FAULTS) == []
        _shots(page)
        sights.narrow(page, ".jp-Notebook")
        assert page.evaluate(_FAULTS) == []
        jupyter.use_theme(page, dark=True)
        sights.shot(page, "hostile-dark-narrow")
        assert sights.canary(page, ".jp-OutputArea") is None
        assert hosts <= {"127.0.0.1", "localhost", ""}


def _shots(page: Page) -> None:
    """Keep pictures of some outputs; all of them would take minutes."""
    for place, output in list(enumerate(page.locator(".jp-OutputArea-output:visible").all()))[::8]:
        output.screenshot(path=sights.SCREENSHOTS / f"hostile-{place:02d}.png")
