"""The course: every notebook is committed clean, reads well, and runs to its end without a network."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import nbformat
import pytest

from tests import lessons

QUICKSTART = "00-quickstart.ipynb"
ALL = pytest.mark.parametrize("lesson", lessons.LESSONS, ids=lambda lesson: lesson.stem)
NUMBERS = {lesson.name[:2]: lesson for lesson in lessons.LESSONS}
# What a lesson has to show, or it taught something else.
FIGURES = {
    "01": (
        "(401, 'Unauthorized')",
        "[{'type': 'repository', 'name': 'demo/shop', 'actions': ['pull']}]",
        "(200, 'application/vnd.oci.image.index.v1+json', 1898)",
        "sha256:d4a6517accb162a3b017bf4855686e224ccd901f75afd5819bb1f7f1e4f56fd2",
        "7 layers, 6,300,575 bytes",
        "\n        sha256:4f3284f2b716  oci.image.config.v1+json, 3,762 bytes\n",
        "by hand and by ocinb: the same",
    ),
    "02": (
        "28 b5 2f fd  2809154   3389440",
        "sha256:0875f476f02454262d3e91b4ad9286a99b561569a17ab79becf7a475136a8f4c",
        "srv/shop/.wh.deploy.key",
        "with layer 6: 76 paths",
        "usr/local/bin/shop-python  usr/bin/python3.11     0",
        "stored 7,213,620, visible 6,093,105, hidden 1,120,515 bytes",
        "b'this stands for a secret key; the image keeps it for ever\\n'",
        "      159 fetched        15 seen   RUN fetch && build && rm",
    ),
    "03": (
        "srv/shop/deploy.key b'this stands for a secret '",
        "(84000, 84000)",
        "0.844667       1120515         0.934379             775240",
    ),
    "04": ("{'present': 11} with 0 requests", "33341819            21237036      17825879"),
    "05": ("https://slsa.dev/verification_summary/v1", "application/vnd.dev.cosign.simplesigning.v1+json"),
}


class Executed(NamedTuple):
    """A notebook that ran to its end, and the folder that it had for itself."""

    lesson: Path
    notebook: nbformat.NotebookNode
    folder: Path


@pytest.fixture(
    scope="module",
    params=[lesson for lesson in lessons.LESSONS if lesson.name != QUICKSTART],  # which runs in test_quickstart.py
    ids=lambda lesson: lesson.stem,
)
def executed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Executed:
    folder = tmp_path_factory.mktemp("lesson")
    return Executed(request.param, lessons.run(request.param, folder), folder)


def test_a_lesson_runs_warns_of_nothing_and_asks_nobody_else(executed: Executed) -> None:
    outputs = [output for cell in executed.notebook.cells for output in cell.get("outputs", ())]
    assert outputs
    assert [output for output in outputs if output.get("name") == "stderr"] == []
    assert lessons.asked(executed.folder) == []


def test_what_a_lesson_shows_is_the_same_on_every_machine(executed: Executed) -> None:
    said = nbformat.writes(executed.notebook)
    for place in (executed.folder, Path.home(), Path(sys.prefix), lessons.FOLDER):
        assert str(place) not in said


def test_a_lesson_shows_what_it_teaches(executed: Executed) -> None:
    shown = lessons.shown(executed.notebook)
    assert [figure for figure in FIGURES[executed.lesson.name[:2]] if figure not in shown] == []


@ALL
def test_it_is_committed_as_nobody_has_run_it(lesson: Path) -> None:
    notebook = nbformat.read(lesson, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec == {"display_name": "Python 3", "language": "python", "name": "python3"}
    assert "widgets" not in notebook.metadata
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [(cell.outputs, cell.execution_count) for cell in code] == [([], None)] * len(code)
    names = [cell.id for cell in notebook.cells]
    assert len(set(names)) == len(names)
    assert lesson.read_text(encoding="utf-8") == nbformat.writes(notebook) + "\n", "as nbformat writes it"


@ALL
def test_it_is_read_in_small_steps(lesson: Path) -> None:
    cells = nbformat.read(lesson, as_version=4).cells
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    assert cells[0].source.startswith("# ")
    assert max(len(source.splitlines()) for source in code) <= 18
    assert sum(len(source.splitlines()) for source in code) / len(code) <= 8
    assert max(len(line) for source in code for line in source.splitlines()) <= 104
    prose = [re.sub(r"(?s)<details>.*?</details>", "", cell.source) for cell in cells if cell.cell_type == "markdown"]
    assert max(len(part) for text in prose for part in text.split("\n\n")) <= 700, "paragraphs are short"


@ALL
def test_one_cell_alone_says_what_is_looked_at(lesson: Path) -> None:
    cells = nbformat.read(lesson, as_version=4).cells
    [place] = [place for place, cell in enumerate(cells) if lessons.PARAMETERS in cell.metadata.get("tags", ())]
    comment, parameter = cells[place].source.splitlines()
    assert comment.startswith("# ")
    assert parameter.endswith(" = None")
    assert [cell.cell_type for cell in cells[: place + 1]].count("code") == 1, "it is the first cell"


@ALL
def test_it_has_no_place_of_somebodys_machine_in_it(lesson: Path) -> None:
    said = lesson.read_text(encoding="utf-8")
    assert re.findall(r"(?:/home|/root|/tmp|/Users|[A-Z]:\\)[/\\]\S*", said) == []
    assert [link for link in re.findall(r"\]\((\S+?)\)", said) if not link.startswith(("https://", "0"))] == []


@ALL
def test_an_answer_is_folded_and_its_code_is_code(lesson: Path) -> None:
    for cell in nbformat.read(lesson, as_version=4).cells:
        folded = re.findall(r"(?s)<details>(.*?)</details>", cell.source)
        assert len(folded) == cell.source.count("<details>") == cell.source.count("</details>")
        for answer in folded:
            assert re.match(r"<summary>Answers?</summary>\n\n", answer), "without the blank line it is no Markdown"
            assert answer.endswith("\n\n")
            assert answer.count("```") == 2 * answer.count("```python")


@pytest.mark.parametrize("number", ["01", "02"])
def test_a_class_has_questions_and_each_has_an_answer(number: str) -> None:
    text = "\n".join(cell.source for cell in nbformat.read(NUMBERS[number], as_version=4).cells)
    questions = re.findall(r"(?m)^\*\*\d\.\*\* ", text)
    assert len(questions) >= 5
    assert text.count("<details>") == len(questions)


def test_a_strict_kernel_refuses_other_hosts_and_notes_them(tmp_path: Path) -> None:
    startup = Path(lessons.strict(tmp_path)["IPYTHONDIR"]) / "profile_default" / "startup" / "00-strict.py"
    asks = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=1)"
    command = [sys.executable, "-c", f"exec(open({str(startup)!r}).read()); {asks}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "PermissionError: a notebook of the course asks 192.0.2.1" in done.stderr
    assert lessons.asked(tmp_path) == ["192.0.2.1"]
