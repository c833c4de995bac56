"""The grammar of distribution/reference, its normalisation, its limits and its kinds of errors, case by case.

Each row was worked out from what that library documents; a row per rule and per edge of it.
"""

import pytest

from ocinb.errors import InvalidError
from ocinb.spec.reference import Reference

SHA256 = f"sha256:{'0a' * 32}"
SHA384 = f"sha384:{'1b' * 48}"
SHA512 = f"sha512:{'2c' * 64}"
HEX64 = "fedcba9876543210" * 4
HUB = "docker.io"

# What is typed; the registry and the repository that it means; what stands behind them; what docker prints.
UNDERSTOOD = [
    # One component is an official image of Docker Hub, whatever it looks like.
    ("debian", HUB, "library/debian", ":latest", "debian:latest"),
    ("debian:12-slim", HUB, "library/debian", ":12-slim", "debian:12-slim"),
    ("a", HUB, "library/a", ":latest", "a:latest"),
    ("7", HUB, "library/7", ":latest", "7:latest"),
    ("localhost", HUB, "library/localhost", ":latest", "localhost:latest"),
    ("localhost:8080", HUB, "library/localhost", ":8080", "localhost:8080"),
    ("ghcr.io", HUB, "library/ghcr.io", ":latest", "ghcr.io:latest"),
    ("ghcr.io:443", HUB, "library/ghcr.io", ":443", "ghcr.io:443"),
    ("10.0.0.1", HUB, "library/10.0.0.1", ":latest", "10.0.0.1:latest"),
    ("10.0.0.1:5000", HUB, "library/10.0.0.1", ":5000", "10.0.0.1:5000"),
    ("under_score.org:1", HUB, "library/under_score.org", ":1", "under_score.org:1"),
    ("docker", HUB, "library/docker", ":latest", "docker:latest"),
    ("docker:24-dind", HUB, "library/docker", ":24-dind", "docker:24-dind"),
    # A first component without a sign of a host is a user there.
    ("bitnami/redis", HUB, "bitnami/redis", ":latest", "bitnami/redis:latest"),
    ("bitnami/redis:7.2", HUB, "bitnami/redis", ":7.2", "bitnami/redis:7.2"),
    ("with_underscore/app", HUB, "with_underscore/app", ":latest", "with_underscore/app:latest"),
    ("with-hyphen/app", HUB, "with-hyphen/app", ":latest", "with-hyphen/app:latest"),
    ("a/b/c/d/e", HUB, "a/b/c/d/e", ":latest", "a/b/c/d/e:latest"),
    ("user/gcr.io/app:v1", HUB, "user/gcr.io/app", ":v1", "user/gcr.io/app:v1"),
    ("localhostess/app", HUB, "localhostess/app", ":latest", "localhostess/app:latest"),
    # Docker Hub by all of its names.
    ("docker.io/debian", HUB, "library/debian", ":latest", "debian:latest"),
    ("docker.io/library/debian", HUB, "library/debian", ":latest", "debian:latest"),
    ("docker.io/bitnami/redis:7", HUB, "bitnami/redis", ":7", "bitnami/redis:7"),
    ("index.docker.io/debian:12", HUB, "library/debian", ":12", "debian:12"),
    ("index.docker.io/library/debian", HUB, "library/debian", ":latest", "debian:latest"),
    ("index.docker.io/bitnami/redis", HUB, "bitnami/redis", ":latest", "bitnami/redis:latest"),
    ("registry-1.docker.io/debian", HUB, "library/debian", ":latest", "debian:latest"),
    ("registry-1.docker.io/bitnami/redis", HUB, "bitnami/redis", ":latest", "bitnami/redis:latest"),
    ("library/debian", HUB, "library/debian", ":latest", "debian:latest"),
    ("library/nested/app", HUB, "library/nested/app", ":latest", "library/nested/app:latest"),
    ("notlibrary/debian", HUB, "notlibrary/debian", ":latest", "notlibrary/debian:latest"),
    ("other/library", HUB, "other/library", ":latest", "other/library:latest"),
    ("docker.io/library/library", HUB, "library/library", ":latest", "library:latest"),
    # These are hosts of the same company, and registries of their own to docker, skopeo and crane.
    (
        "registry.hub.docker.com/library/debian",
        "registry.hub.docker.com",
        "library/debian",
        ":latest",
        "registry.hub.docker.com/library/debian:latest",
    ),
    ("hub.docker.com/debian", "hub.docker.com", "debian", ":latest", "hub.docker.com/debian:latest"),
    ("Docker.io/debian", "Docker.io", "debian", ":latest", "Docker.io/debian:latest"),
    (
        "docker.io:443/library/debian",
        "docker.io:443",
        "library/debian",
        ":latest",
        "docker.io:443/library/debian:latest",
    ),
    # A host has a dot, a port or a capital, or is localhost.
    ("quay.io/org/app", "quay.io", "org/app", ":latest", "quay.io/org/app:latest"),
    ("quay.io/app", "quay.io", "app", ":latest", "quay.io/app:latest"),
    ("localhost/app", "localhost", "app", ":latest", "localhost/app:latest"),
    ("localhost/org/app:1", "localhost", "org/app", ":1", "localhost/org/app:1"),
    ("localhost:5000/app:1", "localhost:5000", "app", ":1", "localhost:5000/app:1"),
    ("registry:5000/app", "registry:5000", "app", ":latest", "registry:5000/app:latest"),
    ("registry:5000/app:5000", "registry:5000", "app", ":5000", "registry:5000/app:5000"),
    ("app:1/2", "app:1", "2", ":latest", "app:1/2:latest"),
    ("re-gis-try:1/app", "re-gis-try:1", "app", ":latest", "re-gis-try:1/app:latest"),
    ("REGISTRY/app", "REGISTRY", "app", ":latest", "REGISTRY/app:latest"),
    ("Org/app:1", "Org", "app", ":1", "Org/app:1"),
    ("GHCR.io/org/app", "GHCR.io", "org/app", ":latest", "GHCR.io/org/app:latest"),
    ("a.b/c", "a.b", "c", ":latest", "a.b/c:latest"),
    ("1.2/c", "1.2", "c", ":latest", "1.2/c:latest"),
    ("a--b.example/c", "a--b.example", "c", ":latest", "a--b.example/c:latest"),
    ("xn--80ak6aa92e.example/c:xn--1", "xn--80ak6aa92e.example", "c", ":xn--1", "xn--80ak6aa92e.example/c:xn--1"),
    ("deep.sub.domain.example/a/b:c", "deep.sub.domain.example", "a/b", ":c", "deep.sub.domain.example/a/b:c"),
    ("gcr.io/example.com/project/app:1", "gcr.io", "example.com/project/app", ":1", "gcr.io/example.com/project/app:1"),
    ("host:0/app", "host:0", "app", ":latest", "host:0/app:latest"),
    ("host:99999/app", "host:99999", "app", ":latest", "host:99999/app:latest"),
    ("127.0.0.1/app", "127.0.0.1", "app", ":latest", "127.0.0.1/app:latest"),
    ("192.0.2.7:5000/app:7", "192.0.2.7:5000", "app", ":7", "192.0.2.7:5000/app:7"),
    ("[2001:db8::7]/app", "[2001:db8::7]", "app", ":latest", "[2001:db8::7]/app:latest"),
    ("[2001:db8::7]:5000/app:7", "[2001:db8::7]:5000", "app", ":7", "[2001:db8::7]:5000/app:7"),
    ("[2001:DB8::A]:5000/app", "[2001:DB8::A]:5000", "app", ":latest", "[2001:DB8::A]:5000/app:latest"),
    ("[::]/app", "[::]", "app", ":latest", "[::]/app:latest"),
    # Between slashes: one dot, one or two underscores, any number of hyphens.
    ("a_b", HUB, "library/a_b", ":latest", "a_b:latest"),
    ("a__b", HUB, "library/a__b", ":latest", "a__b:latest"),
    ("a-b--c----d", HUB, "library/a-b--c----d", ":latest", "a-b--c----d:latest"),
    ("a.b_c-d__e", HUB, "library/a.b_c-d__e", ":latest", "a.b_c-d__e:latest"),
    ("quay.io/0/1/2", "quay.io", "0/1/2", ":latest", "quay.io/0/1/2:latest"),
    # Tags: 128 of A-Z a-z 0-9 _ . -
    ("app:T", HUB, "library/app", ":T", "app:T"),
    ("app:_", HUB, "library/app", ":_", "app:_"),
    ("app:0.1.2-rc.1_x", HUB, "library/app", ":0.1.2-rc.1_x", "app:0.1.2-rc.1_x"),
    ("app:latest.", HUB, "library/app", ":latest.", "app:latest."),
    ("app:A..b--c__", HUB, "library/app", ":A..b--c__", "app:A..b--c__"),
    (f"app:{'x' * 128}", HUB, "library/app", f":{'x' * 128}", f"app:{'x' * 128}"),
    # Digests, alone and beside a tag.
    (f"app@{SHA256}", HUB, "library/app", f"@{SHA256}", f"app@{SHA256}"),
    (f"app@{SHA384}", HUB, "library/app", f"@{SHA384}", f"app@{SHA384}"),
    (f"app:1@{SHA512}", HUB, "library/app", f":1@{SHA512}", f"app:1@{SHA512}"),
    (f"quay.io:443/a/b:1@{SHA256}", "quay.io:443", "a/b", f":1@{SHA256}", f"quay.io:443/a/b:1@{SHA256}"),
    (f"docker.io/app@{SHA256}", HUB, "library/app", f"@{SHA256}", f"app@{SHA256}"),
    # 64 hex digits are no name by themselves, and one with anything beside them.
    (f"{HEX64}:1", HUB, f"library/{HEX64}", ":1", f"library/{HEX64}:1"[8:]),
    (f"docker.io/{HEX64}", HUB, f"library/{HEX64}", ":latest", f"{HEX64}:latest"),
    (f"{HEX64}/app", HUB, f"{HEX64}/app", ":latest", f"{HEX64}/app:latest"),
    (f"{HEX64}a", HUB, f"library/{HEX64}a", ":latest", f"{HEX64}a:latest"),
    (HEX64[1:], HUB, f"library/{HEX64[1:]}", ":latest", f"{HEX64[1:]}:latest"),
    (f"{HEX64[1:]}g", HUB, f"library/{HEX64[1:]}g", ":latest", f"{HEX64[1:]}g:latest"),
    # 255 characters of repository, without the host, with library/.
    (f"quay.io/{'a' * 255}", "quay.io", "a" * 255, ":latest", f"quay.io/{'a' * 255}:latest"),
    (f"{'h' * 250}.example/{'a/' * 127}b", f"{'h' * 250}.example", f"{'a/' * 127}b", ":latest", None),
    ("a" * 247, HUB, f"library/{'a' * 247}", ":latest", f"{'a' * 247}:latest"),
    # The transport that skopeo writes before them.
    ("docker://debian:12", HUB, "library/debian", ":12", "debian:12"),
    ("docker://localhost:5000/app", "localhost:5000", "app", ":latest", "localhost:5000/app:latest"),
    (f"docker://quay.io/a/b@{SHA256}", "quay.io", "a/b", f"@{SHA256}", f"quay.io/a/b@{SHA256}"),
    # Transports that are not read here are names of images too.
    ("dir", HUB, "library/dir", ":latest", "dir:latest"),
    ("sif:3.1", HUB, "library/sif", ":3.1", "sif:3.1"),
    ("storage:x", HUB, "library/storage", ":x", "storage:x"),
    (f"ostree:1@{SHA256}", HUB, "library/ostree", f":1@{SHA256}", f"ostree:1@{SHA256}"),
]

