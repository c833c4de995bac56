"""A real registry that wants a user and a password gives all to those who have them, and nothing to others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import ocinb
from ocinb.errors import AuthError
from tests.real import logins, tools
from tests.real.comparing import assert_same, frames_of
from tests.real.dockerregistry import DockerRegistry
from tests.real.logins import ADA, BERT, Pair
from tests.real.realimages import RealImages

pytestmark = pytest.mark.real


@pytest.mark.parametrize("pair", [ADA, BERT], ids=["plain", "with-a-colon-and-umlauts"])
def test_who_may_enter_sees_what_an_open_registry_shows(
    password_registry: DockerRegistry, real_images: RealImages, pair: Pair
) -> None:
    ocinb.settings.credentials[password_registry.host] = pair
    assert_same(frames_of(password_registry.reference(real_images.index)), frames_of(real_images.index))
    open_repository = real_images.index.rpartition(":")[0]
    tags = ocinb.tags(password_registry.reference(open_repository), digests=True)
    assert tags["digest"].tolist() == ocinb.tags(open_repository, digests=True)["digest"].tolist()
    assert "real/multi" in set(ocinb.repositories(password_registry.host)["repository"])


def test_a_pull_with_a_password_is_the_one_that_skopeo_makes(
    password_registry: DockerRegistry, real_images: RealImages, tmp_path: Path
) -> None:
    ocinb.settings.credentials[password_registry.host] = ADA
    reference = password_registry.reference(real_images.busybox_oci)
    ocinb.pull(reference, destination=tmp_path / "ours", progress=False)
    theirs = f"oci:{tmp_path / 'theirs'}:it"
    login = ("--src-tls-verify=false", f"--src-creds={':'.join(ADA)}")
    tools.run("skopeo", "--insecure-policy", "copy", "--quiet", *login, f"docker://{reference}", theirs)
    assert blobs(tmp_path / "ours") == blobs(tmp_path / "theirs")


def blobs(layout: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (layout / "blobs" / "sha256").iterdir()}


@pytest.mark.parametrize(
    ("pair", "words"),
    [(None, "wants a user and a password"), (("ada", "wrong"), "401"), (("eve", "s3cret-of-ada"), "401")],
    ids=["nobody", "wrong-password", "wrong-user"],
)
def test_who_may_not_enter_is_told_so_once(
    password_registry: DockerRegistry, real_images: RealImages, pair: Pair | None, words: str
) -> None:
    if pair:
        ocinb.settings.credentials[password_registry.host] = pair
    before = len(password_registry.statuses)
    with pytest.raises(AuthError, match=words) as caught:
        ocinb.layers(password_registry.reference(real_images.index))
    told = str(caught.value)
    assert password_registry.host in told
    assert "ocinb.settings.credentials" in told
    assert not [secret for secret in (pair or ()) if secret in told]
    # Some registries count wrong passwords; one question without and one with it is all there is to ask.
    assert password_registry.statuses[before:] == ([401, 401] if pair else [401])


def test_nothing_that_was_kept_has_the_password_in_it(
    password_registry: DockerRegistry, real_images: RealImages
) -> None:
    ocinb.settings.credentials[password_registry.host] = ADA
    ocinb.tags(password_registry.reference(real_images.index).rpartition(":")[0], digests=True)
    kept = [path for place in (ocinb.settings.cache_dir, ocinb.settings.store_dir) for path in place.rglob("*")]
    contents = b"".join(path.read_bytes() for path in kept if path.is_file())
    assert len(contents) > 1000
    assert not [secret for secret in (ADA[1], logins.basic(ADA)) if secret.encode() in contents]


def test_what_one_may_see_another_does_not_find_in_the_cache(
    password_registry: DockerRegistry, real_images: RealImages
) -> None:
    repository = password_registry.reference(real_images.index).rpartition(":")[0]
    ocinb.settings.credentials[password_registry.host] = ADA
    assert len(ocinb.tags(repository))
    del ocinb.settings.credentials[password_registry.host]
    with pytest.raises(AuthError):
        ocinb.tags(repository)


def test_the_catalogue_reads_on_with_a_password(password_registry: DockerRegistry, real_images: RealImages) -> None:
    ocinb.settings.credentials[password_registry.host] = BERT
    with ocinb.Catalog() as catalog:
        added = catalog.add(password_registry.reference(real_images.index))
        assert added["outcome"].tolist() == ["added"]
        rows = catalog.sql("SELECT platform, layers FROM images ORDER BY platform")
    children = [json.loads(tools.skopeo_raw(child)) for child in real_images.index_children.values()]
    assert rows["layers"].tolist() == [len(child["layers"]) for child in children]
