"""What the pages say that ocinb reads, some test has seen it read; and the README shows what comes out."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import ocinb
from ocinb.samples import SampleRegistry

ROOT = Path(__file__).parent
README = (ROOT.parent / "README.md").read_text(encoding="utf-8")
PEERS = (ROOT.parent / "docs" / "peers.md").read_text(encoding="utf-8")
TABLE = PEERS.partition("## What each of them reads")[2].partition("\n## ")[0]

# A row of the table by its first words, and the tests behind our cell in it.
TESTS = {
    "tokens for anybody": [
        "real/test_tokens.py::test_a_token_opens_all_that_an_open_registry_shows",
        "real/test_passwords.py::test_who_may_enter_sees_what_an_open_registry_shows",
    ],
    "identity tokens": [
        "real/test_logins.py::test_an_identity_token_of_a_file_opens_a_registry_with_a_token_service",
        "auth/test_tokens.py::test_post_with_an_identity_token",
    ],
    "docker's credential helpers": ["real/test_logins.py::test_a_helper_is_asked_once_the_registry_wants_to_know"],
    "podman's files": ["auth/test_auth_files.py::test_the_order"],
    "credentials for a part": [
        "real/test_logins.py::test_the_longest_key_decides",
        "auth/test_credentials.py::test_the_longest_key_wins",
    ],
    "OCI and Docker images": [
        "real/test_formats.py::test_one_image_is_one_image_in_all_its_forms",
        "real/test_formats.py::test_attestations_are_told_from_images",
    ],
    "an index in an index": ["real/test_formats.py::test_an_index_in_an_index_is_looked_into"],
    "Docker's schema 1": [
        "real/test_formats.py::test_a_schema1_image_has_the_layers_that_store_something",
        "frames/test_documents.py::test_rows_have_no_sizes_and_no_layer_for_what_was_thrown_away",
    ],
    "artifacts": [
        "frames/test_documents.py::test_artifacts_of_today_are_rows",
        "frames/test_documents.py::test_an_artifact_of_old_has_its_blobs_as_rows_and_no_config",
    ],
    "zstd layers": ["real/test_formats.py::test_layers_are_those_of_the_form"],
    "a list of the files": [
        "real/test_toc_by_skopeo.py::test_tables_give_what_the_whole_layers_give",
        "real/test_toc_by_tar.py::test_a_debian_tree_is_listed_for_a_fiftieth_of_its_bytes",
    ],
    "sha512": [
        "frames/test_documents.py::test_all_helpers_show_its_digests",
        "frames/test_documents.py::test_an_image_is_pulled_into_its_own_folder",
    ],
    "content embedded": ["frames/test_documents.py::test_embedded_documents_need_no_request_and_are_there_for_pull"],
    "layers that lie elsewhere": ["sources/test_registry.py::test_it_is_fetched_without_credentials"],
    "`oci:` layouts": ["sources/test_layout.py::test_nested_indexes_are_read_to_the_ground"],
    "`oci-archive:`": ["real/test_archives_by_peers.py::test_all_rows_are_those_of_the_registry"],
    "`docker-archive:`": [
        "real/test_archives_by_peers.py::test_a_docker_archive_has_the_rows_that_it_can_have",
        "sources/test_docker_archive.py::test_several_images_are_told_apart",
    ],
    "referrers": [
        "sources/test_referrers.py::test_the_list_is_read_over_all_pages",
        "real/test_referrers_by_peers.py::test_a_registry_without_a_list_has_it_under_a_tag",
    ],
    "cosign's tags": [
        "sources/test_referrers.py::test_what_cosign_keeps_is_found_by_its_tags",
        "real/test_referrers_by_peers.py::test_what_attests_the_images_of_an_index_is_linked_to_them",
    ],
    "the pulls that are left": ["real/test_registry_habits.py::test_limits_that_are_told_are_shown"],
    "what was asked before": ["real/test_registry_habits.py::test_offline_only_this_machine_is_asked"],
}
ROWS = [row[2:].split(" | ") for row in TABLE.splitlines() if row.startswith("| ") and not row.startswith("| **")][1:]

# What is asked of a catalogue, and the answer below it.
QUESTIONS = re.compile(r'^>>> catalog\.sql\("""\n((?:\.\.\. .*\n)+?)\.\.\. """\)\n((?:.+\n)+?)(?=\n|```)', re.MULTILINE)


def test_every_row_is_one_that_is_tested() -> None:
    assert [next(words for words in TESTS if row[0].startswith(words)) for row in ROWS] == list(TESTS)
    assert {row[1] for row in ROWS} == {"yes"}


@pytest.mark.parametrize("test", [test for tests in TESTS.values() for test in tests])
def test_a_test_is_where_it_is_said_to_be(test: str) -> None:
    file, _, name = test.partition("::")
    assert re.search(rf"^def {name}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)


def test_every_link_of_the_table_leads_somewhere() -> None:
    used = set(re.findall(r"\]\[([a-z]-\w+)\]", TABLE))
    assert used == set(re.findall(r"^\[([\w-]+)\]: https://", TABLE, re.MULTILINE))


def test_the_catalogue_answers_as_it_is_shown(registry: SampleRegistry) -> None:
    section = README.partition("## Many images in SQL")[2].partition("\n## ")[0]
    asked = QUESTIONS.findall(section)
    shown = pd.option_context("display.width", 120, "display.max_colwidth", 40, "display.max_columns", 20)
    assert len(asked) == 3
    with ocinb.Catalog() as catalog, shown:
        tags = ocinb.tags(ocinb.repositories(registry.host)["reference"])
        catalog.add(tags.loc[tags["kind"] == "tag", "reference"], depth="files")
        for query, answer in asked:
            assert without_sizes(str(catalog.sql(query.replace("... ", "")))) == without_sizes(answer)


def without_sizes(text: str) -> list[str]:
    """Take out of an answer the sizes, which other versions of a compressor make others, and the spaces."""
    return re.sub(r"\b\d{5,}\b", "#", text).split()


@pytest.mark.parametrize("page", ["README.md", "CHANGELOG.md"])
def test_every_link_within_the_project_leads_somewhere(page: str) -> None:
    text = (ROOT.parent / page).read_text(encoding="utf-8")
    inside = {link for link in re.findall(r"\]\(([^)\s#]+)[^)\s]*\)", text) if "://" not in link}
    assert {link for link in inside if not (ROOT.parent / link).exists()} == set()
    assert inside or page != "README.md"


def test_the_tour_runs_on_the_embedded_registry(
    registry: SampleRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tour = README.partition("## In sixty seconds")[2].partition("```python\n%load_ext ocinb\n")[2].partition("```")[0]
    tour = tour.replace('"python:3.12-slim"', repr(registry.reference("demo/shop:2.0"))).replace("3.1?-slim", "*")
    *statements, last = ast.parse(tour).body
    assert isinstance(last, ast.Expr)
    names: dict[str, Any] = {}
    exec(compile(ast.Module(statements, []), "README.md", "exec"), names)
    found = eval(compile(ast.Expression(last.value), "README.md", "eval"), names)
    assert len(statements) == 10
    assert set(found["path"]) == {"usr/lib/os-release", "etc/os-release"}
    assert found["reference"].nunique() == 3
