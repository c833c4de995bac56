"""What the pages that explain say is what comes out when their cells run, and the gate of the page on sizes is one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ocinb._settings import Settings
from ocinb.samples import SampleRegistry
from tests.cookbook.page import cells, run_cell

DOCS = Path(__file__).parents[1] / "docs"
GATE = DOCS / "examples" / "test_image_size.py"


def _shown(page: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    (folder / "page").mkdir()
    monkeypatch.chdir(folder / "page")
    names: dict[str, Any] = {}
    ran = [(cell, run_cell(cell.code, names)) for cell in cells(DOCS / page)]
    return [value for cell, value in ran if cell.is_answer and value is not None]


def test_the_page_on_identity_shows_what_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    canonical, is_hash, manifests, forms, (tars, same_files) = _shown("identity.md", tmp_path, monkeypatch)
    assert set(canonical) == {"docker.io/library/python:latest"}
    assert is_hash
    assert len(set(manifests)) == 1
    assert forms.nunique()[["compression", "digest", "diff_id"]].tolist() == [3, 3, 1]
    assert (tars, same_files) == (2, True)


def test_the_page_on_caching_counts_what_goes_over_the_wire(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, others, confirmed = _shown("caching.md", tmp_path, monkeypatch)
    assert first["status"].tolist() == [401, 200, 200, 200, 200]
    assert not first["from_cache"].any()
    assert second[["from_cache", "transferred_bytes"]].to_numpy().tolist() == [[True, 0]]
    assert others == [0, 0, 0]
    assert confirmed[["status", "transferred_bytes"]].to_numpy().tolist() == [[304, 0]]


def _gate(image: str, **environment: str) -> str:
    options = ["-p", "no:cacheprovider", "-rs", "--override-ini=addopts="]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(GATE)],
        env={**os.environ, **environment, "IMAGE": image},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


def test_the_gate_says_by_which_instruction_an_image_is_too_large(registry: SampleRegistry) -> None:
    said = _gate(registry.reference("demo/shop:2.0"))
    assert "2 failed, 1 passed, 1 skipped" in said
    assert "srv/shop/deploy.key" in said
    assert "RUN apt-get update" in said, "who stored what is hidden"


def test_the_gate_lets_a_lean_image_pass_and_compares_it(registry: SampleRegistry) -> None:
    lean = registry.reference("demo/base:12")
    assert "4 passed" in _gate(lean, RELEASED=lean)
    assert "1.2" in _gate(registry.reference("demo/shop:2.0"), RELEASED=registry.reference("demo/shop:1.0"))


@pytest.mark.parametrize("path", ["app/tls.key", "root/.ssh/id_rsa", "home/app/.npmrc", "id_ed25519"])
def test_the_gate_knows_a_secret_by_its_name(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets, public = _patterns(monkeypatch)
    found = pd.Series([path, "etc/ssl/certs/ca.pem", "usr/lib/python3/site-packages/certifi/cacert.pem", "app/key.py"])
    assert found[found.str.contains(secrets) & ~found.str.contains(public)].tolist() == [path]


def _patterns(monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    monkeypatch.setenv("IMAGE", "demo/app")
    names: dict[str, Any] = {}
    exec(compile(GATE.read_text(encoding="utf-8"), GATE, "exec"), names)  # what the page shows
    return names["SECRETS"], names["PUBLIC"]


def test_the_page_on_the_gate_quotes_what_it_says(registry: SampleRegistry) -> None:
    quoted = (DOCS / "size-gate.md").read_text(encoding="utf-8")
    row = next(line for line in quoted.splitlines() if "deploy.key" in line)
    assert row.removeprefix("E").split() in [
        line.removeprefix("E").split() for line in _gate(registry.reference("demo/shop:2.0")).splitlines()
    ]


@pytest.mark.parametrize("page", sorted(page.name for page in DOCS.glob("*.md")))
def test_each_setting_that_a_page_names_is_one(page: str) -> None:
    named = set(re.findall(r"settings\.([a-z_]+)", (DOCS / page).read_text(encoding="utf-8")))
    assert named - {"md", "py"} <= {entry.name for entry in fields(Settings)}