CAPITALS = "repository names are lower case"
EMPTY = "it has no repository"
SPACE = "there is white space around it"
BETWEEN = "there is white space in it"
FORMAT = "is not a repository"
HOST = "is not a host"
LENGTH = "more than 255 characters"
TAG = "is not a tag"
DIGEST = "is not a digest"
DIGEST_LENGTH = "lower-case hex digits after"
DIGEST_UNKNOWN = "unknown algorithm"
IDENTIFIER = "64 hex digits alone are an image id"
UNREAD = "is not read"

REFUSED = [
    ("", EMPTY),
    ("/", FORMAT),
    ("docker.io/", EMPTY),
    ("docker.io/library/", EMPTY),
    ("quay.io/", EMPTY),
    (":1", EMPTY),
    (f"@{SHA256}", EMPTY),
    ("docker://", EMPTY),
    ("Debian", CAPITALS),
    ("debiaN:12", CAPITALS),
    ("bitnami/Redis", CAPITALS),
    ("quay.io/Org/app:1", CAPITALS),
    ("registry:5000/org/App", CAPITALS),
    (f"APP@{SHA256}", CAPITALS),
    ("docker://Debian", CAPITALS),
    ("-app", FORMAT),
    ("app-", FORMAT),
    (".app", FORMAT),
    ("app.", FORMAT),
    ("_app", FORMAT),
    ("app_", FORMAT),
    ("__", FORMAT),
    ("a___b", FORMAT),
    ("a..b", FORMAT),
    ("a._b", FORMAT),
    ("a-.b", FORMAT),
    ("a_-b", FORMAT),
    ("org//app", FORMAT),
    ("org/", FORMAT),
    ("/app", FORMAT),
    ("quay.io//app", FORMAT),
    ("quay.io/org/-app", FORMAT),
    ("quay.io/org/app/", FORMAT),
    ("org-/app", FORMAT),
    ("a b", BETWEEN),
    ("app\t", SPACE),
    ("app$", FORMAT),
    ("a+b", FORMAT),
    ("a~b", FORMAT),
    ("a\\b", FORMAT),
    ("app?tag=1", FORMAT),
    ("größe", FORMAT),
    ("Größe", FORMAT),
    ("\uff41pp", FORMAT),
    ("app\x00", FORMAT),
    ("-quay.io/app", HOST),
    ("quay-.io/app", HOST),
    ("quay..io/app", HOST),
    (".quay.io/app", HOST),
    ("under_score.io/app", HOST),
    ("host:/app", HOST),
    ("host:port/app", HOST),
    ("host:50:00/app", HOST),
    ("2001:db8::7:5000/app", HOST),
    ("[2001:db8::7]x/app", HOST),
    ("[]/app", FORMAT),
    ("[]:1/app", HOST),
    ("[::1%lo]:5000/app", HOST),
    ("[2001:db8::192.0.2.33]:5000/app", HOST),
    ("[v1.x]/app", HOST),
    ("[2001:db8::7]", FORMAT),
    ("https://quay.io/app", "it is a URL"),
    ("http://localhost:5000/app", "it is a URL"),
    (f"quay.io/{'a' * 256}", LENGTH),
    ("a" * 248, LENGTH),
    (f"{'a/' * 128}b", LENGTH),
    ("app:", TAG),
    ("app:.1", TAG),
    ("app:-1", TAG),
    ("org/app:1/2", TAG),
    ("app:1:2", TAG),
    ("app:a b", BETWEEN),
    ("app:ä", TAG),
    ("app:1\n", SPACE),
    (f"app:{'x' * 129}", TAG),
    ("app@", DIGEST),
    ("app@1.0", DIGEST),
    (f"app@{HEX64}", DIGEST),
    (f"app@SHA256:{HEX64}", DIGEST),
    (f"app@{SHA256}:1", DIGEST),
    (f"app@{SHA256}@{SHA256}", DIGEST),
    (f"app@{SHA256[:-1]}", DIGEST_LENGTH),
    (f"app@{SHA256}0", DIGEST_LENGTH),
    (f"app@sha256:{'0A' * 32}", DIGEST_LENGTH),
    (f"app@sha512:{'0' * 64}", DIGEST_LENGTH),
    (f"app@sha1:{'0' * 40}", DIGEST_UNKNOWN),
    (f"app@blake3:{'0' * 64}", DIGEST_UNKNOWN),
    (HEX64, IDENTIFIER),
    (f"docker://{HEX64}", IDENTIFIER),
    ("dir:/tmp/image", UNREAD),
    ("docker-daemon:app:latest", UNREAD),
    ("containers-storage:localhost/app:1", UNREAD),
    ("ocidir://folder:1", UNREAD),
    ("tarball:./file.tar", UNREAD),
]


@pytest.mark.parametrize(("text", "registry", "repository", "suffix", "familiar"), UNDERSTOOD)
def test_names_that_are_understood(
    text: str, registry: str, repository: str, suffix: str, familiar: str | None
) -> None:
    reference = Reference(text)
    assert (reference.registry, reference.repository) == (registry, repository)
    assert reference.canonical == f"{registry}/{repository}{suffix}"
    assert reference.familiar == (familiar or reference.canonical)
    assert Reference(reference.canonical) == Reference(reference.familiar) == reference


@pytest.mark.parametrize(("text", "kind"), REFUSED)
def test_names_that_are_refused_with_the_kind_of_error(text: str, kind: str) -> None:
    with pytest.raises(InvalidError) as caught:
        Reference(text)
    assert kind in str(caught.value)


def test_a_bad_name_is_mended_where_it_can_be() -> None:
    for text, mended in [("Python:3.12", "python:3.12"), (f"quay.io/Org/App@{SHA256}", f"quay.io/org/app@{SHA256}")]:
        with pytest.raises(InvalidError) as caught:
            Reference(text)
        assert caught.value.hint == f"Did you mean '{mended}'?"
        assert Reference(mended).canonical.endswith(mended)
