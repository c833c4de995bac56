"""What people type has one meaning, and what has none is refused with the reason."""

import copy
import dataclasses
import pickle
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ocinb.errors import InvalidError
from ocinb.spec.digest import Digest
from ocinb.spec.reference import Reference, parse_registry

SHA256 = f"sha256:{'ab' * 32}"
SHA512 = f"sha512:{'cd' * 64}"
HEX64 = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "registry", "repository", "tag"),
    [
        ("python", "docker.io", "library/python", "latest"),
        ("python:3.12", "docker.io", "library/python", "3.12"),
        ("docker://python:3.12", "docker.io", "library/python", "3.12"),
        ("library/python", "docker.io", "library/python", "latest"),
        ("docker.io/python", "docker.io", "library/python", "latest"),
        ("docker.io/library/python", "docker.io", "library/python", "latest"),
        ("index.docker.io/python:3", "docker.io", "library/python", "3"),
        ("registry-1.docker.io/library/python:3", "docker.io", "library/python", "3"),
        ("grafana/loki:3", "docker.io", "grafana/loki", "3"),
        ("ghcr.io/org/team/app", "ghcr.io", "org/team/app", "latest"),
        ("python/3.12", "docker.io", "python/3.12", "latest"),
        ("localhost/app", "localhost", "app", "latest"),
        ("localhost:5000/app:1", "localhost:5000", "app", "1"),
        ("localhost:5000", "docker.io", "library/localhost", "5000"),
        ("registry:5000/app", "registry:5000", "app", "latest"),
        ("registry/app", "docker.io", "registry/app", "latest"),
        ("REGISTRY/app", "REGISTRY", "app", "latest"),
        ("127.0.0.1:5000/a/b:c", "127.0.0.1:5000", "a/b", "c"),
        ("[::1]:5000/app:1", "[::1]:5000", "app", "1"),
        ("[2001:DB8::1]/app", "[2001:DB8::1]", "app", "latest"),
        ("xn--n3h.example/app", "xn--n3h.example", "app", "latest"),
        ("a.b-c.example/app", "a.b-c.example", "app", "latest"),
        ("oci", "docker.io", "library/oci", "latest"),
        ("docker://oci:latest", "docker.io", "library/oci", "latest"),
        ("a__b/c--d/e---f/g.h/i_j", "docker.io", "a__b/c--d/e---f/g.h/i_j", "latest"),
        ("app:_-.A", "docker.io", "library/app", "_-.A"),
        (f"{HEX64}:latest", "docker.io", f"library/{HEX64}", "latest"),
        (f"library/{HEX64}", "docker.io", f"library/{HEX64}", "latest"),
        (HEX64[:63], "docker.io", f"library/{HEX64[:63]}", "latest"),
    ],
)
def test_names_in_registries(text: str, registry: str, repository: str, tag: str) -> None:
    reference = Reference(text)
    assert (reference.transport, reference.registry, reference.repository) == ("docker", registry, repository)
    assert (reference.tag, reference.digest, reference.path, reference.name) == (tag, None, None, None)
    assert reference.wanted == tag
    assert reference.canonical == str(reference) == f"{registry}/{repository}:{tag}"


@pytest.mark.parametrize(
    ("text", "transport", "path", "name"),
    [
        ("oci:images", "oci", "images", None),
        ("oci:images:base", "oci", "images", "base"),
        ("oci:images:", "oci", "images", None),
        ("oci:.:base", "oci", ".", "base"),
        ("oci:~/images:base", "oci", "~/images", "base"),
        (
            "oci:/var/lib/images:docker.io/library/python:3.12",
            "oci",
            "/var/lib/images",
            "docker.io/library/python:3.12",
        ),
        ("oci:images:127.0.0.1:5000/app:1", "oci", "images", "127.0.0.1:5000/app:1"),
        ("oci:images:App:1", "oci", "images", "App:1"),
        ("oci:images:@0", "oci", "images", "@0"),
        ("oci:user@host:base", "oci", "user@host", "base"),
        ("oci-archive:file.tar", "oci-archive", "file.tar", None),
        ("oci-archive:Some Folder/Ünï.tar:1.0", "oci-archive", "Some Folder/Ünï.tar", "1.0"),
        ("oci-archive:file.tar:@12", "oci-archive", "file.tar", "@12"),
        ("docker-archive:saved.tar", "docker-archive", "saved.tar", None),
        ("docker-archive:saved.tar:@1", "docker-archive", "saved.tar", "@1"),
        ("oci:latest", "oci", "latest", None),
        # As skopeo splits it wherever it does not run on Windows.
        ("oci:C:\\images:base", "oci", "C", "\\images:base"),
    ],
)
def test_names_of_files(text: str, transport: str, path: str, name: str | None) -> None:
    reference = Reference(text)
    assert (reference.transport, reference.path, reference.name) == (transport, path, name)
    assert (reference.registry, reference.repository, reference.tag, reference.digest) == (None, None, None, None)
    assert reference.canonical == reference.familiar == text.rstrip(":")
    assert reference.wanted == (name or "")


