"""A real registry, made once a session, and real images, made once a run."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

import ocinb
from tests import tokenserver
from tests.real import building, djangooci, jupyter, logins, oddimages, realimages, zuulregistry
from tests.real.browsers import Chromium
from tests.real.desks import Desk
from tests.real.djangooci import DjangoOci
from tests.real.dockerregistry import DockerRegistry, serve
from tests.real.formats import Formats, push_formats
from tests.real.jupyter import Lab
from tests.real.realimages import Layout, RealImages
from tests.real.referred import Referred, push_referred
from tests.real.shared import once
from tests.real.tools import require
from tests.real.zuulregistry import ZuulRegistry
from tests.tokenserver import TokenServer

_chromium = Chromium()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with what takes longest where several are at work, so that all of them end at nearly the same time.

    Those come first that want a browser: it and what it has open stay from one of them to the next.
    """
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: (item.get_closest_marker("real") is None, not _wants_browser(item)))


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """End the browser where the next test wants none: it may run a loop of asyncio, or count threads."""
    if nextitem is None or not _wants_browser(nextitem):
        _chromium.close()


def _wants_browser(item: pytest.Item) -> bool:
    return "browser" in getattr(item, "fixturenames", ())


@pytest.fixture(scope="session")
def docker_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    with serve(tmp_path_factory.mktemp("registry")) as registry:
        yield registry


@pytest.fixture(scope="session")
def busybox_layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    return once(tmp_path_factory, "busybox", realimages.make_busybox)


@pytest.fixture(scope="session")
def debian_layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    return once(tmp_path_factory, "debian", realimages.make_debian)


@pytest.fixture(scope="session")
def unpadded_layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    return once(tmp_path_factory, "unpadded", realimages.make_unpadded)


@pytest.fixture(scope="session")
def odd_layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    return once(tmp_path_factory, "odd", oddimages.make_odd)


@pytest.fixture(scope="session")
def names_layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    return once(tmp_path_factory, "names", oddimages.make_names)


@pytest.fixture(scope="session")
def built_layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    return once(tmp_path_factory, "built", building.make_built)


@pytest.fixture(scope="session")
def real_images(docker_registry: DockerRegistry, busybox_layout: Layout, debian_layout: Layout) -> RealImages:
    return realimages.push_images(docker_registry, busybox_layout, debian_layout)


@pytest.fixture(scope="session")
def zuul_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZuulRegistry]:
    with zuulregistry.serve(tmp_path_factory.mktemp("zuul")) as registry:
        yield registry


@pytest.fixture(scope="session")
def django_oci(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DjangoOci]:
    with djangooci.serve(tmp_path_factory.mktemp("django")) as registry:
        yield registry


@pytest.fixture(scope="session")
def formats(docker_registry: DockerRegistry, busybox_layout: Layout) -> Formats:
    return push_formats(docker_registry, busybox_layout)


@pytest.fixture(scope="session")
def referred(docker_registry: DockerRegistry, busybox_layout: Layout) -> Referred:
    return push_referred(docker_registry, busybox_layout)


@pytest.fixture(scope="session")
def password_registry(
    docker_registry: DockerRegistry, real_images: RealImages, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DockerRegistry]:
    """Run a registry with the real images that wants a user and a password."""
    assert real_images.index, "they are in the storage before this registry opens"
    place = tmp_path_factory.mktemp("passwords")
    with serve(place, logins.section(place), storage=docker_registry.storage) as registry:
        yield registry


@pytest.fixture
def tokens(tmp_path: Path) -> Iterator[TokenServer]:
    with tokenserver.serve(tmp_path, users=dict([logins.ADA])) as server:
        yield server


@pytest.fixture
def token_registry(
    tokens: TokenServer, docker_registry: DockerRegistry, real_images: RealImages, tmp_path: Path
) -> Iterator[DockerRegistry]:
    """Run a registry with the real images that wants tokens, and be somebody who gets them."""
    assert real_images.index, "they are in the storage before this registry opens"
    section = {"auth": {"token": logins.token_section(tokens)}}
    with serve(tmp_path, section, storage=docker_registry.storage) as registry:
        ocinb.settings.credentials[registry.host] = logins.ADA
        yield registry


@pytest.fixture(scope="session")
def lab_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Run one JupyterLab for all who look at notebooks, and give its address and its folder."""
    require("chromium")  # before a server is started for nobody
    directory = tmp_path_factory.mktemp("notebooks")
    folders = {f"OCINB_{kind}_DIR": str(directory / kind) for kind in ("STORE", "CACHE")}
    with jupyter.serve(directory, environment=folders) as url:
        yield url, directory


@pytest.fixture
def browser() -> Browser:
    """Give the browser that the test before has left open, or a new one."""
    return _chromium.open()


@pytest.fixture(scope="session")
def lab_desk(lab_server: tuple[str, Path]) -> Desk:
    """Keep the page of that JupyterLab from one file of tests to the next."""
    return Desk(lab_server[0])


@pytest.fixture
def lab(lab_server: tuple[str, Path], lab_desk: Desk, browser: Browser) -> Lab:
    return Lab(*lab_server, browser, desk=lab_desk)
