"""A real registry that only a proxy can reach: the proxy is asked as the environment says, and told no more than it."""

from __future__ import annotations

import base64
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ocinb
from ocinb.errors import TransportError
from tests.real import dockerregistry, logins
from tests.real.certificates import make_authority
from tests.real.comparing import assert_same, frames_of
from tests.real.dockerregistry import DockerRegistry
from tests.real.formats import digest_of
from tests.real.forwarders import Forwarder, forwarding
from tests.real.realimages import RealImages

pytestmark = pytest.mark.real

# A name that is reserved for tests (RFC 6761): nobody but our proxy knows where it leads.
NAME, CLEAR = "registry.test", "clear.test:5000"
PROXY_LOGIN = ("desk-17", "s3cret-of-proxy")
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def _no_proxy_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(scope="module")
def hidden(
    docker_registry: DockerRegistry, real_images: RealImages, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[DockerRegistry, Path]]:
    """Run a registry for the name over TLS, with a password, and give the bundle that vouches for it."""
    assert real_images.index, "the images are there before this registry opens"
    place = tmp_path_factory.mktemp("hidden")
    authority = make_authority(place)
    sections = {"http": {"tls": authority.issue(NAME)}, **logins.section(place)}
    with dockerregistry.serve(place, sections, storage=docker_registry.storage) as registry:
        yield registry, authority.bundle


@pytest.fixture
def names(docker_registry: DockerRegistry, hidden: tuple[DockerRegistry, Path]) -> dict[str, str]:
    ocinb.settings.ca_bundle = hidden[1]
    ocinb.settings.credentials[NAME] = logins.ADA
    ocinb.settings.insecure_registries = (CLEAR,)
    return {NAME: hidden[0].host, CLEAR.partition(":")[0]: docker_registry.host}


@pytest.fixture(params=[None, PROXY_LOGIN], ids=["open", "with-a-password"])
def proxy(
    request: pytest.FixtureRequest, names: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Forwarder]:
    with forwarding(names, login=request.param) as forwarder:
        for variable in ("HTTPS_PROXY", "HTTP_PROXY"):
            monkeypatch.setenv(variable, forwarder.url)
        yield forwarder


def there(reference: str, host: str = NAME) -> str:
    return f"{host}/{reference.partition('/')[2]}"


def test_over_tls_the_proxy_learns_where_and_nothing_else(
    proxy: Forwarder, real_images: RealImages, tmp_path: Path
) -> None:
    assert_same(frames_of(there(real_images.index)), frames_of(real_images.index))
    frame = ocinb.pull(there(real_images.busybox_oci), destination=tmp_path, progress=False)
    assert [digest_of(Path(path).read_bytes()) for path in frame["path"]] == frame["digest"].tolist()
    assert {(seen.method, seen.target) for seen in proxy.requests} == {("CONNECT", f"{NAME}:443")}
    told = "".join(seen.everything for seen in proxy.requests)
    assert not [secret for secret in (logins.ADA[1], logins.basic(logins.ADA)) if secret in told]


def test_in_the_clear_the_proxy_asks_for_us(proxy: Forwarder, real_images: RealImages) -> None:
    assert_same(frames_of(there(real_images.busybox_oci, CLEAR)), frames_of(real_images.busybox_oci))
    asked = [seen.target for seen in proxy.requests if seen.method in {"GET", "HEAD"}]
    assert asked
    assert {target.partition("/v2/")[0] for target in asked} == {f"http://{CLEAR}"}


def test_loopback_is_asked_without_it(proxy: Forwarder, real_images: RealImages) -> None:
    assert len(ocinb.layers(real_images.busybox_oci))
    assert proxy.requests == []


@pytest.mark.parametrize("listed", [f"other.example,{NAME}", ".test", "*"], ids=["name", "domain", "all"])
def test_whom_no_proxy_names_is_asked_directly(
    proxy: Forwarder,
    hidden: tuple[DockerRegistry, Path],
    real_images: RealImages,
    monkeypatch: pytest.MonkeyPatch,
    listed: str,
) -> None:
    monkeypatch.setenv("NO_PROXY", listed)
    port = hidden[0].host.rpartition(":")[2]
    resolved = socket.getaddrinfo

    def knows_the_name(host: Any, *arguments: Any, **options: Any) -> Any:
        return resolved("127.0.0.1" if host == NAME else host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", knows_the_name)
    ocinb.settings.credentials[f"{NAME}:{port}"] = logins.ADA
    assert len(ocinb.layers(there(real_images.busybox_oci, f"{NAME}:{port}")))
    assert proxy.requests == []


@pytest.mark.parametrize("password", ["wrong-one", None])
def test_a_proxy_that_wants_another_password_is_named_and_told_nothing_else(
    names: dict[str, str], real_images: RealImages, monkeypatch: pytest.MonkeyPatch, password: str | None
) -> None:
    with forwarding(names, login=PROXY_LOGIN) as forwarder:
        login = f"desk-17:{password}@" if password else ""
        monkeypatch.setenv("HTTPS_PROXY", f"http://{login}{forwarder.host}")
        ocinb.settings.retries = 0
        with pytest.raises(TransportError, match=r"407|[Pp]roxy") as caught:
            ocinb.layers(there(real_images.busybox_oci))
        assert "wrong-one" not in str(caught.value)
        assert all(seen.method == "CONNECT" for seen in forwarder.requests)
        assert logins.basic(logins.ADA) not in "".join(seen.everything for seen in forwarder.requests)


def test_a_proxy_that_does_not_know_the_name_is_said(
    names: dict[str, str], real_images: RealImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert names
    with forwarding({}) as forwarder:
        monkeypatch.setenv("HTTPS_PROXY", forwarder.url)
        ocinb.settings.retries = 0
        with pytest.raises(TransportError, match=NAME):
            ocinb.layers(there(real_images.busybox_oci))


def test_a_proxy_that_is_not_there_is_said(
    names: dict[str, str], real_images: RealImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert names
    with forwarding({}) as gone:
        url = gone.url
    monkeypatch.setenv("HTTPS_PROXY", url)
    ocinb.settings.retries = 0
    with pytest.raises(TransportError, match=r"[Pp]roxy"):
        ocinb.layers(there(real_images.busybox_oci))


def test_the_password_of_the_proxy_is_kept_nowhere(
    names: dict[str, str], real_images: RealImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    with forwarding(names, login=PROXY_LOGIN) as forwarder:
        monkeypatch.setenv("HTTP_PROXY", forwarder.url)
        assert len(ocinb.tags(there(real_images.index, CLEAR).rpartition(":")[0], digests=True))
        ocinb.document(there(real_images.busybox_oci, CLEAR))
    kept = [path for place in (ocinb.settings.cache_dir, ocinb.settings.store_dir) for path in place.rglob("*")]
    contents = b"".join(path.read_bytes() for path in kept if path.is_file())
    basic = base64.b64encode(":".join(PROXY_LOGIN).encode())
    assert len(contents) > 1000
    assert not [secret for secret in (PROXY_LOGIN[1].encode(), basic) if secret in contents]