@pytest.mark.parametrize(
    ("name", "full", "familiar"),
    [
        ("app", "docker.io/library/app:latest", "app:latest"),
        ("app:1", "docker.io/library/app:1", "app:1"),
        ("docker.io/org/app:1", "docker.io/org/app:1", "org/app:1"),
        ("localhost/app:1", "localhost/app:1", "localhost/app:1"),
        ("oci:5000/app:1", "oci:5000/app:1", "oci:5000/app:1"),
        ("oci:1", "docker.io/library/oci:1", "library/oci:1"),
    ],
)
def test_names_in_archives_of_docker_are_those_of_docker(name: str, full: str, familiar: str) -> None:
    reference = Reference(f"docker-archive:saved.tar:{name}")
    assert (reference.name, reference.wanted) == (full, full)
    assert reference.canonical == f"docker-archive:saved.tar:{full}"
    assert reference.familiar == f"docker-archive:saved.tar:{familiar}"
    assert Reference(reference.familiar) == Reference(reference.canonical) == reference


@pytest.mark.parametrize(
    ("text", "path", "name", "wanted"),
    [
        (f"oci:images@{SHA256}", "images", None, SHA256),
        (f"oci:images:@{SHA256}", "images", None, SHA256),
        (f"oci:images:base@{SHA512}", "images", "base", f"base@{SHA512}"),
        (f"oci-archive:a@b.tar@{SHA256}", "a@b.tar", None, SHA256),
        (f"docker-archive:a.tar@{SHA256}", "a.tar", None, SHA256),
        (f"docker-archive:a.tar:app@{SHA256}", "a.tar", "docker.io/library/app:latest", None),
        (f"oci:images:app@{SHA512}@{SHA256}", "images", f"app@{SHA512}", f"app@{SHA512}@{SHA256}"),
        (f"oci:images:@0@{SHA256}", "images", "@0", f"@0@{SHA256}"),
    ],
)
def test_what_has_a_digest_in_a_file(text: str, path: str, name: str | None, wanted: str | None) -> None:
    reference = Reference(text)
    assert (reference.path, reference.name) == (path, name)
    assert reference.digest == text.rpartition("@")[2]
    assert isinstance(reference.digest, Digest)
    assert reference.wanted == wanted or wanted is None
    assert Reference(str(reference)) == Reference(reference.familiar) == reference


@pytest.mark.parametrize("digest", [SHA256, SHA512])
def test_a_name_in_a_file_may_end_in_a_digest_and_a_platform(digest: str) -> None:
    name = f"ghcr.io/org/app@{digest}-arm-v7"
    reference = Reference(f"oci:images:{name}")
    assert (reference.path, reference.name, reference.digest, reference.wanted) == ("images", name, None, name)
    assert Reference(str(reference)) == Reference(reference.familiar) == reference


def test_a_registry_that_is_called_like_a_transport_is_read_back() -> None:
    reference = Reference("docker://oci:5000/app:1")
    assert (reference.registry, reference.repository, reference.tag) == ("oci:5000", "app", "1")
    assert reference.canonical == reference.familiar == "docker://oci:5000/app:1"
    assert reference.at(Digest(SHA256)) == f"docker://oci:5000/app@{SHA256}"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("python", "docker.io/library/python:latest"),
        ("oci:images:docker.io/library/python:3", "docker.io/library/python:3"),
        ("docker-archive:a.tar:app:1", "docker.io/library/app:1"),
        ("oci:images:base", "oci:images:base"),
        ("oci:images:docker.io/library/python", "oci:images:docker.io/library/python"),
        ("oci:images", "oci:images"),
        ("docker-archive:a.tar:@0", "docker-archive:a.tar:@0"),
    ],
)
def test_an_image_keeps_its_full_name(text: str, kept: str) -> None:
    assert Reference(text).kept_name == kept


