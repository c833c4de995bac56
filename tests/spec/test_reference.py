"""What people type has one meaning, and what has none is refused with the reason."""

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ocinb.errors import InvalidError
from ocinb.spec.reference import Reference, parse_registry

SHA256 = f"sha256:{'ab' * 32}"


SHA512 = f"sha512:{'cd' * 64}"


HEX64 = "0123456789abcdef" * 4


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


def test_names_sort_by_their_canonical_form() -> None:
    texts = ["python:3", "oci:b", "alpine", "ghcr.io/a/b", "oci:a:1", "python:2"]
    ordered = sorted(map(Reference, reversed(texts)))
    assert [reference.familiar for reference in ordered] == [
        "alpine:latest", "python:2", "python:3", "ghcr.io/a/b:latest", "oci:a:1", "oci:b",
    ]  # fmt: skip
    assert ordered[0] < ordered[1] <= ordered[1]
    with pytest.raises(TypeError):
        _ = ordered[0] < "python"


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


def test_the_repr_is_what_makes_it_again() -> None:
    assert repr(Reference("python")) == "Reference('docker.io/library/python:latest')"
    assert repr(Reference("oci:a\x1b\u202e")) == r"Reference('oci:a\x1b\u202e')"


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
