"""Two more registries that this project did not write give what was put into them, in spite of their manners."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

import ocinb
from ocinb.errors import AuthError, InvalidError, NotFoundError, TransportError
from ocinb.sources.session import close_default_session, default_session, open_source
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor
from ocinb.spec.reference import Reference
from tests.real import tools, uploads, zuulregistry
from tests.real.djangooci import REPOSITORY, DjangoOci
from tests.real.formats import DOCKER_LIST, digest_of, index_of
from tests.real.realimages import OCI_INDEX, OCI_MANIFEST, Layout
from tests.real.relays import cut_after, relaying
from tests.real.zuulregistry import ZuulRegistry

pytestmark = pytest.mark.real


@dataclass(frozen=True)
class Elsewhere:
    """A repository of one registry, and the documents that were put there by tag."""

    repository: str
    raw: dict[str, bytes]

    def reference(self, tag: str) -> str:
        return f"{self.repository}:{tag}"


@pytest.fixture(scope="module")
def in_zuul(zuul_registry: ZuulRegistry, busybox_layout: Layout) -> Elsewhere:
    children = {
        architecture: zuul_registry.push(f"oci:{busybox_layout.path}:{tag}", f"real/shop:{architecture}")
        for architecture, tag in (("amd64", busybox_layout.tag), ("arm64", "arm64"))
    }
    login = f"--creds={':'.join(zuulregistry.READER)}"
    raw = {
        architecture: tools.run("skopeo", "inspect", "--raw", "--tls-verify=false", login, f"docker://{child}")
        for architecture, child in children.items()
    }
    both = index_of(raw, DOCKER_LIST)
    zuul_registry.put_manifest("real/shop:both", DOCKER_LIST, both)
    return Elsewhere(f"{zuul_registry.host}/real/shop", {**raw, "both": both})


@pytest.fixture(scope="module")
def in_django(django_oci: DjangoOci, busybox_layout: Layout) -> Elsewhere:
    raw = {
        architecture: tools.skopeo_raw(f"oci:{busybox_layout.path}:{tag}")
        for architecture, tag in (("amd64", busybox_layout.tag), ("arm64", "arm64"))
    }
    for architecture, document in raw.items():
        django_oci.put(busybox_layout.path, architecture, document, OCI_MANIFEST)
    return Elsewhere(f"{django_oci.host}/{REPOSITORY}", raw)


@pytest.fixture
def zuul_login(zuul_registry: ZuulRegistry) -> None:
    ocinb.settings.credentials[zuul_registry.host] = zuulregistry.READER


@pytest.fixture(params=["zuul", "django"])
def elsewhere(request: pytest.FixtureRequest) -> Elsewhere:
    if request.param == "zuul":
        request.getfixturevalue("zuul_login")
    found: Elsewhere = request.getfixturevalue(f"in_{request.param}")
    return found


def test_tags_and_their_digests_are_those_that_were_put(elsewhere: Elsewhere) -> None:
    tags = ocinb.tags(elsewhere.repository, digests=True)
    told = dict(zip(tags["tag"], tags["digest"], strict=True))
    assert {tag: digest_of(raw) for tag, raw in elsewhere.raw.items()}.items() <= told.items()


def test_a_document_by_tag_and_by_digest_has_the_bytes_that_were_put(elsewhere: Elsewhere) -> None:
    for tag, raw in elsewhere.raw.items():
        by_tag = ocinb.document(elsewhere.reference(tag))
        ocinb.settings.store_dir = ocinb.settings.store_dir / "anew"
        by_digest = ocinb.document(f"{elsewhere.repository}@{digest_of(raw)}")
        assert by_tag.raw == by_digest.raw == raw
        assert by_tag.media_type == by_digest.media_type


@pytest.mark.usefixtures("zuul_login")
def test_manifests_are_the_entries_of_the_list(in_zuul: Elsewhere) -> None:
    manifests = ocinb.manifests(in_zuul.reference("both"))
    assert manifests["digest"].tolist() == [digest_of(in_zuul.raw[name]) for name in ("amd64", "arm64")]
    assert manifests["platform"].tolist() == ["linux/amd64", "linux/arm64"]
    assert set(manifests["index_digest"]) == {digest_of(in_zuul.raw["both"])}


@pytest.mark.parametrize("says", [{"mediaType": OCI_INDEX}, {}], ids=["type", "no-type"])
def test_an_index_that_is_served_as_a_manifest_is_refused(
    django_oci: DjangoOci, in_django: Elsewhere, says: dict[str, str]
) -> None:
    # django-oci calls everything a manifest; what clients take for one or the other, two of them can see differently.
    index = {"schemaVersion": 2, **says, "manifests": json.loads(index_of(in_django.raw, OCI_INDEX))["manifests"]}
    tag = f"index-{len(says)}"
    uploads.put_manifest(f"http://{django_oci.host}", f"{REPOSITORY}:{tag}", OCI_INDEX, json.dumps(index).encode())
    with pytest.raises(InvalidError, match="manifest"):
        ocinb.manifests(in_django.reference(tag))


def test_layers_history_and_configs_are_those_of_the_layout(elsewhere: Elsewhere, busybox_layout: Layout) -> None:
    reference = elsewhere.reference("amd64")
    told = tools.umoci_stat(busybox_layout.path, busybox_layout.tag)["history"]
    config = tools.skopeo_config(busybox_layout.reference)
    layers = ocinb.layers(reference)
    assert layers["diff_id"].tolist() == config["rootfs"]["diff_ids"]
    assert layers["digest"].tolist() == [entry["layer"]["digest"] for entry in told if entry["layer"]]
    history = ocinb.history(reference)
    assert history["created_by"].tolist() == [entry["created_by"] for entry in told]
    configs = ocinb.configs([reference, elsewhere.reference("arm64")])
    assert configs["architecture"].tolist() == ["amd64", "arm64"]
    assert configs["labels"].tolist() == [config["config"]["Labels"]] * 2


def test_what_is_pulled_is_read_by_others(elsewhere: Elsewhere, tmp_path: Path) -> None:
    both = [elsewhere.reference(tag) for tag in ("amd64", "arm64")]
    frame = ocinb.pull(both, destination=tmp_path, progress=False)
    assert set(frame["outcome"]) == {"downloaded", "present"}
    for path, digest in zip(frame["path"], frame["digest"], strict=True):
        assert digest_of(Path(path).read_bytes()) == digest
    assert set(frame["platform"]) == {"linux/amd64", "linux/arm64"}
    layers = {layer["digest"] for layer in json.loads(elsewhere.raw["amd64"])["layers"]}
    assert layers < set(frame["digest"])


def test_a_torn_blob_is_fetched_whole_by_those_who_give_no_parts(elsewhere: Elsewhere, tmp_path: Path) -> None:
    whole = ocinb.pull(elsewhere.reference("amd64"), destination=tmp_path / "whole", progress=False)
    largest = max(whole.to_dict("records"), key=lambda row: row["blob_bytes"])
    blob = Path(largest["path"]).read_bytes()
    source = open_source(Reference(elsewhere.repository), session=default_session())
    wanted = Descriptor(largest["media_type"], Digest(largest["digest"]), len(blob))
    with source.open_blob(wanted, offset=1000) as part:
        assert b"".join(part.chunks()) == blob[part.offset :]
        assert part.offset == 0, "it ignored the range"


def test_the_catalogue_takes_them_in(elsewhere: Elsewhere) -> None:
    with ocinb.Catalog() as catalog:
        added = catalog.add([elsewhere.reference(tag) for tag in elsewhere.raw])
        assert added["outcome"].tolist() == ["added"] * len(elsewhere.raw)
        assert added["digest"].tolist() == [digest_of(raw) for raw in elsewhere.raw.values()]
        images = catalog.sql("SELECT platform, compressed_bytes, layers FROM images ORDER BY platform")
    layers = json.loads(elsewhere.raw["amd64"])["layers"]
    assert images["platform"].tolist() == ["linux/amd64", "linux/arm64"]
    assert images["compressed_bytes"].tolist() == [sum(layer["size"] for layer in layers)] * 2
    assert images["layers"].tolist() == [len(layers)] * 2


@pytest.mark.parametrize("name", [":nothing", f"@sha256:{'0' * 64}"])
def test_what_is_not_there_is_not_found_whatever_page_they_answer_with(elsewhere: Elsewhere, name: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        ocinb.document(f"{elsewhere.repository}{name}")
    assert "<" not in str(caught.value), "no web page in an error"


@pytest.mark.usefixtures("zuul_login")
def test_the_same_image_has_the_same_rows_in_both(in_zuul: Elsewhere, in_django: Elsewhere) -> None:
    same = ["layer", "digest", "diff_id", "chain_id", "compressed_bytes", "instruction", "created_by", "created"]
    one, other = (ocinb.layers(found.reference("arm64"))[same] for found in (in_zuul, in_django))
    pd.testing.assert_frame_equal(one, other)


@pytest.mark.parametrize("pair", [None, ("bert", "wrong"), ("nobody", "")], ids=["none", "wrong", "unknown"])
def test_without_the_right_credentials_zuul_tells_nothing(in_zuul: Elsewhere, pair: tuple[str, str] | None) -> None:
    host = in_zuul.repository.partition("/")[0]
    if pair:
        ocinb.settings.credentials[host] = pair
    with pytest.raises(AuthError, match=r"gives no token|refuses the credentials") as caught:
        ocinb.tags(in_zuul.repository)
    assert host in str(caught.value)
    assert "wrong" not in str(caught.value)


def test_a_pull_that_broke_off_begins_anew_where_no_parts_are_given(
    django_oci: DjangoOci, in_django: Elsewhere, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ocinb.transfer.FIRST_PAUSE_SECONDS", 0.0)
    ocinb.settings.retries = 0
    with relaying(django_oci.host) as line:
        reference = line.name(in_django.reference("amd64"))
        line.change = lambda _, chunks: cut_after(300_000, chunks)
        with pytest.raises(TransportError, match=line.host):
            ocinb.pull(reference, destination=tmp_path, progress=False)
        line.change = lambda _, chunks: chunks
        close_default_session()  # a connection that it keeps would be cut as it was when it was made
        frame = ocinb.pull(reference, destination=tmp_path, progress=False)
    assert [digest_of(Path(path).read_bytes()) for path in frame["path"]] == frame["digest"].tolist()
    assert "resumed" not in set(frame["outcome"]), "what is fetched from zero is not resumed"


def test_nothing_refers_to_their_images(elsewhere: Elsewhere) -> None:
    # Neither knows the referrers API, and each says so in a way of its own.
    assert ocinb.referrers(elsewhere.reference("amd64")).empty


def test_neither_tells_what_it_has_or_how_much_one_may_ask(elsewhere: Elsewhere) -> None:
    host = elsewhere.repository.partition("/")[0]
    with pytest.raises(NotFoundError, match="no catalogue"):
        ocinb.repositories(host)
    limits = ocinb.rate_limit(host)
    assert limits[["limit", "remaining", "window_seconds"]].isna().all(axis=None)


def test_a_token_of_zuul_is_seen_for_what_it_is(zuul_registry: ZuulRegistry, in_zuul: Elsewhere) -> None:
    ocinb.settings.credentials[zuul_registry.host] = zuulregistry.READER
    with ocinb.trace(fresh=True) as trace:
        ocinb.document(in_zuul.reference("amd64"))
    assert trace.frame["status"].tolist() == [401, 200, 200]
    assert trace.frame["token_claims"].iloc[1] == {"level": "read"}
    assert "service=" not in trace.frame["url"].iloc[1]