def test_what_has_a_digest_in_the_same_place() -> None:
    digest = Digest(SHA256)
    assert Reference("python:3").at(digest) == f"docker.io/library/python@{SHA256}"
    assert Reference("oci:images:base").at(digest) == f"oci:images@{SHA256}"


def test_names_sort_by_their_canonical_form() -> None:
    texts = ["python:3", "oci:b", "alpine", "ghcr.io/a/b", "oci:a:1", "python:2"]
    ordered = sorted(map(Reference, reversed(texts)))
    assert [reference.familiar for reference in ordered] == [
        "alpine:latest", "python:2", "python:3", "ghcr.io/a/b:latest", "oci:a:1", "oci:b",
    ]  # fmt: skip
    assert ordered[0] < ordered[1] <= ordered[1]
    with pytest.raises(TypeError):
        _ = ordered[0] < "python"


def test_a_digest_alone_has_no_tag() -> None:
    reference = Reference(f"python@{SHA256}")
    assert reference.tag is None
    assert reference.digest == reference.wanted == SHA256
    assert isinstance(reference.digest, Digest)
    assert reference.canonical == f"docker.io/library/python@{SHA256}"
    assert reference.familiar == f"python@{SHA256}"


def test_beside_a_tag_the_digest_wins_and_neither_is_lost() -> None:
    reference = Reference(f"ghcr.io/org/app:1.0@{SHA512}")
    assert (reference.tag, reference.digest, reference.wanted) == ("1.0", SHA512, SHA512)
    assert reference.canonical == reference.familiar == f"ghcr.io/org/app:1.0@{SHA512}"


