"""Images of Docker's schema 1 are images: rows without sizes, a document by the digest of what was signed."""

from __future__ import annotations

import pytest

import ocinb
from ocinb._settings import settings
from ocinb.errors import InvalidError, NotFoundError
from ocinb.frames.documents import NoConfigError
from ocinb.samples import SampleRegistry
from ocinb.samples.images import make_json
from ocinb.spec.mediatypes import DOCKER_SCHEMA1_LAYER
from tests.documents import REPOSITORY, put_image, put_schema1
from tests.frames.facts import records
from tests.spec.signing import Step

BASE, TOP = f"sha256:{'b' * 64}", f"sha256:{'c' * 64}"


STEPS = (
    Step(["/bin/sh", "-c", "#(nop) ADD file:1 in /"], BASE),
    Step(["/bin/sh", "-c", "#(nop) ENV A=1"]),
    Step(
        ["/bin/sh", "-c", "make"],
        TOP,
        (("os", "linux"), ("architecture", "amd64"), ("config", {"User": "app", "Labels": {"a": "b"}})),
    ),
)


def stored(registry: SampleRegistry, digest: str) -> bytes:
    return registry._content.repositories[REPOSITORY].manifests[digest].raw


def test_what_was_damaged_in_the_store_is_asked_for_again(registry: SampleRegistry) -> None:
    digest = put_schema1(registry, *STEPS)
    name = registry.reference(f"{REPOSITORY}@{digest}")
    raw = ocinb.document(name).raw
    for damage in (b"x", b"\xff", b"sha256:" + b"0" * 64, make_json({})):
        [note] = settings.store_dir.glob(".ocinb/signed/*/*")
        note.write_bytes(damage)
        assert ocinb.document(name).raw == raw
    [blob] = settings.store_dir.glob("blobs/*/*")
    blob.write_bytes(raw.replace(b"demo/old", b"demo/new"))
    asked = len(registry.requests)
    assert ocinb.document(name).raw == raw
    assert len(registry.requests) == asked + 1


@pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])
def test_rows_have_no_sizes_and_no_layer_for_what_was_thrown_away(registry: SampleRegistry, *, signed: bool) -> None:
    digest = put_schema1(registry, *STEPS, signed=signed)
    name = registry.reference(f"{REPOSITORY}:old")
    layers = ocinb.layers(name)
    assert layers["digest"].tolist() == [BASE, TOP]
    assert layers["layer"].tolist() == [0, 1]
    assert layers["instruction"].tolist() == ["ADD file:1 in /", "RUN make"]
    assert layers["media_type"].unique().tolist() == [DOCKER_SCHEMA1_LAYER]
    assert layers[["compressed_bytes", "diff_id", "chain_id", "compression"]].isna().all(axis=None)
    assert layers["manifest_digest"].unique().tolist() == [digest]
    history = ocinb.history(name)
    assert history["empty_layer"].tolist() == [False, True, False]
    assert history["layer"].astype(object).where(history["layer"].notna(), None).tolist() == [0, None, 1]
    assert history["compressed_bytes"].isna().all()
    [config] = records(ocinb.configs(name))
    assert (config["user"], config["labels"], config["platform"]) == ("app", {"a": "b"}, "linux/amd64")
    assert config["digest"] is None, "there is none to ask for"
    [manifest] = records(ocinb.manifests(name))
    assert (manifest["kind"], manifest["digest"], manifest["platform"]) == ("image", digest, "linux/amd64")
    assert manifest["manifest_bytes"] == len(stored(registry, digest))


def test_a_platform_is_chosen_by_what_the_image_says(registry: SampleRegistry) -> None:
    put_schema1(registry, *STEPS)
    name = registry.reference(f"{REPOSITORY}:old")
    assert len(ocinb.layers(name, platform="amd64")) == len(ocinb.layers(name, platform="all")) == 2
    with pytest.raises(NotFoundError, match="It has: linux/amd64"):
        ocinb.layers(name, platform="arm64")


def test_it_has_no_config_of_its_own(registry: SampleRegistry) -> None:
    put_schema1(registry, *STEPS)
    document = ocinb.document(registry.reference(f"{REPOSITORY}:old"))
    assert not hasattr(document, "config")
    with pytest.raises(NoConfigError, match=r"ocinb\.configs shows"):
        _ = document.config
    assert "v1Compatibility" in document._repr_html_()


def test_pull_says_that_it_fits_into_no_layout(registry: SampleRegistry) -> None:
    put_schema1(registry, *STEPS)
    name = registry.reference(f"{REPOSITORY}:old")
    with pytest.raises(InvalidError, match="schema 1, for which an image layout has no place") as caught:
        ocinb.pull(name, progress=False)
    assert caught.value.reference == name
    put_image(registry, tag="new")
    frame = ocinb.pull([name, registry.reference(f"{REPOSITORY}:new")], progress=False, errors="skip")
    assert [failure["reference"] for failure in frame.attrs["failures"]] == [name]
