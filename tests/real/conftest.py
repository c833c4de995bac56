"""A real registry and real images, made once a session."""

from collections.abc import Iterator

import pytest

from tests.real import djangooci, realimages, zuulregistry
from tests.real.djangooci import DjangoOci
from tests.real.dockerregistry import DockerRegistry, serve
from tests.real.formats import Formats, push_formats
from tests.real.realimages import Layout, RealImages
from tests.real.zuulregistry import ZuulRegistry


@pytest.fixture(scope="session")
def docker_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    with serve(tmp_path_factory.mktemp("registry")) as registry:
        yield registry


@pytest.fixture(scope="session")
def busybox_layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    return realimages.make_busybox(tmp_path_factory.mktemp("busybox"))


@pytest.fixture(scope="session")
def debian_layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    return realimages.make_debian(tmp_path_factory.mktemp("debian"))


@pytest.fixture(scope="session")
def unpadded_layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    return realimages.make_unpadded(tmp_path_factory.mktemp("unpadded"))


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