@pytest.mark.parametrize(
    ("text", "familiar"),
    [
        ("docker.io/library/python:3.12", "python:3.12"),
        ("index.docker.io/grafana/loki", "grafana/loki:latest"),
        ("ghcr.io/library/python:3.12", "ghcr.io/library/python:3.12"),
        ("library/library/python", "library/library/python:latest"),
        ("library/team/app", "library/team/app:latest"),
        ("library/oci", "library/oci:latest"),
        ("library/docker-archive:1", "library/docker-archive:1"),
        ("docker.io/localhost/app", "docker.io/localhost/app:latest"),
        ("docker.io/my.team/app", "docker.io/my.team/app:latest"),
        ("docker.io/library/my.app", "my.app:latest"),
    ],
)
def test_the_familiar_form_is_dockers_wherever_that_is_read_back(text: str, familiar: str) -> None:
    assert Reference(text).familiar == familiar
    assert Reference(familiar) == Reference(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is not a reference: it has no repository"),
        ("docker://", "it has no repository"),
        ("library/", "it has no repository"),
        ("ghcr.io/", "it has no repository"),
        (":latest", "it has no repository"),
        ("oci:", "it has no path. Write oci:PATH or oci:PATH:NAME"),
        ("oci-archive::name", "it has no path. Write oci-archive:PATH or oci-archive:PATH:NAME"),
        (f"oci:@{SHA256}", "it has no path"),
        ("oci:images:@one", "'@one' is no place. After a path, @ and a number from 0 name an image by its place"),
        ("oci-archive:a.tar:@-1", "'@-1' is no place"),
        ("oci:images@sha256:abc", "has to have 64 lower-case hex digits"),
        ("docker-archive:a.tar:App:1", "repository names are lower case. Did you mean 'docker-archive:a.tar:app:1'?"),
        ("docker-archive:a.tar:app:a b", "there is white space in it"),
        (f"docker-archive:a.tar:{HEX64}", "64 hex digits alone are an image id"),
        ("docker-daemon:app:1", "docker-daemon: is not read. Read are docker://, oci:, oci-archive:, docker-archive:"),
        ("Python:3.12", "repository names are lower case. Did you mean 'python:3.12'?"),
        ("docker.io/library/Python", "repository names are lower case. Did you mean 'docker.io/library/python'?"),
        ("Org.example/Org/App@x", "repository names are lower case. Did you mean 'Org.example/org/app@x'?"),
        ("ghcr.io/app/App:App", "repository names are lower case. Did you mean 'ghcr.io/app/app:App'?"),
        ("https://ghcr.io/org/app", "it is a URL. Leave out 'https://'"),
        ("https://hub.docker.com/_/python", "it is a page of Docker Hub. Did you mean 'python'?"),
        ("https://hub.docker.com/_/python/tags?page=2", "it is a page of Docker Hub. Did you mean 'python'?"),
        ("hub.docker.com/r/org/app", "it is a page of Docker Hub. Did you mean 'org/app'?"),
        (" python:3.12\n", "there is white space around it. Did you mean 'python:3.12'?"),
        ("http://ghcr.io/org/app", "it is a URL. Leave out 'http://'"),
        (" python", "there is white space around it"),
        ("python 3.12", "there is white space in it. Did you mean 'python:3.12'?"),
        ("docker pull python:3.12", "there is white space in it. Did you mean 'python:3.12'?"),
        ("FROM ghcr.io/app/app", "there is white space in it. Did you mean 'ghcr.io/app/app'?"),
        ("a nice picture of a cat", "there is white space in it"),
        (".", "'.' is not a repository. A file is named with its transport: oci:FOLDER"),
        ("C:\\images\\app", "'C' is not a repository. A file is named with its transport: oci:FOLDER"),
        ("python ", "there is white space around it"),
        ("python:3.12\n", "there is white space around it"),
        ("python\n", "there is white space around it"),
        ("pyt\x1b[2Jhon", r"'pyt\x1b[2Jhon' is not a repository"),
        ("pyt\u202ehon", r"'pyt\u202ehon' is not a repository"),
        ("exämple", "'exämple' is not a repository"),
        ("a___b", "'a___b' is not a repository"),
        ("a..b", "'a..b' is not a repository"),
        ("a._b", "'a._b' is not a repository"),
        ("-a", "'-a' is not a repository"),
        ("a-", "'a-' is not a repository"),
        ("a//b", "'a//b' is not a repository"),
        ("../../etc/passwd", "'..' is not a host. A file is named with its transport: oci:FOLDER, oci-archive:FILE"),
        ("./images", "'.' is not a host. A file is named with its transport"),
        ("/var/lib/images", "'/var/lib/images' is not a repository. A file is named with its transport"),
        ("~/images.tar", "'~/images.tar' is not a repository. A file is named with its transport"),
        ("ghcr.io/a/../b", "'a/../b' is not a repository"),
        ("-host.example/app", "'-host.example' is not a host"),
        ("host.example:port/app", "'host.example:port' is not a host"),
        ("[::1/app", "'[::1' is not a host"),
        ("[fe80::1%eth0]/app", "'[fe80::1%eth0]' is not a host"),
        ("user:pass@host.example/app", "'host.example/app' is not a digest"),
        ("python:", "'' is not a tag. A tag has up to 128"),
        ("python:-x", "'-x' is not a tag"),
        ("python:.x", "'.x' is not a tag"),
        ("python:3:12", "'3:12' is not a tag"),
        ("python:a+b", "'a+b' is not a tag"),
        ("python@", "'' is not a digest"),
        ("python@latest", "'latest' is not a digest. A digest reads sha256: and 64 hex digits"),
        ("python@sha256:abc", "has to have 64 lower-case hex digits"),
        (f"python@{SHA256.upper()}", "is not a digest"),
        (f"python@sha256:{'AB' * 32}", "has to have 64 lower-case hex digits"),
        (f"python@md5:{'ab' * 16}", "unknown algorithm. These can be verified: sha256, sha384, sha512"),
        (f"python@{SHA256}@{SHA256}", "is not a digest"),
        (HEX64, "64 hex digits alone are an image id, not a name. Write repository@sha256:0123456789ab…"),
        (f"docker://{HEX64}", "64 hex digits alone are an image id"),
        (f"sha256:{HEX64}", "a digest alone is no name. Write repository@sha256:0123456789ab…"),
    ],
)
def test_what_is_no_reference_is_refused_with_the_reason(text: str, message: str) -> None:
    with pytest.raises(InvalidError) as caught:
        Reference(text)
    assert "is not a reference: " in str(caught.value)
    assert message in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("value", [None, 3, b"python", ["python"], Reference("python"), float("nan")], ids=repr)
