"""What `docker save` and others wrote goes into the catalogue like an image of a registry."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import ocinb
from ocinb.samples import SampleRegistry
from ocinb.samples.images import Step, make_image, make_layer
from ocinb.samples.tars import file, symlink, whiteout
from tests.catalog.laying import check_files, put
from tests.localfiles import entry, layout_files, legacy_archive, members_of, tar_bytes, write_layout

LAYERS = [
    [file("usr/lib/os-release", "ID=debian\nVERSION_ID=12\n"), symlink("etc/os-release", "../usr/lib/os-release")],
    [file("srv/1", "one" * 100), file("key", "secret")],
    [whiteout("key"), file("srv/1", "two")],
]
IMAGE = make_image(
    "linux/amd64",
    [Step(f"RUN {number}", "2025-01-01T00:00:00Z", make_layer(some)) for number, some in enumerate(LAYERS)],
)
# What does not hang on the compression, nor on a manifest that docker does not keep.
QUESTIONS = {
    "files": "SELECT layer, path, change, visible, size_bytes, sha256, mtime FROM layer_files ORDER BY layer, position",
    "hidden": "SELECT * EXCLUDE (manifest_digest, reference) FROM hidden_files ORDER BY ALL",
    "image": "SELECT platform, distribution, layers, tar_bytes, files, created FROM images",
    "stack": "SELECT layer, diff_id, chain_id, instruction FROM manifest_layers ORDER BY layer",
    "find": "SELECT layer, path, visible FROM find('*/1') ORDER BY ALL",
}


@pytest.fixture
def names(registry: SampleRegistry, tmp_path: Path) -> dict[str, str]:
    write_layout(tmp_path / "image", {"app": IMAGE.manifest})
    archive = tar_bytes(members_of(layout_files([IMAGE.manifest], [entry(IMAGE.manifest, "app")])))
    (tmp_path / "oci.tar").write_bytes(archive)
    (tmp_path / "docker.tar").write_bytes(tar_bytes(legacy_archive([(IMAGE, ["demo/app:1"])])))
    return {
        "registry": put(registry, IMAGE.manifest, "app"),
        "oci": f"oci:{tmp_path}/image:app",
        "oci-archive": f"oci-archive:{tmp_path}/oci.tar:app",
        "docker-archive": f"docker-archive:{tmp_path}/docker.tar:demo/app:1",
    }


def answers(name: str) -> dict[str, pd.DataFrame]:
    with ocinb.Catalog() as catalog:
        assert catalog.add(name, depth="files", progress=False)["outcome"].tolist() == ["added"]
        check_files(catalog, name)
        assert catalog.add(name, depth="files", progress=False)["outcome"].tolist() == ["present"]
        return {what: catalog.sql(query) for what, query in QUESTIONS.items()}


@pytest.mark.parametrize("transport", ["oci", "oci-archive", "docker-archive"])
def test_an_image_on_this_machine_is_the_image_of_the_registry(names: dict[str, str], transport: str) -> None:
    expected = answers(names["registry"])
    assert expected["image"]["distribution"].tolist() == ["debian 12"]
    assert len(expected["hidden"]) == 2
    for what, frame in answers(names[transport]).items():
        pd.testing.assert_frame_equal(frame, expected[what], obj=what)


def test_archives_and_a_registry_in_one_catalogue(names: dict[str, str]) -> None:
    with ocinb.Catalog() as catalog:
        added = catalog.add(list(names.values()), depth="files", progress=False)
        assert added["outcome"].tolist() == ["added", "present", "present", "added"], "docker keeps no compression"
        assert len(catalog.sql("FROM repository_sizes")) == 4
        assert len(catalog.sql("SELECT DISTINCT diff_id FROM layers")) == 3
