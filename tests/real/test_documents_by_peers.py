"""Schema 1 as skopeo pushes it and as a real registry signs and converts it reads as skopeo reads it."""

from __future__ import annotations

import json
import urllib.request
from email.message import Message
from typing import Any

import pandas as pd
import pytest

import ocinb
from ocinb.errors import InvalidError
from ocinb.spec.documents import manifest_digest, verify_manifest
from ocinb.spec.mediatypes import DOCKER_MANIFEST, DOCKER_SCHEMA1_SIGNED
from ocinb.spec.schema1 import parse_schema1
from tests.real import tools
from tests.real.dockerregistry import DockerRegistry
from tests.real.realimages import Layout, RealImages
from tests.spec.signing import EMPTY

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def schema1(docker_registry: DockerRegistry, busybox_layout: Layout) -> str:
    reference = docker_registry.reference("real/busybox:schema1")
    copying = ["--insecure-policy", "copy", "--quiet", "--format=v2s1", "--dest-tls-verify=false"]
    tools.run("skopeo", *copying, busybox_layout.reference, f"docker://{reference}")
    return reference


def get(reference: str, accept: str) -> tuple[bytes, Message]:
    host, _, rest = reference.partition("/")
    repository, _, tag = rest.rpartition(":")
    request = urllib.request.Request(f"http://{host}/v2/{repository}/manifests/{tag}", headers={"Accept": accept})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback is behind no proxy
    with opener.open(request, timeout=120) as answer:
        return answer.read(), answer.headers


def given(value: Any) -> Any:
    return value if isinstance(value, list | dict) or pd.notna(value) else None


def test_the_digest_is_the_one_that_skopeo_and_the_registry_give(schema1: str) -> None:
    document = ocinb.document(schema1)
    raw, headers = get(schema1, DOCKER_SCHEMA1_SIGNED)
    assert document.media_type == headers["Content-Type"] == DOCKER_SCHEMA1_SIGNED
    assert document.digest == headers["Docker-Content-Digest"] == tools.skopeo_inspect(schema1)["Digest"]
    assert manifest_digest(raw, "the registry's") == manifest_digest(tools.skopeo_raw(schema1), "skopeo's")
    assert verify_manifest(raw, document.digest) != tools.skopeo_raw(schema1), "the registry signs anew each time"


def test_layers_are_those_that_skopeo_gives_without_what_was_thrown_away(schema1: str, real_images: RealImages) -> None:
    layers = ocinb.layers(schema1)
    listed = tools.skopeo_inspect(schema1)["Layers"]
    assert EMPTY in listed
    assert layers["digest"].tolist() == [digest for digest in listed if digest != EMPTY]
    assert layers["digest"].tolist() == ocinb.layers(real_images.busybox_oci)["digest"].tolist()
    assert layers[["compressed_bytes", "diff_id", "chain_id"]].isna().all(axis=None)


def test_history_and_config_are_those_of_the_image_that_it_was_made_of(schema1: str, real_images: RealImages) -> None:
    history, original = ocinb.history(schema1), ocinb.history(real_images.busybox_oci)
    for column in ("empty_layer", "layer", "created"):
        assert history[column].tolist()[:-1] == original[column].tolist()[:-1]
    # The newest step carries the config, and skopeo does not say in it what it did.
    assert history["created_by"].tolist()[:-1] == original["created_by"].tolist()[:-1]
    assert history["layer_digest"].dropna().tolist() == original["layer_digest"].dropna().tolist()
    (config,), (same,) = (ocinb.configs(name).to_dict("records") for name in (schema1, real_images.busybox_oci))
    for column in ("os", "architecture", "user", "cmd", "entrypoint", "env", "labels", "exposed_ports", "working_dir"):
        assert given(config[column]) == given(same[column]), column
    assert pd.isna(config["digest"])
    told = tools.skopeo_inspect(schema1)
    assert (config["os"], config["architecture"], config["labels"]) == (
        told["Os"],
        told["Architecture"],
        told["Labels"],
    )


def test_its_digest_is_asked_for_once(schema1: str, docker_registry: DockerRegistry) -> None:
    document = ocinb.document(schema1)
    asked = len(docker_registry.requests)
    by_digest = f"{schema1.rpartition(':')[0]}@{document.digest}"
    assert ocinb.document(by_digest).raw == document.raw
    assert len(ocinb.layers([schema1, by_digest])) == 6
    assert len(docker_registry.requests) == asked


def test_what_the_registry_converts_for_those_who_ask_for_nothing_better_is_read_too(real_images: RealImages) -> None:
    raw, headers = get(real_images.busybox_docker, "application/json")
    assert headers["Content-Type"] == DOCKER_SCHEMA1_SIGNED
    assert manifest_digest(raw, "it") == headers["Docker-Content-Digest"]
    converted = parse_schema1(raw, DOCKER_SCHEMA1_SIGNED, "it")
    original = ocinb.layers(real_images.busybox_docker)
    assert [layer.digest for layer in converted.manifest.layers] == original["digest"].tolist()
    history = ocinb.history(real_images.busybox_docker)
    assert [entry.empty_layer for entry in converted.config.history] == history["empty_layer"].tolist()
    assert ocinb.document(real_images.busybox_docker).media_type == DOCKER_MANIFEST, "to us it converts nothing"


def test_pull_refuses_it_and_what_skopeo_makes_of_it_is_pulled(schema1: str, docker_registry: DockerRegistry) -> None:
    with pytest.raises(InvalidError, match="skopeo copy"):
        ocinb.pull(schema1, progress=False)
    converted = docker_registry.reference("real/busybox:converted")
    flags = [
        "--insecure-policy",
        "copy",
        "--quiet",
        "--format=oci",
        "--src-tls-verify=false",
        "--dest-tls-verify=false",
    ]
    tools.run("skopeo", *flags, f"docker://{schema1}", f"docker://{converted}")
    assert ocinb.pull(converted, progress=False)["outcome"].isin(["downloaded", "resumed"]).all()
    assert ocinb.layers(converted)["compressed_bytes"].notna().all()


def test_the_catalogue_knows_its_sizes_once_another_image_says_them(schema1: str, real_images: RealImages) -> None:
    with ocinb.Catalog(":memory:") as catalog:
        assert catalog.add(schema1)["outcome"].tolist() == ["added"]
        assert catalog.sql("SELECT compressed_bytes FROM images")["compressed_bytes"].isna().all()
        catalog.add(real_images.busybox_oci)
        sizes = catalog.sql("SELECT DISTINCT compressed_bytes FROM images")["compressed_bytes"].tolist()
    manifest = json.loads(tools.skopeo_raw(real_images.busybox_oci))
    assert sizes == [sum(layer["size"] for layer in manifest["layers"])]