def test_what_is_no_text_is_refused(value: Any) -> None:
    with pytest.raises(InvalidError, match=f"^a reference is a text, not {type(value).__name__}$"):
        Reference(value)


def test_repositories_have_up_to_255_characters_with_library_and_without_the_host() -> None:
    assert Reference(f"registry.example/{'a' * 255}").repository == "a" * 255
    assert Reference("a" * 247).repository == f"library/{'a' * 247}"
    for text in (f"registry.example/{'a' * 256}", "a" * 248):
        with pytest.raises(InvalidError, match="its repository has more than 255 characters"):
            Reference(text)


def test_tags_have_up_to_128_characters() -> None:
    assert Reference(f"app:{'t' * 128}").tag == "t" * 128
    with pytest.raises(InvalidError, match="is not a tag"):
        Reference(f"app:{'t' * 129}")


def test_a_message_about_a_long_text_stays_short() -> None:
    with pytest.raises(InvalidError) as caught:
        Reference("A" * 1_000_000)
    assert len(str(caught.value)) <= 2001


def test_equal_names_are_equal_and_hash_alike() -> None:
    spellings = ["python", "python:latest", "docker.io/library/python", "docker://registry-1.docker.io/python"]
    assert len({Reference(text) for text in spellings}) == 1
    others = ["python:3", "ghcr.io/library/python", f"python@{SHA256}", f"python:latest@{SHA256}", "oci:python"]
    assert len({Reference(text) for text in ["python", *others]}) == 6


def test_references_do_not_change() -> None:
    reference = Reference("python")
    with pytest.raises(dataclasses.FrozenInstanceError):
        reference.tag = "3.12"  # type: ignore[misc]
    assert reference.tag == "latest"


def test_references_survive_pickles_and_copies() -> None:
    reference = Reference(f"python:3@{SHA256}")
    assert pickle.loads(pickle.dumps(reference)) == copy.deepcopy(reference) == copy.copy(reference) == reference


def test_the_repr_is_what_makes_it_again() -> None:
    assert repr(Reference("python")) == "Reference('docker.io/library/python:latest')"
    assert repr(Reference("oci:a\x1b\u202e")) == r"Reference('oci:a\x1b\u202e')"


@pytest.mark.parametrize(
    ("text", "registry"),
    [
        ("ghcr.io", "ghcr.io"),
        ("localhost:5000", "localhost:5000"),
        ("[::1]:5000", "[::1]:5000"),
        ("docker.io", "docker.io"),
        ("index.docker.io", "docker.io"),
        ("registry-1.docker.io", "docker.io"),
    ],
)
def test_names_of_registries(text: str, registry: str) -> None:
    assert parse_registry(text) == registry


def test_a_registry_that_no_reference_can_name_is_refused() -> None:
    with pytest.raises(InvalidError, match="'registry' cannot be told from a user of Docker Hub"):
        parse_registry("registry")


@pytest.mark.parametrize("text", ["", "https://ghcr.io", "ghcr.io/", "ghcr.io/org", "a b", "ghcr.io\n", None, 5000])
def test_what_is_no_registry_is_refused(text: Any) -> None:
    with pytest.raises(InvalidError, match=re.escape(f"{text!r} is not a registry")):
        parse_registry(text)


_COMPONENTS = st.from_regex(r"[a-z0-9]{1,6}(?:(?:[._]|__|-{1,3})[a-z0-9]{1,4}){0,2}", fullmatch=True)
_HOSTS = st.one_of(
    st.sampled_from(["docker.io", "index.docker.io", "localhost", "localhost:5000", "[::1]:5000", "REGISTRY"]),
    st.from_regex(r"[a-zA-Z0-9]{1,8}\.[a-z]{2,3}(?::[0-9]{1,5})?", fullmatch=True),
)
_PATHS = st.lists(_COMPONENTS | st.sampled_from(["library", "localhost", "oci", "a.b", HEX64]), min_size=1, max_size=3)
_TAGS = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)


