"""Frames of what stands in images say what is in the tars, what is left of it, and who hides what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

import ocinb
from ocinb._settings import settings
from ocinb.errors import IntegrityError, InvalidError, NotFoundError
from ocinb.frames import schemas
from ocinb.samples import SampleRegistry
from ocinb.samples.images import Layer
from ocinb.samples.tars import Entry, directory, file, hardlink, opaque, symlink, whiteout
from ocinb.spec.digest import Digest
from tests.documents import REPOSITORY, descriptor, layer, put, put_image, put_schema1
from tests.frames.facts import IMAGES, fetch, images, index_entries, records
from tests.frames.layerfacts import layer_of, plain, put_layers, rows_of, steps, tars_of
from tests.spec.signing import Step

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


@pytest.mark.parametrize("name", IMAGES)
def test_files_are_the_entries_of_the_tars(registry: SampleRegistry, name: str) -> None:
    reference = registry.reference(name)
    frame = ocinb.files(reference, platform="all")
    expected = [
        {"reference": reference, "platform": fact.platform, "manifest_digest": fact.digest, "layer": number, **row}
        for fact in images(registry, name)
        for number, tar in enumerate(tars_of(registry, name, fact))
        for row in rows_of(tar)
    ]
    assert records(frame.drop(columns=["change", "visible"])) == expected


@pytest.mark.parametrize("name", IMAGES)
def test_frames_of_an_image_agree_with_each_other(registry: SampleRegistry, name: str) -> None:
    reference = registry.reference(name)
    keys = ["manifest_digest", "layer", "path", "sha256"]
    files, left = ocinb.files(reference, platform="all"), ocinb.filesystem(reference, platform="all")
    hidden, figures = ocinb.hidden(reference, platform="all"), ocinb.efficiency(reference, platform="all")
    layers = ocinb.layers(reference, platform="all", depth="files")
    plain_files = files[files["type"] == "file"]
    assert figures["stored_bytes"].sum() == plain_files["size_bytes"].sum()
    assert figures["visible_bytes"].sum() == left.loc[left["type"] == "file", "size_bytes"].sum()
    assert figures["hidden_bytes"].sum() == hidden["hidden_bytes"].sum() == layers["hidden_bytes"].sum()
    assert (figures["stored_bytes"] == figures["visible_bytes"] + figures["hidden_bytes"]).all()
    assert figures["tar_bytes"].sum() == layers["tar_bytes"].sum()
    assert figures["compressed_bytes"].sum() == layers["compressed_bytes"].sum()
    assert layers["files"].sum() == len(plain_files)
    assert figures["layers"].tolist() == layers.groupby("manifest_digest", sort=False).size().tolist()
    visible = files[files["visible"] & (files["type"] != "hardlink")].sort_values(["manifest_digest", "path"])
    same = left[left["type"] != "hardlink"].sort_values(["manifest_digest", "path"])
    assert visible[keys].reset_index(drop=True).equals(same[keys].reset_index(drop=True))


def test_the_final_file_system_of_the_shop(registry: SampleRegistry) -> None:
    frame = ocinb.filesystem(registry.reference(SHOP), platform="amd64")
    assert frame["path"].tolist() == sorted(frame["path"])
    assert frame["path"].is_unique
    by_path = {row["path"]: row for row in records(frame)}
    assert "srv/shop/deploy.key" not in by_path
    assert by_path["srv/shop/data"]["type"] == by_path["usr/bin/perl"]["type"] == "file"
    python, link = by_path["usr/bin/python3.11"], by_path["usr/local/bin/shop-python"]
    assert (python["type"], link["type"], link["link_target"]) == ("file", "hardlink", "usr/bin/python3.11")
    for shared in ("size_bytes", "sha256", "mode", "uid", "gid", "mtime"):
        assert python[shared] == link[shared]
    assert (python["layer"], link["layer"]) == (2, 5)
    assert (by_path["bin"]["type"], by_path["bin"]["link_target"]) == ("symlink", "usr/bin")


def test_hidden_files_of_the_shop(registry: SampleRegistry) -> None:
    frame = ocinb.hidden(registry.reference(SHOP), platform="amd64")
    archive = "var/cache/apt/archives/python3.11_3.11.2-6+deb12u4_amd64.deb"
    packages = "var/lib/apt/lists/deb.debian.org_debian_dists_bookworm_main_Packages"
    assert told(frame, "path", "hidden_bytes", "reason", "stored_in", "hidden_in") == [
        ("etc/group", 27, "overwritten", 0, 2),
        ("etc/passwd", 91, "overwritten", 0, 2),
        ("var/lib/dpkg/status", 1102, "overwritten", 0, 1),
        ("etc/ssl/certs/ca-certificates.crt", 215_880, "overwritten", 1, 5),
        ("var/lib/dpkg/status", 1332, "overwritten", 1, 2),
        (archive, 400_000, "deleted", 2, 5),
        ("var/cache/apt/pkgcache.bin", 160_000, "deleted", 2, 5),
        (packages, 240_000, "deleted", 2, 5),
        ("srv/shop/data/seed.json", 24_000, "replaced", 4, 5),
        ("srv/shop/deploy.key", 58, "deleted", 4, 5),
        ("srv/shop/settings.toml", 25, "overwritten", 4, 6),
        ("srv/shop/static/draft.css", 30_000, "opaque", 4, 5),
        ("srv/shop/static/logo.png", 48_000, "opaque", 4, 5),
    ]
    made = ocinb.layers(registry.reference(SHOP), platform="amd64")["instruction"]
    assert frame["stored_by"].tolist() == [made[number] for number in frame["stored_in"]]
    assert frame["hidden_by"].tolist() == [made[number] for number in frame["hidden_in"]]


def test_figures_of_the_shop(registry: SampleRegistry) -> None:
    [row] = records(ocinb.efficiency(registry.reference(SHOP), platform="amd64"))
    assert (row["layers"], row["hidden_bytes"]) == (7, 1_120_515)
    assert row["efficiency"] == row["visible_bytes"] / row["stored_bytes"]
    assert row["duplicate_bytes"] == 48_000 + 3 * 12_000, "the logo twice, and the licence four times"
    assert (row["dive_wasted_bytes"], round(row["dive_efficiency"], 3)) == (775_240, 0.934)
    assert 0 < row["dive_user_wasted_ratio"] < 1


def test_layers_beside_what_they_store(registry: SampleRegistry) -> None:
    reference = registry.reference(SHOP)
    shallow, deep = (ocinb.layers(reference, depth=depth) for depth in ("metadata", "files"))
    assert shallow[READ].isna().all(axis=None)
    pd.testing.assert_frame_equal(shallow.drop(columns=READ), deep.drop(columns=READ))
    [fact] = [fact for fact in images(registry, SHOP) if fact.digest == deep["manifest_digest"][0]]
    tars = tars_of(registry, SHOP, fact)
    assert deep["tar_bytes"].tolist() == [len(tar) for tar in tars]
    assert deep["files"].tolist() == [sum(row["type"] == "file" for row in rows_of(tar)) for tar in tars]
    assert ocinb.layers(reference)[READ].isna().all(axis=None), "whatever was read before"


@pytest.mark.parametrize(
    ("depth", "hint"), [("file", ". Did you mean 'files'?"), ("meta data", ". Did you mean 'metadata'?"), (3, "")]
)
def test_another_depth_is_refused(depth: Any, hint: str) -> None:
    with pytest.raises(InvalidError) as caught:
        ocinb.layers([], depth=depth)
    assert str(caught.value) == f"depth takes 'metadata' or 'files', not {depth!r}{hint}"


BASE: list[Entry] = [directory("d"), file("d/a", "one"), file("d/b", "two"), file("e", "three")]


def test_changes(registry: SampleRegistry) -> None:
    top = [file("d/b", "2"), whiteout("d/a"), opaque("x"), file("e", "three"), file("n", "new"), whiteout("e")]
    frame = ocinb.files(put_layers(registry, BASE, top))
    assert told(frame[4:], "path", "type", "change", "visible", "size_bytes") == [
        ("d/b", "file", "modified", True, 1),
        ("d/a", "whiteout", "deleted", False, 0),
        ("x", "opaque", "deleted", False, 0),
        ("e", "file", "modified", True, 5),
        ("n", "file", "added", True, 3),
        ("e", "whiteout", "deleted", False, 0),
    ]
    assert frame["visible"].tolist()[:4] == [True, False, False, False]


def test_the_first_name_of_a_file_is_the_file_and_other_links_are_what_they_name(registry: SampleRegistry) -> None:
    base = [file("m", "content", mode=0o4755, owner=7), symlink("s", "m")]
    top = [hardlink("z", "m"), hardlink("a", "m"), hardlink("t", "s")]
    frame = ocinb.filesystem(put_layers(registry, base, top))
    assert told(frame, "path", "type", "link_target", "size_bytes", "mode", "uid", "layer") == [
        ("a", "file", None, 7, 0o4755, 7, 1),
        ("m", "hardlink", "a", 7, 0o4755, 7, 0),
        ("s", "symlink", "m", 0, 0o777, 0, 0),
        ("t", "symlink", "m", 0, 0o777, 0, 1),
        ("z", "hardlink", "a", 7, 0o4755, 7, 1),
    ]
    assert len(set(frame.loc[frame["type"] != "symlink", "sha256"])) == 1


def test_what_leads_out_of_the_root_is_hidden_by_nobody(registry: SampleRegistry) -> None:
    name = put_layers(registry, [file("../../etc/shadow", "bad"), file("a", "")])
    assert told(ocinb.files(name), "path", "visible") == [("../../etc/shadow", False), ("a", True)]
    [row] = records(ocinb.hidden(name))
    assert (row["path"], row["hidden_bytes"]) == ("../../etc/shadow", 3)
    assert (row["reason"], row["hidden_in"], row["hidden_by"]) == (None, None, None)


def test_an_image_whose_history_does_not_fit_blames_nobody(registry: SampleRegistry) -> None:
    layers = [file("a", "1")], [file("a", "2")]
    fitting = put_layers(registry, *layers, tag="a", history=steps("/bin/sh -c one", "/bin/sh -c two"))
    other = put_layers(registry, *layers, tag="b", history=steps("one"))
    frame = ocinb.hidden([fitting, other])
    assert told(frame, "stored_in", "stored_by", "hidden_in", "hidden_by") == [
        (0, "RUN one", 1, "RUN two"),
        (0, None, 1, None),
    ]


def test_a_layer_that_stands_twice_is_stored_twice(registry: SampleRegistry) -> None:
    name = put_layers(registry, BASE, [whiteout("e")], BASE)
    assert ocinb.files(name)["layer"].value_counts().to_dict() == {0: 4, 1: 1, 2: 4}
    assert ocinb.layers(name, depth="files")["hidden_bytes"].tolist() == [11, 0, 0]
    [row] = records(ocinb.efficiency(name))
    assert (row["layers"], row["stored_bytes"], row["visible_bytes"]) == (3, 22, 11)
    assert row["compressed_bytes"] == ocinb.layers(name)["compressed_bytes"].sum()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_image_without_layers(registry: SampleRegistry, name: str) -> None:
    frame = FUNCTIONS[name](put_layers(registry))
    schema = getattr(schemas, name.upper())
    assert [str(dtype) for dtype in frame.dtypes] == [column.dtype for column in schema.columns]
    assert len(frame) == (name == "efficiency")
    if len(frame):
        [row] = records(frame)
        assert row["efficiency"] == row["dive_efficiency"] == 1
        assert {row[key] for key in row if key.endswith("_bytes")} == {0}
        assert (row["layers"], row["dive_user_wasted_ratio"]) == (0, None)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_artifacts_and_attestations_have_no_files(registry: SampleRegistry, name: str) -> None:
    chart = registry.reference("demo/chart:0.1")
    attestation = next(entry["digest"] for _, _, entry in index_entries(registry, SHOP) if entry.get("annotations", {}))
    for reference, kind in [(chart, "an artifact"), (registry.reference(f"demo/shop@{attestation}"), "an attestation")]:
        with pytest.raises(InvalidError, match=f"is {kind}, and has no files: it is no image. ocinb.layers lists its"):
            FUNCTIONS[name](reference)
    frame = FUNCTIONS[name]([chart, registry.reference("demo/hello")], errors="skip")
    assert set(frame["reference"]) <= {registry.reference("demo/hello")}
    assert [failure["reference"] for failure in frame.attrs["failures"]] == [chart]


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
def test_many_names_make_one_frame_in_their_order(registry: SampleRegistry, name: str) -> None:
    names = [registry.reference(one) for one in ("demo/shop:2.0", "demo/base:12", "demo/shop:1.0")]
    ask = FUNCTIONS[name]
    frame = ask((one for one in [*names, names[0]]), platform=["arm64", "amd64"])
    alone = [ask(one, platform=platform) for one in names for platform in ("arm64", "amd64")]
    pd.testing.assert_frame_equal(frame, pd.concat(alone, ignore_index=True))
    assert frame.attrs["failures"] == []


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


def test_images_of_schema_1_are_read_too(registry: SampleRegistry) -> None:
    base, top = layer_of(BASE), layer_of([file("e", "four")])
    for blob in (base, top):
        registry.put_blob(blob.raw)
    put_schema1(registry, Step(["/bin/sh", "-c", "#(nop) ADD x"], str(base.digest)), Step(["make"], str(top.digest)))
    name = registry.reference(f"{REPOSITORY}:old")
    assert told(ocinb.files(name), "layer", "path") == [
        *((0, row["path"]) for row in rows_of(plain(base.raw))),
        (1, "e"),
    ]
    [row] = records(ocinb.efficiency(name))
    assert (row["compressed_bytes"], row["stored_bytes"], row["hidden_bytes"]) == (None, 15, 5)
    assert told(ocinb.layers(name, depth="files"), "compressed_bytes", "files") == [(None, 3), (None, 1)]
    assert ocinb.read(name, "e") == b"four"


@pytest.mark.parametrize("algorithm", ["sha512", "sha384"])
def test_images_of_other_digests_are_read_too(registry: SampleRegistry, algorithm: str) -> None:
    put_image(registry, layer("x"), layer("y"), algorithm=algorithm)
    name = registry.reference(f"{REPOSITORY}:1")
    assert ocinb.filesystem(name)["path"].tolist() == ["x", "y"]
    assert ocinb.files(name)["sha256"].str.len().tolist() == [64, 64]


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


@pytest.mark.parametrize("name", FUNCTIONS)
def test_errors_are_told_where_they_are_looked_for(name: str) -> None:
    raised = str(FUNCTIONS[name].__doc__).partition("Raises\n")[2].partition("Notes\n")[0]
    invalid, damaged = raised.partition("InvalidError")[2].split("IntegrityError")
    assert "no tar" in damaged
    assert "no tar" not in invalid
    assert "limit of the settings" in " ".join(invalid.split())


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


def test_a_manifest_that_gives_a_layer_another_size_is_an_error(registry: SampleRegistry) -> None:
    one = layer("x")
    right = put_image(registry, one, tag="right")
    body = fetch(registry, REPOSITORY, "manifests", right["digest"])
    size = f'"size":{len(one.raw)}'
    assert size.encode() in body
    registry.put_manifest(
        REPOSITORY,
        body.replace(size.encode(), f'"size":{len(one.raw) + 1}'.encode()),
        media_type=right["mediaType"],
        tag="wrong",
    )
    names = [registry.reference(f"{REPOSITORY}:{tag}") for tag in ("right", "wrong")]
    assert len(ocinb.files(names[0])) == 1
    with pytest.raises(IntegrityError, match="bytes long"):
        ocinb.files(names[1])


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
