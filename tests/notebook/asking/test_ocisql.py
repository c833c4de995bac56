"""`%%ocisql` in a real shell in this process, and in a real kernel that is asked as a front end asks it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

import ocinb
from ocinb.errors import InvalidError, NotFoundError
from ocinb.samples import SampleRegistry
from tests.notebook.shells import completed, failure, run
from tests.patience import SECONDS


def test_the_answer_is_the_value_of_the_cell(shell: Any, catalog: ocinb.Catalog) -> None:
    shell.user_ns["catalog"] = catalog
    frame = run(shell, "%%ocisql catalog\nSELECT count(*) AS images\nFROM images")
    assert frame.dtypes.astype(str).to_dict() == {"images": "Int64"}
    assert frame["images"].tolist() == [4]


@pytest.mark.parametrize("first", ["frame << catalog", "frame <<", "frame<<catalog", "  frame  <<  catalog "])
def test_an_answer_is_kept_under_a_name_and_not_shown(shell: Any, catalog: ocinb.Catalog, first: str) -> None:
    shell.user_ns["catalog"] = catalog
    assert run(shell, f"%%ocisql {first}\nFROM images") is None
    assert isinstance(shell.user_ns["frame"], pd.DataFrame)
    assert len(shell.user_ns["frame"]) == 4
    assert len(run(shell, "%%ocisql\nFROM frame")) == 4, "and is a table for the next question"


def test_a_line_of_one_word_chooses_a_catalogue(shell: Any, catalog: ocinb.Catalog) -> None:
    with ocinb.Catalog("second.duckdb") as second:
        shell.user_ns.update(catalog=catalog, second=second)
        assert run(shell, "%ocisql second") is second
        assert len(run(shell, "%ocisql FROM images")) == 0
        assert run(shell, "%ocisql") is second
        assert run(shell, "%ocisql 'second.duckdb'").path == second.path
        run(shell, "%ocisql catalog")
        assert len(run(shell, "%ocisql FROM images")) == 4


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("pandas.Series(['a', 'b'])", ["a", "b"]),
        ("pandas.Series([1, None], dtype='Int64')", [1, None]),
        ("numpy.array([1, 2])", [1, 2]),
        ("numpy.int64(7)", 7),
        ("['a']", ["a"]),
        ("{'a'}", ["a"]),
        ("ocinb.Reference('python')", "docker.io/library/python:latest"),
        ("None", None),
    ],
)
def test_values_of_all_kinds_go_in(shell: Any, catalog: ocinb.Catalog, code: str, expected: Any) -> None:
    shell.user_ns["catalog"] = catalog
    run(shell, f"import numpy, pandas, ocinb\nvalue = {code}")
    [answer] = run(shell, "%%ocisql\nSELECT $value AS value")["value"].astype(object)
    assert (None if pd.api.types.is_scalar(answer) and pd.isna(answer) else answer) == expected


def test_a_variable_that_is_not_there_is_named(
    shell: Any, catalog: ocinb.Catalog, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.user_ns.update(catalog=catalog, smallest=1)
    error, _ = failure(shell, "%%ocisql\nFROM images WHERE layers > $smalest", capsys)
    assert isinstance(error, NotFoundError)
    assert str(error) == "there is no variable for $smalest. Did you mean $smallest?"
    error, _ = failure(shell, "%%ocisql\nFROM images WHERE layers > ?", capsys)
    assert str(error) == "? stands for no variable. Write $name, with the name of one"


def test_errors_are_short_and_show_no_code_that_nobody_wrote(
    shell: Any, catalog: ocinb.Catalog, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.user_ns["catalog"] = catalog
    for cell in ("%%ocisql\nFROM imagse", "%ocisql FROM imagse", "frame = %ocisql FROM imagse"):
        error, shown = failure(shell, cell, capsys)
        assert isinstance(error, InvalidError)
        assert "imagse" in shown
        assert shown.strip() == f"InvalidError: {error}"
        assert len(shown.splitlines()) < 6
    _, shown = failure(shell, "def ask():\n    return catalog.sql('FROM imagse')\n\nask()", capsys)
    assert "return catalog.sql" in shown, "what people wrote is shown"


def test_of_several_catalogues_one_has_to_be_named(
    shell: Any, catalog: ocinb.Catalog, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.user_ns.update(one=catalog, two=ocinb.Catalog())
    error, _ = failure(shell, "%%ocisql\nFROM images", capsys)
    assert str(error) == "there are several catalogues: one, two. Name one: %%ocisql one"


@pytest.mark.parametrize("how", ["registry.duckdb", "'registry.duckdb'", '"registry.duckdb"', "path"])
def test_a_path_leads_to_a_catalogue(shell: Any, registry: SampleRegistry, how: str) -> None:
    ocinb.Catalog("registry.duckdb").add(registry.reference("demo/hello"))
    shell.user_ns["path"] = Path("registry.duckdb")
    assert len(run(shell, f"%%ocisql {how}\nFROM images")) == 1
    assert len(run(shell, "%%ocisql\nFROM images")) == 1


def test_a_name_that_leads_nowhere_makes_no_file(
    shell: Any, catalog: ocinb.Catalog, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.user_ns.update(catalog=catalog, number=3)
    error, _ = failure(shell, "%%ocisql catalgo\nFROM images", capsys)
    assert str(error) == "no variable and no file is called 'catalgo'. Did you mean 'catalog'?"
    error, _ = failure(shell, "%%ocisql number\nFROM images", capsys)
    assert str(error) == "number is no Catalog and no path of one, but of type int"
    ocinb.Catalog("registry.duckdb")
    error, _ = failure(shell, "%%ocisql registri.duckdb\nFROM images", capsys)
    assert str(error) == "no variable and no file is called 'registri.duckdb'. Did you mean 'registry.duckdb'?"
    assert sorted(path.name for path in tmp_path.glob("*.duckdb")) == ["registry.duckdb"]


def test_a_name_that_is_none_is_refused(shell: Any, catalog: ocinb.Catalog, capsys: pytest.CaptureFixture[str]) -> None:
    shell.user_ns["catalog"] = catalog
    for name in ("1st", "class"):
        error, _ = failure(shell, f"%%ocisql {name} <<\nFROM images", capsys)
        assert str(error) == f"'{name}' cannot be the name of a variable"


def test_loading_it_again_is_harmless(shell: Any, catalog: ocinb.Catalog) -> None:
    shell.user_ns["catalog"] = catalog
    matchers = len(shell.Completer.custom_matchers)
    shell.run_line_magic("load_ext", "ocinb")
    shell.run_line_magic("reload_ext", "ocinb")
    getattr(ocinb, "load_ipython_extension")(shell)  # noqa: B009 - the stub has the names for people alone
    assert len(shell.Completer.custom_matchers) == matchers
    assert len(run(shell, "%%ocisql\nFROM images")) == 4
    assert isinstance(catalog, ocinb.Catalog), "what was made before is still of the class of that name"


def test_a_shell_that_has_no_such_completion_has_the_questions(
    shell: Any, catalog: ocinb.Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.run_line_magic("unload_ext", "ocinb")
    monkeypatch.delattr("IPython.core.completer.context_matcher")
    shell.run_line_magic("load_ext", "ocinb")
    shell.user_ns["catalog"] = catalog
    assert len(run(shell, "%%ocisql\nFROM images")) == 4
    assert "layer_sharing" not in completed(shell, "%%ocisql\nFROM layer_sh▮")


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BlockingKernelClient]:
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(extra_arguments=[f"--ProfileDir.location={tmp_path_factory.mktemp('profile')}"])
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=SECONDS)
        prepare = (
            "%load_ext ocinb\nimport ocinb, pandas\ncatalog = ocinb.Catalog()\nwanted = pandas.DataFrame({'port': [1]})"
        )
        assert client.execute_interactive(prepare, timeout=SECONDS)["content"]["status"] == "ok"
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def reply(kernel: BlockingKernelClient, typed: str) -> tuple[list[str], str, list[str]]:
    """Give what a kernel offers where the ▮ stands, what that replaces, and what each is."""
    before, _, after = typed.partition("▮")
    content = kernel.complete(before + after, len(before), reply=True, timeout=SECONDS)["content"]
    kinds = [one["type"] for one in content["metadata"]["_jupyter_types_experimental"]]
    return content["matches"], (before + after)[content["cursor_start"] : content["cursor_end"]], kinds