@given(
    host=_HOSTS,
    path=_PATHS.map("/".join),
    tag=st.just("") | _TAGS.map(":{}".format),
    digest=st.sampled_from(["", f"@{SHA256}", f"@{SHA512}"]),
)
@example(host="docker.io", path="localhost/app", tag="", digest="")
def test_every_name_in_the_grammar_is_read_back_from_all_its_forms(host: str, path: str, tag: str, digest: str) -> None:
    reference = Reference(f"{host}/{path}{tag}{digest}")
    assert (reference.repository or "").removeprefix("library/") == path.removeprefix("library/")
    assert Reference(reference.canonical) == reference
    assert Reference(reference.familiar) == reference
    assert Reference(f"docker://{reference.canonical}") == reference
    assert len(reference.familiar) <= len(reference.canonical)


@given(
    transport=st.sampled_from(["oci", "oci-archive", "docker-archive"]),
    path=st.text(st.characters(exclude_characters=":"), min_size=1),
    name=st.just("") | st.sampled_from(["@0", "a/b:c", "localhost:5000/a__b:1", "oci:1", "base"]),
    digest=st.sampled_from(["", f"@{SHA256}", f"@{SHA512}"]),
)
def test_every_name_of_a_file_is_read_back(transport: str, path: str, name: str, digest: str) -> None:
    reference = Reference(f"{transport}:{path}{name and ':'}{name}{digest}")
    assert reference.path == path
    assert reference.digest == (digest[1:] or None)
    assert Reference(str(reference)) == Reference(reference.familiar) == reference


_FRAGMENTS = [
    "docker.io",
    "oci",
    "oci-archive",
    ":",
    "/",
    "@",
    "//",
    "[",
    "]",
    ".",
    "-",
    "A",
    "sha256:",
    HEX64,
    "\n",
    " ",
]


@given(st.text() | st.lists(st.sampled_from(_FRAGMENTS) | st.text(max_size=2)).map("".join))
@example("oci:\udc80:\ud800")
@example("docker.io/localhost/app")
def test_any_text_is_a_reference_that_is_read_back_or_is_refused(text: str) -> None:
    try:
        reference = Reference(text)
    except InvalidError:
        return
    assert Reference(str(reference)) == reference
    assert Reference(reference.familiar) == reference


def test_in_a_notebook_it_shows_its_parts() -> None:
    html = Reference("ghcr.io/org/app:1")._repr_html_()
    for part in ("transport", "ghcr.io", "org/app", "tag", "ghcr.io/org/app:1"):
        assert f">{part}<" in html
    assert "digest" not in html, "it has none"
    assert "&lt;b&gt;" in Reference("oci:<b>:x")._repr_html_()
    assert "<b>:" not in Reference("oci:<b>:x")._repr_html_()


def test_completion_shows_what_people_ask_for() -> None:
    reference = Reference("app")
    assert {"canonical", "familiar", "tag", "at"} <= set(dir(reference))
    assert not {"wanted", "kept_name"} & set(dir(reference))
    assert reference.wanted == "latest"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("docker-archve:./x.tar", "docker-archive:./x.tar"),
        ("dockr-archive:/x/y.tar:app", "docker-archive:/x/y.tar:app"),
        ("oci-archiv:a/b", "oci-archive:a/b"),
    ],
)
def test_a_mistyped_transport_is_told(text: str, meant: str) -> None:
    with pytest.raises(InvalidError, match="there is no transport") as caught:
        Reference(text)
    assert caught.value.hint == f"Did you mean '{meant}'?"


@pytest.mark.parametrize("text", ["docker-archve:x.tar", "ocr:1", "oci2:latest"])
def test_what_may_be_an_image_of_hub_stays_one(text: str) -> None:
    assert Reference(text).registry == "docker.io"


@pytest.mark.parametrize(
    "text", ["https://ada:s3cret@registry.example/x", "ada:s3cret@registry.example/x", " ada:s3cret@localhost:5000/X"]
)
def test_a_password_that_was_typed_is_not_said_back(text: str) -> None:
    with pytest.raises(InvalidError) as caught:
        Reference(text)
    assert "s3cret" not in str(caught.value)
    assert "***@" in str(caught.value)


@pytest.mark.parametrize("text", ["demo/App:1.0@sha256:" + "0" * 64, "demo/app:1.0@sha256:short"])
def test_a_tag_before_a_digest_is_no_password(text: str) -> None:
    with pytest.raises(InvalidError, match=r"pp:1\.0@sha256"):
        Reference(text)
