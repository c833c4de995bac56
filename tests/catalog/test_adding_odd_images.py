"""Files of images that are not as most are: without layers, of Docker's schema 1, of sha512, with odd names."""

from __future__ import annotations

from pathlib import Path

import pytest

import ocinb
from ocinb.errors import InvalidError
from ocinb.samples import SampleRegistry
from ocinb.samples.images import make_layer
from ocinb.samples.tars import file, symlink
from tests import documents
from tests.catalog.laying import check_files, put_stack
from tests.catalog.test_adding_files import outcomes, stack
from tests.spec.signing import Step

ODD_NAMES = [
    "new\nline",
    "quo'te\"s",
    "\u202eright",
    "<script>",
    "caf\u00e9",
    "\\x41",
    "a" * 3000,
    "; DROP TABLE files",
]


def test_an_image_of_schema_1_gets_its_sizes(registry: SampleRegistry) -> None:
    layers = stack()
    for layer in layers:
        registry.put_blob(layer.raw)
    documents.put_schema1(registry, *[Step(f"RUN {one}", layer.digest) for one, layer in enumerate(layers)])
    name = registry.reference(f"{documents.REPOSITORY}:old")
    with ocinb.Catalog() as catalog:
        assert outcomes(catalog, name) == ["added"]
        sizes = catalog.sql("SELECT layer_digest, compressed_bytes, diff_id FROM layers")
        assert sorted(map(tuple, sizes.to_numpy().tolist())) == sorted(
            (str(layer.digest), len(layer.raw), str(layer.diff_id)) for layer in layers
        )
        check_files(catalog, name)


@pytest.mark.parametrize("with_store", [True, False])
def test_odd_names_go_in_and_come_out(registry: SampleRegistry, tmp_path: Path, *, with_store: bool) -> None:
    base = make_layer([file(name, name) for name in ODD_NAMES] + [symlink("link", "quo'te\"s;\n")])
    names = [put_stack(registry, [base], "one"), put_stack(registry, [base, make_layer([file("more")])], "two")]
    with ocinb.Catalog(tmp_path / 'it\'s a "catalogue".duckdb') as catalog:
        for name in names:
            assert outcomes(catalog, name) == ["added"]
            if not with_store:
                ocinb.settings.store_dir = tmp_path / "an empty store"
        for name in names:
            check_files(catalog, name)


def test_what_passes_a_limit_fails_alone(registry: SampleRegistry) -> None:
    names = [put_stack(registry, stack(), "many"), put_stack(registry, [make_layer([file("a")])], "few")]
    ocinb.settings.max_tar_entries = 3
    with ocinb.Catalog() as catalog:
        added = catalog.add(names, depth="files")
        assert added["outcome"].tolist() == ["failed", "added"]
        assert "max_tar_entries" in added["error"][0]
        with pytest.raises(InvalidError, match="max_tar_entries"):
            ocinb.files(names[0])
