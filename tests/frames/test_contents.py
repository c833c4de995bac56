"""Frames of what stands in images say what is in the tars, what is left of it, and who hides what."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import ocinb
from ocinb._settings import settings
from ocinb.errors import IntegrityError, InvalidError, NotFoundError
from ocinb.samples import SampleRegistry
from ocinb.samples.base_image import PLATFORMS
from ocinb.samples.images import Blob, Layer, Manifest, make_json, make_layer, make_manifest
from ocinb.samples.shop import RELEASES, shop_image, shop_index
from ocinb.samples.tars import Entry, directory, file
from ocinb.spec.digest import Digest
from ocinb.spec.mediatypes import OCI_CONFIG, OCI_INDEX
from tests.documents import REPOSITORY, descriptor, layer, put, put_image
from tests.frames.facts import images, records
from tests.frames.layerfacts import put_layers
from tests.localfiles import all_blobs, entry, layout_files, legacy_archive, members_of, tar_bytes, write_layout

FUNCTIONS: dict[str, Callable[..., pd.DataFrame]] = {
    "files": ocinb.files,
    "filesystem": ocinb.filesystem,
    "hidden": ocinb.hidden,
    "efficiency": ocinb.efficiency,
}


SHOP = "demo/shop:2.0"


READ = ["tar_bytes", "files", "hidden_bytes"]


def told(frame: pd.DataFrame, *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row[column] for column in columns) for row in records(frame)]


@pytest.mark.parametrize(
    ("depth", "hint"), [("file", ". Did you mean 'files'?"), ("meta data", ". Did you mean 'metadata'?"), (3, "")]
)
def test_another_depth_is_refused(depth: Any, hint: str) -> None:
    with pytest.raises(InvalidError) as caught:
        ocinb.layers([], depth=depth)
    assert str(caught.value) == f"depth takes 'metadata' or 'files', not {depth!r}{hint}"


BASE: list[Entry] = [directory("d"), file("d/a", "one"), file("d/b", "two"), file("e", "three")]


def test_what_leads_out_of_the_root_is_hidden_by_nobody(registry: SampleRegistry) -> None:
    name = put_layers(registry, [file("../../etc/shadow", "bad"), file("a", "")])
    assert told(ocinb.files(name), "path", "visible") == [("../../etc/shadow", False), ("a", True)]
    [row] = records(ocinb.hidden(name))
    assert (row["path"], row["hidden_bytes"]) == ("../../etc/shadow", 3)
    assert (row["reason"], row["hidden_in"], row["hidden_by"]) == (None, None, None)


def test_a_manifest_of_an_unknown_type_is_no_image(registry: SampleRegistry) -> None:
    put(registry, "application/vnd.example.thing+json", tag="odd")
    with pytest.raises(InvalidError, match=r"is of type application/vnd\.example\.thing\+json, and has no files"):
        ocinb.files(registry.reference(f"{REPOSITORY}:odd"))
    assert len(ocinb.layers(registry.reference(f"{REPOSITORY}:odd"), depth="files")) == 0


def test_blobs_of_an_artifact_are_listed_and_not_read(registry: SampleRegistry) -> None:
    chart, hello = registry.reference("demo/chart:0.1"), registry.reference("demo/hello")
    frame = ocinb.layers([chart, hello], depth="files")
    assert frame["reference"].tolist() == [chart, hello]
    assert told(frame, *READ) == [(None, None, None), (10_240, 1, 0)]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_names_that_fail_are_left_out_whole(registry: SampleRegistry, name: str) -> None:
    [*_, last] = images(registry, "demo/shop:1.0")
    registry.fault(f"*/blobs/{last.manifest['layers'][0]['digest']}", status=404, times=None)
    names = [registry.reference(one) for one in ("demo/shop:1.0", "demo/gone:1", "demo/nested:1")]
    frame = FUNCTIONS[name](names, platform="all", errors="skip")
    assert set(frame["reference"]) <= {names[2]}
    assert [failure["reference"] for failure in frame.attrs["failures"]] == names[:2]
    with pytest.raises(NotFoundError):
        FUNCTIONS[name](names, platform="all")


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"platform": 7}, "a platform is a text"),
        ({"errors": "ignore"}, "errors takes 'raise' or 'skip', not 'ignore'"),
        ({"progress": "yes"}, "progress"),
    ],
)
def test_what_is_no_argument_is_refused_before_anybody_is_asked(
    registry: SampleRegistry, name: str, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidError, match=message):
        FUNCTIONS[name](registry.reference("demo/hello"), **given)
    assert registry.requests == ()


@pytest.mark.parametrize("path", ["/", "usr", "usr/", "usr/lib", "usr/lib/."])
def test_any_directory_is_refused_with_the_same_words(registry: SampleRegistry, path: str) -> None:
    name = put_layers(registry, [directory("usr/lib"), file("usr/lib/x")])  # of no other is there an entry
    with pytest.raises(InvalidError) as caught:
        ocinb.read(name, path)
    said = "is a directory, which has no content to read. ocinb.filesystem lists what is in it"
    assert str(caught.value) == f"{name}: {path!r} {said}"


WITH_LAYERS: dict[str, Callable[..., Any]] = {
    **FUNCTIONS,
    "layers": lambda name: ocinb.layers(name, depth="files"),
    "read": lambda name: ocinb.read(name, "x"),
}


@pytest.mark.parametrize("name", WITH_LAYERS)
def test_a_layer_that_is_no_tar_is_damaged(registry: SampleRegistry, name: str) -> None:
    text = b"this is no tar" * 100
    put_image(registry, Layer(text, "application/vnd.oci.image.layer.v1.tar", Digest.of(text)))
    with pytest.raises(IntegrityError, match="tar"):
        WITH_LAYERS[name](registry.reference(f"{REPOSITORY}:1"))


@pytest.mark.parametrize("name", WITH_LAYERS)
def test_a_layer_that_passes_a_limit_is_refused_and_the_limit_named(registry: SampleRegistry, name: str) -> None:
    settings.max_tar_entries = 1
    with pytest.raises(InvalidError, match="max_tar_entries"):
        WITH_LAYERS[name](put_layers(registry, [file("x"), file("y")]))


def test_a_tar_that_the_config_does_not_know_is_an_error_whoever_read_it_before(registry: SampleRegistry) -> None:
    right, wrong = layer("x"), layer("y")
    put_image(registry, right, tag="right")
    put_image(registry, right, tag="wrong", rootfs={"type": "layers", "diff_ids": [wrong.diff_id]})
    names = [registry.reference(f"{REPOSITORY}:{tag}") for tag in ("right", "wrong")]
    for references in (names[1], names, names[::-1]):
        with pytest.raises(IntegrityError, match=f"{wrong.diff_id}.*{right.diff_id}") as caught:
            ocinb.files(references)
        assert caught.value.reference == names[1]
    assert len(ocinb.files(names, errors="skip")) == 1
    assert len(ocinb.files(names[0])) == 1


def test_a_foreign_layer_that_is_nowhere_is_an_error(registry: SampleRegistry) -> None:
    kind = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
    config = b'{"os":"windows","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]}}'
    registry.put_blob(config)
    absent = descriptor(kind, b"far", urls=["https://127.0.0.1:9/layer"])
    media_type = "application/vnd.oci.image.manifest.v1+json"
    put(registry, media_type, config=descriptor("application/vnd.oci.image.config.v1+json", config), layers=[absent])
    settings.retries = 0
    with pytest.raises(ocinb.errors.OcinbError) as caught:
        ocinb.files(registry.reference(f"{REPOSITORY}:1"))
    assert "127.0.0.1:9" in str(caught.value)


IMAGE = shop_image(RELEASES[0], PLATFORMS[0])
INDEX = shop_index(RELEASES[-1])


@dataclass(frozen=True)
class Places:
    """The references by which one image is named in four places."""

    registry: str
    layout: str
    oci_archive: str
    docker_archive: str

    @property
    def faithful(self) -> list[str]:
        """Those that keep all of it."""
        return [self.layout, self.oci_archive]


def _write_archive(path: Path, manifest: Manifest, name: str) -> str:
    path.write_bytes(tar_bytes(members_of(layout_files([manifest], [entry(manifest, name)]))))
    return f"oci-archive:{path}:{name}"


@pytest.fixture
def image(registry: SampleRegistry, tmp_path: Path) -> Places:
    write_layout(tmp_path / "image", {"shop": IMAGE.manifest})
    docker = tmp_path / "docker.tar"
    docker.write_bytes(tar_bytes(legacy_archive([(IMAGE, ["demo/shop:1.0"])])))
    return Places(
        f"{registry.reference('demo/shop')}@{IMAGE.manifest.digest}",
        f"oci:{tmp_path}/image:shop",
        _write_archive(tmp_path / "image.tar", IMAGE.manifest, "shop"),
        f"docker-archive:{docker}:demo/shop:1.0",
    )


@pytest.fixture
def index(registry: SampleRegistry, tmp_path: Path) -> Places:
    write_layout(tmp_path / "index", {"shop": INDEX})
    return Places(
        registry.reference("demo/shop:2.0"),
        f"oci:{tmp_path}/index:shop",
        _write_archive(tmp_path / "index.tar", INDEX, "shop"),
        "",
    )


HELPERS: dict[str, Callable[[str], pd.DataFrame]] = {
    "manifests": ocinb.manifests,
    "layers": ocinb.layers,
    "history": ocinb.history,
    "configs": ocinb.configs,
    "layers of all platforms": lambda name: ocinb.layers(name, platform="all"),
    "layers of one platform": lambda name: ocinb.layers(name, platform="linux/amd64"),
    "history of all platforms": lambda name: ocinb.history(name, platform="all"),
    "configs of all platforms": lambda name: ocinb.configs(name, platform="all"),
    "shared by all platforms": lambda name: ocinb.shared(name, platform="all"),
}
# These read the layers too, and keep them.
CONTENTS: dict[str, Callable[[str], pd.DataFrame]] = {
    "files": ocinb.files,
    "filesystem": lambda name: ocinb.filesystem(name, platform="all"),
    "hidden": ocinb.hidden,
    "efficiency": lambda name: ocinb.efficiency(name, platform="all"),
    "layers with what they store": lambda name: ocinb.layers(name, depth="files"),
}
ALL = HELPERS | CONTENTS
# What docker does not keep, or keeps otherwise.
NOT_KEPT = {
    "manifest_digest",
    "media_type",
    "compression",
    "compressed_bytes",
    "unique_bytes",
    "shared_bytes",
    "manifest_bytes",
    "layer_digest",
    "annotations",
}


def _without(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    return frame.drop(columns=["reference", *(column for column in columns if column in frame)])


@pytest.mark.parametrize("helper", ALL)
def test_an_index_with_attestations(index: Places, helper: str) -> None:
    ask = ALL[helper]
    expected = ask(index.registry)
    assert len(expected)
    for name in index.faithful:
        assert_frame_equal(_without(ask(name)), _without(expected))


@pytest.mark.parametrize("helper", ALL)
def test_an_archive_of_docker_but_for_what_it_does_not_keep(image: Places, helper: str) -> None:
    # The digest of a config is its own, and kept.
    not_kept = NOT_KEPT if "configs" in helper else NOT_KEPT | {"digest"}
    found, expected = (ALL[helper](name) for name in (image.docker_archive, image.registry))
    assert_frame_equal(_without(found, *not_kept), _without(expected, *not_kept))


def test_documents_are_found_by_digest_in_every_file(image: Places) -> None:
    for name in (image.layout, image.oci_archive, image.docker_archive):
        bare = ":".join(name.split(":")[:2])
        assert ocinb.document(f"{bare}@{IMAGE.config.digest}").raw == IMAGE.config.raw
        with pytest.raises(NotFoundError, match=f"there is no blob sha256:{'0' * 64}"):
            ocinb.document(f"{bare}@sha256:{'0' * 64}")
    large = f"{image.layout}@{IMAGE.layers[0].digest}"
    ocinb.settings.max_manifest_bytes = 100_000
    with pytest.raises(InvalidError, match="max_manifest_bytes = 100,000"):
        ocinb.document(large)


def test_a_file_in_an_image_is_the_same_bytes(image: Places) -> None:
    expected = ocinb.read(image.registry, "usr/bin/sh")
    for name in [*image.faithful, image.docker_archive]:
        assert ocinb.read(name, "usr/bin/sh") == expected
        assert ocinb.read(name, "srv/shop/deploy.key", layer=4).startswith(b"this stands for a secret key")


@pytest.mark.parametrize("transport", ["oci", "oci-archive", "docker-archive"])
def test_a_file_has_no_repositories(transport: str) -> None:
    with pytest.raises(InvalidError) as caught:
        ocinb.repositories(f"{transport}:images")
    assert f"ocinb.tags('{transport}:images') lists the names in it" in str(caught.value)


def _held(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "blobs" / "sha256").iterdir()}


def test_pull_copies_an_image_out_of_every_file(image: Places, index: Places, tmp_path: Path) -> None:
    for number, name in enumerate(image.faithful):
        frame = ocinb.pull(name, destination=tmp_path / str(number), progress=False)
        assert _held(tmp_path / str(number)) == all_blobs(IMAGE.manifest)
        assert set(frame["outcome"]) == {"downloaded"}
        assert frame["fetched_bytes"].equals(frame["blob_bytes"])
        again = ocinb.pull(name, destination=tmp_path / str(number), progress=False, verify="full")
        assert set(again["outcome"]) == {"present"}
        assert again["fetched_bytes"].sum() == 0
    ocinb.pull(index.layout, platform="all", destination=tmp_path / "all", progress=False)
    copied = ocinb.layers(f"oci:{tmp_path}/all", platform="all")
    assert_frame_equal(_without(copied), _without(ocinb.layers(index.registry, platform="all")))


def test_what_is_damaged_in_a_file_is_not_pulled(image: Places, tmp_path: Path) -> None:
    layer = IMAGE.layers[0]
    (tmp_path / "image/blobs/sha256" / layer.digest.hex).write_bytes(layer.raw[:-1] + b"!")
    members = legacy_archive([(IMAGE, ["demo/shop:1.0"])])
    place = next(place for place, member in enumerate(members) if member.name.endswith("/layer.tar"))
    members[place] = replace(members[place], raw=members[place].raw.replace(b"\x7f", b"\x7e"))
    (tmp_path / "docker.tar").write_bytes(tar_bytes(members))
    for number, (name, digest) in enumerate([(image.layout, layer.digest), (image.docker_archive, layer.diff_id)]):
        with pytest.raises(IntegrityError, match=f"the bytes of {digest} have the digest"):
            ocinb.pull(name, destination=tmp_path / str(number), progress=False)
        assert digest.hex not in _held(tmp_path / str(number))
        assert ocinb.tags(f"oci:{tmp_path}/{number}").empty


def test_the_store_is_a_layout_like_any_other(image: Places, index: Places) -> None:
    ocinb.pull(index.registry, platform="arm64", progress=False)
    store = f"oci:{ocinb.settings.store_dir}"
    assert_frame_equal(_without(ocinb.layers(store)), _without(ocinb.layers(index.registry, platform="arm64")))
    assert ocinb.tags(store)["tag"].tolist() == [index.registry]
    ocinb.pull(image.layout, progress=False)
    assert len(ocinb.tags(store)) == 2


def test_names_that_fail_are_skipped(image: Places, tmp_path: Path) -> None:
    names = [f"oci:{tmp_path}/gone:1", image.layout, f"oci:{tmp_path}/image:2.0", "oci:", f"oci-archive:{tmp_path}/x"]
    frame = ocinb.layers(names, errors="skip")
    assert frame["reference"].unique().tolist() == [image.layout]
    assert [failure["reference"] for failure in frame.attrs["failures"]] == [names[0], *names[2:]]


def test_the_catalogue_takes_images_of_every_place(image: Places, index: Places) -> None:
    with ocinb.Catalog() as catalog:
        added = catalog.add([image.registry, *image.faithful, image.docker_archive, *index.faithful])
        # What refers to the index is noted for each place, which brings neither a manifest nor files.
        assert added["outcome"].tolist() == ["added", "present", "present", "added", "added", "present"]
        images = catalog.sql("SELECT * FROM images")
        assert images["manifest_digest"].nunique() == len(images) == 4
        made = ocinb.document(image.docker_archive).digest
        sizes = catalog.sql("SELECT layers, compressed_bytes FROM images WHERE manifest_digest = ?", [made])
        expected = ocinb.layers(image.docker_archive)
        assert sizes.iloc[0].tolist() == [len(expected), expected["compressed_bytes"].sum()]
        tables = catalog.tables()
        for view in tables.loc[tables["kind"] != "macro", "name"]:
            catalog.sql(f'SELECT * FROM "{view}"')
        gone = catalog.add([f"{image.layout}-gone"])
        assert gone["outcome"].tolist() == ["failed"]
        assert catalog.sql("SELECT * FROM observations WHERE digest IS NULL").empty


TEXTS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"><svg onload='alert(1)'>",
    "'; DROP TABLE layers; --",
    "a\x1b[2J\x1b]0;title\x07b",
    "line\r\nanother\u2028third",
    "\u202egnp.exe",
    "\u2066hidden\u2069",
    "nul\x00inside",
    "lone \ud800 surrogate",
    "\x7f\x85",
    "&lt;b&gt;",
    "${jndi:ldap://x}",
    "x" * 10_000,
]
# What a terminal or a browser would act on.
HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
BUILT_AT = "2025-05-05T05:05:05Z"


def put_hostile(registry: SampleRegistry, text: str) -> str:
    """Write the text wherever an image may have text of its own; JSON escapes what UTF-8 cannot hold."""
    layer = make_layer([])
    config = {
        "os": "linux",
        "architecture": "amd64",
        "author": text,
        "created": BUILT_AT,
        "config": {
            "Labels": {text: text},
            "Env": [f"KEY={text}"],
            "User": text,
            "Entrypoint": [text],
            "Cmd": [text],
            "ExposedPorts": {text: {}},
            "WorkingDir": text,
        },
        "history": [{"created": BUILT_AT, "created_by": f"RUN {text}", "author": text, "comment": text}],
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id]},
    }
    blob = Blob(json.dumps(config).encode(), OCI_CONFIG)
    registry.put_blob(blob.raw)
    registry.put_blob(layer.raw)
    document = json.loads(make_manifest(blob, [layer]).raw) | {"annotations": {text: text}}
    registry.put_manifest("demo/hostile", json.dumps(document).encode(), tag="1")
    return registry.reference("demo/hostile:1")


def shown_whole(document: Any) -> str:
    html: str = document._repr_html_()
    return html


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
def test_documents_show_text_without_harm(registry: SampleRegistry, text: str) -> None:
    manifest = ocinb.document(put_hostile(registry, text))
    for document in (manifest, manifest.config):
        html = shown_whole(document)
        assert not HARMFUL.search(html)
        assert "<script" not in html
        assert "<img" not in html
        assert "<svg" not in html
        assert not HARMFUL.search(repr(document))
        html.encode()


@pytest.mark.parametrize("text", [text for text in TEXTS if "\ud800" not in text], ids=ascii)
def test_errors_show_text_without_harm(registry: SampleRegistry, text: str) -> None:
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [{"mediaType": text, "digest": text, "size": 1}],
    }
    registry.put_manifest("demo/hostile", make_json(manifest), media_type=OCI_INDEX, tag="bad")
    frame = ocinb.layers([text, registry.reference("demo/hostile:bad")], errors="skip")
    told = [failure["error"] for failure in frame.attrs["failures"]]
    assert len(told) == 2
    for error in told:
        assert not HARMFUL.search(error)
        assert "\n" not in error
        assert len(error) < 3000


@pytest.mark.parametrize("media_type", ["<script>alert(1)</script>", "text/\u202eplain", "a\x1b[2J"], ids=ascii)
def test_a_hostile_media_type_is_shown_without_harm(registry: SampleRegistry, media_type: str) -> None:
    digest = registry.put_blob(json.dumps({"mediaType": media_type}).encode())
    document = ocinb.document(registry.reference(f"demo/hello@{digest}"))
    assert document.media_type == media_type
    assert not HARMFUL.search(repr(document) + shown_whole(document))
    assert "<script" not in shown_whole(document)
