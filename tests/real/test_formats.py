"""One image in every form that a registry keeps: what the frames say is what skopeo says of that form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import ocinb
from ocinb.errors import InvalidError
from tests.real import attesting, tools
from tests.real.formats import DOCKER_LIST, DOCKER_MANIFEST, Formats, digest_of
from tests.real.realimages import OCI_INDEX, OCI_MANIFEST, Layout

pytestmark = pytest.mark.real

SINGLE = ["oci", "v2s2", "zstd", "chunked"]
INDEXES = ["manifest_list", "attested"]
SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+prettyjws"
MEDIA_TYPES = {
    **dict.fromkeys(["oci", "zstd", "chunked"], OCI_MANIFEST),
    **dict.fromkeys(["nested", "attested"], OCI_INDEX),
    "v2s2": DOCKER_MANIFEST,
    "manifest_list": DOCKER_LIST,
    "schema1": SCHEMA1,
}
TAR = "application/vnd.oci.image.layer.v1.tar"
LAYER_TYPES = {
    "oci": (f"{TAR}+gzip", "gzip"),
    "v2s2": ("application/vnd.docker.image.rootfs.diff.tar.gzip", "gzip"),
    "zstd": (f"{TAR}+zstd", "zstd"),
    "chunked": (f"{TAR}+zstd", "zstd"),
}
CONFIG = {"user": "User", "entrypoint": "Entrypoint", "cmd": "Cmd", "working_dir": "WorkingDir", "labels": "Labels"}


def time_of(text: str) -> pd.Timestamp:
    return pd.Timestamp(text).tz_convert("UTC").as_unit("us")


def known(column: pd.Series[Any]) -> list[Any]:
    """Give the values of a column, None for what is not known, as JSON has it."""
    return [value if isinstance(value, list | dict) or pd.notna(value) else None for value in column]


@pytest.mark.parametrize("form", MEDIA_TYPES)
def test_the_document_is_the_one_that_skopeo_gives(form: str, formats: Formats) -> None:
    reference = getattr(formats, form)
    document = ocinb.document(reference)
    if form == "schema1":  # docker-registry signs it anew each time
        theirs = json.loads(tools.skopeo_raw(reference))
        assert {**document.json, "signatures": theirs["signatures"]} == theirs
    else:
        assert document.raw == tools.skopeo_raw(reference)
    assert document.media_type == MEDIA_TYPES[form]
    if form not in {"nested", "attested", "manifest_list"}:  # of an index skopeo inspects an image
        assert document.digest == tools.skopeo_inspect(reference)["Digest"]


@pytest.mark.parametrize("form", SINGLE)
def test_layers_are_those_of_the_form(form: str, formats: Formats) -> None:
    reference = getattr(formats, form)
    entries = json.loads(tools.skopeo_raw(reference))["layers"]
    layers = ocinb.layers(reference)
    assert layers["digest"].tolist() == tools.skopeo_inspect(reference)["Layers"]
    assert layers["compressed_bytes"].tolist() == [entry["size"] for entry in entries]
    assert layers["diff_id"].tolist() == tools.skopeo_config(reference)["rootfs"]["diff_ids"]
    assert set(zip(layers["media_type"], layers["compression"], strict=True)) == {LAYER_TYPES[form]}


@pytest.mark.parametrize("form", [*SINGLE, *INDEXES, "schema1"])
def test_the_config_is_the_one_that_skopeo_reads(form: str, formats: Formats) -> None:
    reference = getattr(formats, form)
    told = tools.skopeo_config(reference, architecture="amd64")
    [row] = ocinb.configs(reference, platform="amd64").to_dict("records")
    assert {name: row[name] for name in CONFIG} == {name: told["config"][key] for name, key in CONFIG.items()}
    assert row["env"] == dict(entry.split("=", 1) for entry in told["config"]["Env"])
    assert (row["os"], row["architecture"], row["author"]) == (told["os"], told["architecture"], told["author"])
    assert row["created"] == time_of(told["created"])
    assert row["exposed_ports"] == list(told["config"]["ExposedPorts"])


@pytest.mark.parametrize("form", [*SINGLE, *INDEXES, "schema1"])
def test_the_history_is_the_one_that_skopeo_reads(form: str, formats: Formats) -> None:
    reference = getattr(formats, form)
    told = tools.skopeo_config(reference, architecture="amd64")["history"]
    history = ocinb.history(reference, platform="amd64")
    assert known(history["created_by"]) == [entry.get("created_by") for entry in told]
    assert history["empty_layer"].tolist() == [entry.get("empty_layer", False) for entry in told]
    assert history["created"].tolist() == [time_of(entry["created"]) for entry in told]
    kept = history[~history["empty_layer"].astype(bool)]
    assert kept["layer"].tolist() == [0, 1, 2]
    assert kept["layer_digest"].tolist() == ocinb.layers(reference, platform="amd64")["digest"].tolist()


def test_a_schema1_image_has_the_layers_that_store_something(formats: Formats) -> None:
    raw = json.loads(tools.skopeo_raw(formats.schema1))
    made = [
        layer["blobSum"]
        for layer, entry in zip(reversed(raw["fsLayers"]), reversed(raw["history"]), strict=True)
        if not json.loads(entry["v1Compatibility"]).get("throwaway")
    ]
    layers = ocinb.layers(formats.schema1)
    assert layers["digest"].tolist() == made == ocinb.layers(formats.oci)["digest"].tolist()
    assert layers["compressed_bytes"].isna().all(), "it says no sizes"
    assert layers["diff_id"].isna().all(), "nor what is in the layers"
    assert layers["instruction"].tolist() == ocinb.layers(formats.oci)["instruction"].tolist()
    assert layers["manifest_digest"].unique().tolist() == [tools.skopeo_inspect(formats.schema1)["Digest"]]


def test_a_schema1_image_has_no_place_in_a_layout(formats: Formats, tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match="schema 1"):
        ocinb.pull(formats.schema1, destination=tmp_path, progress=False)
    assert not (tmp_path / "index.json").exists() or not json.loads((tmp_path / "index.json").read_bytes())["manifests"]


def test_one_image_is_one_image_in_all_its_forms(formats: Formats) -> None:
    same = ["layer", "diff_id", "chain_id", "instruction", "created_by", "created"]
    expected = ocinb.layers(formats.oci)[same]
    for form in SINGLE:
        pd.testing.assert_frame_equal(ocinb.layers(getattr(formats, form))[same], expected)
    for form in ("manifest_list", "attested", "nested"):
        pd.testing.assert_frame_equal(ocinb.layers(getattr(formats, form), platform="amd64")[same], expected)


@pytest.mark.parametrize("form", INDEXES)
@pytest.mark.parametrize("architecture", ["amd64", "arm64"])
def test_an_image_is_chosen_as_skopeo_chooses_it(form: str, architecture: str, formats: Formats) -> None:
    reference = getattr(formats, form)
    layers = ocinb.layers(reference, platform=architecture)
    assert layers["digest"].tolist() == tools.skopeo_inspect(reference, architecture=architecture)["Layers"]
    assert set(layers["platform"]) == {f"linux/{architecture}"}
    entry = next(
        entry
        for entry in json.loads(tools.skopeo_raw(reference))["manifests"]
        if entry["platform"]["architecture"] == architecture
    )
    assert set(layers["manifest_digest"]) == {entry["digest"]}


def test_an_index_in_an_index_is_looked_into(formats: Formats) -> None:
    outer = json.loads(tools.skopeo_raw(formats.nested))["manifests"]
    manifests = ocinb.manifests(formats.nested)
    assert manifests["kind"].tolist() == ["image", "index", "image"]
    assert manifests["digest"].tolist()[:2] == [entry["digest"] for entry in outer]
    assert manifests["digest"].iloc[2] == digest_of(tools.skopeo_raw(formats.nested.replace(":nested", ":oci-arm64")))
    assert set(ocinb.configs(formats.nested, platform="all")["architecture"]) == {"amd64", "arm64"}


def test_a_whole_nested_index_is_pulled(formats: Formats, tmp_path: Path) -> None:
    frame = ocinb.pull(formats.nested, platform="all", destination=tmp_path, progress=False)
    assert set(frame["platform"]) == {"linux/amd64", "linux/arm64"}
    assert tools.skopeo_raw(f"oci:{tmp_path}:{formats.nested}") == tools.skopeo_raw(formats.nested)


def test_attestations_are_told_from_images(formats: Formats) -> None:
    entries = json.loads(tools.skopeo_raw(formats.attested))["manifests"]
    manifests = ocinb.manifests(formats.attested)
    assert manifests["digest"].tolist() == [entry["digest"] for entry in entries]
    assert manifests["kind"].tolist() == ["image", "image", "attestation", "attestation"]
    linked = [note["vnd.docker.reference.digest"] for note in manifests["annotations"][2:]]
    assert linked == manifests["digest"].tolist()[:2]
    assert ocinb.configs(formats.attested, platform="all")["architecture"].tolist() == ["amd64", "arm64"]


def test_what_an_attestation_says_can_be_read(formats: Formats) -> None:
    repository = formats.attested.rpartition(":")[0]
    attestation = ocinb.manifests(formats.attested)["digest"].iloc[2]
    blobs = ocinb.document(f"{repository}@{attestation}").json["layers"]
    statements = [ocinb.document(f"{repository}@{blob['digest']}").json for blob in blobs]
    assert [statement["predicateType"] for statement in statements] == [attesting.PROVENANCE, attesting.SBOM]


@pytest.mark.parametrize("form", ["oci", "v2s2"])
def test_umoci_and_the_frames_agree_on_history(form: str, formats: Formats, busybox_layout: Layout) -> None:
    told = tools.umoci_stat(busybox_layout.path, busybox_layout.tag)["history"]
    history = ocinb.history(getattr(formats, form))
    assert known(history["layer_digest"]) == [entry["layer"]["digest"] if entry["layer"] else None for entry in told]


def test_the_catalogue_has_every_form_once(formats: Formats) -> None:
    references = [getattr(formats, form) for form in MEDIA_TYPES]
    with ocinb.Catalog() as catalog:
        assert catalog.add(references)["outcome"].tolist() == ["added"] * len(references)
        sizes = catalog.sql("SELECT DISTINCT manifest_digest, compressed_bytes FROM images")
    by_digest = dict(zip(sizes["manifest_digest"], sizes["compressed_bytes"], strict=True))
    for form in SINGLE:
        raw = tools.skopeo_raw(getattr(formats, form))
        assert by_digest[digest_of(raw)] == sum(layer["size"] for layer in json.loads(raw)["layers"])
