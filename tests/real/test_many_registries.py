"""One call over registries of all kinds at once: each gets its own login and its own trust, and who fails is named."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

import ocinb
from tests import tokenserver
from tests.real import blobserver, dockerregistry, logins, zuulregistry
from tests.real.blobserver import BlobServer
from tests.real.certificates import LOOPBACK, make_authority
from tests.real.djangooci import REPOSITORY, DjangoOci
from tests.real.dockerregistry import DockerRegistry, Section
from tests.real.logins import ADA, BERT
from tests.real.processes import free_host
from tests.real.realimages import OCI_MANIFEST, Layout, RealImages
from tests.real.tools import skopeo_raw
from tests.real.zuulregistry import ZuulRegistry
from tests.tokenserver import TokenServer

pytestmark = pytest.mark.real

PEOPLE = {"carl": "s3cret-of-carl"}


@dataclass(frozen=True)
class Everywhere:
    """The same image in registries of all kinds, and what was sent to those who should see no login."""

    references: dict[str, str]
    tokens: TokenServer
    blobs: BlobServer


@pytest.fixture
def everywhere(
    docker_registry: DockerRegistry,
    real_images: RealImages,
    zuul_registry: ZuulRegistry,
    django_oci: DjangoOci,
    busybox_layout: Layout,
    tmp_path: Path,
) -> Iterator[Everywhere]:
    with ExitStack() as stack:

        def serve(kind: str, sections: Section) -> str:
            place = tmp_path / kind
            place.mkdir(exist_ok=True)
            # A mirror writes what it fetches; all others only read, and may share.
            storage = None if "proxy" in sections else docker_registry.storage
            registry = dockerregistry.serve(place, sections, storage=storage)
            return stack.enter_context(registry).reference(real_images.busybox_oci)

        authority = make_authority(tmp_path)
        blobs = stack.enter_context(blobserver.serve(docker_registry.storage))
        tokens = stack.enter_context(tokenserver.serve(tmp_path, users=PEOPLE))
        raw = skopeo_raw(busybox_layout.reference)
        references = {
            "open": real_images.busybox_oci,
            "password": serve("password", logins.section(tmp_path, ADA)),
            "tls": serve(
                "tls", {**logins.section(_made(tmp_path / "bert"), BERT), "http": {"tls": authority.issue(LOOPBACK)}}
            ),
            "token": serve("token", {"auth": {"token": logins.token_section(tokens)}}),
            "redirect": serve("redirect", blobs.section),
            "mirror": serve("mirror", {"proxy": {"remoteurl": f"http://{docker_registry.host}"}}),
            "zuul": zuul_registry.push(busybox_layout.reference, "real/everywhere:1"),
            "django": django_oci.put(busybox_layout.path, "everywhere", raw, OCI_MANIFEST),
        }
        ocinb.settings.ca_bundle = authority.bundle
        who = {"password": ADA, "tls": BERT, "token": next(iter(PEOPLE.items())), "zuul": zuulregistry.READER}
        for kind, pair in who.items():
            ocinb.settings.credentials[references[kind].partition("/")[0]] = pair
        yield Everywhere(references, tokens, blobs)


def test_one_frame_has_the_image_of_each(everywhere: Everywhere) -> None:
    references = list(everywhere.references.values())
    layers = ocinb.layers(references)
    assert layers["reference"].drop_duplicates().tolist() == references, "in the order of the question"
    diff_ids = layers.groupby("reference")["diff_id"].apply(tuple)
    assert len(set(diff_ids)) == 1
    configs = ocinb.configs(references)
    assert configs["digest"].nunique() == 1
    assert everywhere.tokens.requests
    assert not [seen for seen in everywhere.blobs.requests if "uthorization" in seen.everything]
    sent = "".join(asked.everything for asked in everywhere.tokens.requests)
    others = [ADA, BERT, zuulregistry.READER]
    assert not [pair for pair in others if pair[1] in sent or logins.basic(pair) in sent]


def test_one_catalogue_has_them_all(everywhere: Everywhere) -> None:
    with ocinb.Catalog() as catalog:
        added = catalog.add(list(everywhere.references.values()))
        assert set(added["outcome"]) <= {"added", "present"}
        assert added["reference"].tolist() == list(everywhere.references.values())
        images = catalog.sql("SELECT DISTINCT config_digest FROM images")
    assert len(images) == 1


def test_who_fails_is_named_and_keeps_nobody_from_the_rest(everywhere: Everywhere) -> None:
    host = {kind: reference.partition("/")[0] for kind, reference in everywhere.references.items()}
    ocinb.settings.credentials[host["password"]] = ("ada", "wrong")
    del ocinb.settings.credentials[host["zuul"]]
    ocinb.settings.retries = 0
    dead = f"{free_host()}/real/busybox:oci"
    bad = {
        everywhere.references["password"]: host["password"],
        everywhere.references["zuul"]: host["zuul"],
        dead: dead.partition("/")[0],
        f"{host['django']}/{REPOSITORY}:nothing": "there is no tag",
        f"{host['mirror']}/real/Busybox:oci": "lower case",
    }
    good = [reference for reference in everywhere.references.values() if reference not in bad]
    asked = [*list(bad)[:3], *good, *list(bad)[3:]]
    frame = ocinb.manifests(asked, errors="skip")
    assert frame["reference"].drop_duplicates().tolist() == good, frame.attrs["failures"]
    failures = {failure["reference"]: failure["error"] for failure in frame.attrs["failures"]}
    assert list(failures) == [reference for reference in asked if reference in bad]
    assert not [reference for reference, words in bad.items() if words not in failures[reference]]
    assert "wrong" not in str(failures)


def test_all_of_them_are_pulled_into_one_layout(everywhere: Everywhere, tmp_path: Path) -> None:
    references = [reference for kind, reference in everywhere.references.items() if kind != "zuul"]
    frame = ocinb.pull(references, destination=tmp_path / "layout", progress=False)
    assert set(frame["reference"]) == set(references)
    downloaded = frame[frame["outcome"] == "downloaded"]
    assert downloaded["digest"].is_unique, "what several have came from one of them"
    assert len(downloaded) == frame["digest"].nunique() == 4


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
