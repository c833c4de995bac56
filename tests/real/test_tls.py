"""A real registry over TLS: who vouches for it, how ocinb is told to believe them, and what it refuses."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

import ocinb
from ocinb.errors import AuthError, OcinbError, TransportError
from tests.real import blobserver, dockerregistry, logins, tools
from tests.real.certificates import LOOPBACK, Authority, make_authority
from tests.real.comparing import assert_same, frames_of
from tests.real.dockerregistry import DockerRegistry, Section
from tests.real.formats import digest_of
from tests.real.realimages import RealImages
from tests.real.relays import cut_after, relaying

pytestmark = pytest.mark.real

VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@pytest.fixture(autouse=True)
def _nothing_trusted_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("stranger"))


@contextmanager
def secured(
    place: Path, open_registry: DockerRegistry, certificate: dict[str, str], sections: Section | None = None
) -> Iterator[DockerRegistry]:
    sections = {**(sections or {}), "http": {"tls": certificate}}
    with dockerregistry.serve(place, sections, storage=open_registry.storage) as registry:
        yield registry


@pytest.fixture(scope="module")
def secure(
    docker_registry: DockerRegistry,
    real_images: RealImages,
    authority: Authority,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[DockerRegistry]:
    assert real_images.index, "they are in the storage before this registry opens"
    with secured(tmp_path_factory.mktemp("tls"), docker_registry, authority.issue(LOOPBACK)) as registry:
        yield registry


@pytest.mark.parametrize("told_by", ["settings.ca_bundle", *VARIABLES])
def test_whom_somebody_trusts_is_believed(
    secure: DockerRegistry,
    authority: Authority,
    real_images: RealImages,
    monkeypatch: pytest.MonkeyPatch,
    told_by: str,
) -> None:
    if told_by == "SSL_CERT_DIR":
        monkeypatch.setenv(told_by, f"/nowhere:{folder_of(authority)}")
    elif told_by in VARIABLES:
        monkeypatch.setenv(told_by, str(authority.bundle))
    else:
        ocinb.settings.ca_bundle = authority.bundle
    assert_same(frames_of(secure.reference(real_images.index)), frames_of(real_images.index))


def folder_of(authority: Authority) -> Path:
    """Give a folder in which a certificate has the name that OpenSSL looks for."""
    folder = authority.bundle.parent / "hashed"
    folder.mkdir(exist_ok=True)
    (folder / "authority.pem").write_bytes(authority.bundle.read_bytes())
    tools.run("openssl", "rehash", folder)
    return folder


def test_a_folder_of_certificates_is_a_bundle_too(
    secure: DockerRegistry, authority: Authority, real_images: RealImages
) -> None:
    ocinb.settings.ca_bundle = folder_of(authority)
    assert len(ocinb.layers(secure.reference(real_images.busybox_oci)))


def test_the_setting_counts_more_than_the_environment(
    secure: DockerRegistry,
    authority: Authority,
    stranger: Authority,
    real_images: RealImages,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.setenv(name, str(stranger.bundle))
    ocinb.settings.ca_bundle = authority.bundle
    assert len(ocinb.layers(secure.reference(real_images.busybox_oci)))


def test_a_pull_over_tls_is_whole(
    secure: DockerRegistry, authority: Authority, real_images: RealImages, tmp_path: Path
) -> None:
    ocinb.settings.ca_bundle = authority.bundle
    here = ocinb.pull(secure.reference(real_images.busybox_oci), destination=tmp_path, progress=False)
    assert here["digest"].tolist()[1:] == ocinb.layers(real_images.busybox_oci)["digest"].tolist()


@pytest.mark.parametrize(
    ("names", "last_day", "words"),
    [((LOOPBACK,), -1, "expired"), (("registry.example",), 1, r"not valid for|match")],
    ids=["expired", "another-name"],
)
def test_what_is_wrong_with_a_certificate_is_said(
    docker_registry: DockerRegistry,
    authority: Authority,
    real_images: RealImages,
    tmp_path: Path,
    names: tuple[str, ...],
    last_day: int,
    words: str,
) -> None:
    ocinb.settings.ca_bundle = authority.bundle
    with secured(tmp_path, docker_registry, authority.issue(*names, last_day=last_day)) as registry:
        told = refusal(registry, real_images)
    assert re.search(words, told)


def test_nobody_is_believed_whom_nobody_vouches_for(
    secure: DockerRegistry, stranger: Authority, real_images: RealImages
) -> None:
    ocinb.settings.ca_bundle = stranger.bundle
    told = refusal(secure, real_images)
    assert "certificate" in told
    assert "ca_bundle" in told, "what to try"


def refusal(registry: DockerRegistry, images: RealImages) -> str:
    """Ask somebody who is not believed, and give the error; the password stays here."""
    ocinb.settings.credentials[registry.host] = logins.ADA
    before = len(registry.statuses)
    with pytest.raises(TransportError) as caught:
        ocinb.layers(registry.reference(images.busybox_oci))
    told = str(caught.value)
    assert registry.host in told
    assert logins.ADA[1] not in told
    assert not registry.statuses[before:], "no question was understood"
    return told


def test_without_any_bundle_the_system_decides(secure: DockerRegistry, real_images: RealImages) -> None:
    with pytest.raises(TransportError, match="certificate"):
        ocinb.layers(secure.reference(real_images.busybox_oci))


def test_a_host_that_may_be_insecure_is_believed_and_no_other(
    secure: DockerRegistry, stranger: Authority, real_images: RealImages, docker_registry: DockerRegistry
) -> None:
    ocinb.settings.ca_bundle = stranger.bundle
    ocinb.settings.insecure_registries = (docker_registry.host, "registry.example")
    with pytest.raises(TransportError, match="certificate"):
        ocinb.layers(secure.reference(real_images.busybox_oci))
    ocinb.settings.insecure_registries = (secure.host,)
    assert_same(frames_of(secure.reference(real_images.busybox_oci)), frames_of(real_images.busybox_oci))


def test_a_bundle_that_is_not_there_is_said(secure: DockerRegistry, real_images: RealImages, tmp_path: Path) -> None:
    ocinb.settings.ca_bundle = tmp_path / "nowhere.pem"
    with pytest.raises(OcinbError, match=r"nowhere\.pem"):
        ocinb.layers(secure.reference(real_images.busybox_oci))


def test_passwords_go_over_tls(
    docker_registry: DockerRegistry, authority: Authority, real_images: RealImages, tmp_path: Path
) -> None:
    ocinb.settings.ca_bundle = authority.bundle
    with secured(tmp_path, docker_registry, authority.issue(LOOPBACK), logins.section(tmp_path)) as registry:
        with pytest.raises(AuthError):
            ocinb.layers(registry.reference(real_images.busybox_oci))
        ocinb.settings.credentials[registry.host] = logins.ADA
        assert_same(frames_of(registry.reference(real_images.busybox_oci)), frames_of(real_images.busybox_oci))


def test_blobs_do_not_come_in_clear_from_who_speaks_tls(
    docker_registry: DockerRegistry, authority: Authority, real_images: RealImages, tmp_path: Path
) -> None:
    ocinb.settings.ca_bundle = authority.bundle
    with (
        blobserver.serve(docker_registry.storage) as blobs,
        secured(tmp_path, docker_registry, authority.issue(LOOPBACK), blobs.section) as registry,
        pytest.raises(TransportError, match="refused"),
    ):
        ocinb.layers(registry.reference(real_images.busybox_oci))
    assert blobs.requests == []


@pytest.mark.parametrize("seed", range(4))
def test_however_a_line_is_cut_a_pull_over_tls_ends_well_in_the_end(
    secure: DockerRegistry,
    authority: Authority,
    real_images: RealImages,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
) -> None:
    # Its greeting may break off too, and what it says to a question in the clear.
    monkeypatch.setattr("ocinb.transfer.FIRST_PAUSE_SECONDS", 0.0)
    ocinb.settings.ca_bundle, ocinb.settings.retries = authority.bundle, 2
    chance, whole = random.Random(seed), False
    with relaying(secure.host) as line:
        line.change = lambda _, chunks: cut_after(int(2 ** chance.uniform(0, 21.5)), chunks)
        reference = line.name(secure.reference(real_images.busybox_oci))
        for _ in range(200):
            with suppress(TransportError):
                frame = ocinb.pull(reference, destination=tmp_path, progress=False)
                whole = True
                break
    assert whole
    assert [digest_of(Path(path).read_bytes()) for path in frame["path"]] == frame["digest"].tolist()
