"""`ocinb.store` lists images, verifies them, and removes those that are named, and nothing that another one needs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import ocinb
from ocinb._settings import settings
from ocinb.errors import InvalidError, NotFoundError
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from ocinb.storage.layout import Layout
from tests.storage.stores import put_image

ROOT = Path(__file__).parent.parent.parent
INTERRUPTED = """
import signal, sys, threading, time
import ocinb

signal.signal(signal.SIGINT, signal.default_int_handler)

class Said:
    def start(self, title, tasks): print(title, flush=True)
    def advance(self, key, amount): pass
    def state(self, key, state): pass
    def finish(self, summary): print(summary, flush=True)

try:
    ocinb.store.verify(destination=sys.argv[1], progress=Said())
except KeyboardInterrupt:
    print(time.monotonic())
    for thread in threading.enumerate()[1:]:
        thread.join(60)  # one that has done its work needs a moment to go
    print("interrupted, threads:", [thread.name for thread in threading.enumerate()])
"""
PULL_OFTEN = """
import sys
import ocinb

for _ in range(int(sys.argv[1])):
    for name in sys.argv[2:]:
        ocinb.pull(name, progress=False)
    print("pulled", flush=True)
"""


def pulled(registry: SampleRegistry, *names: str, **more: Any) -> list[str]:
    references = [registry.reference(name) for name in names]
    ocinb.pull(references, progress=False, **more)
    return references


def on_disk(folder: Path | None = None) -> dict[str, int]:
    blobs = (folder or settings.store_dir) / "blobs"
    return {f"{path.parent.name}:{path.name}": path.stat().st_size for path in blobs.glob("*/*")}


def test_every_row_is_read_from_here_by_its_local_reference(registry: SampleRegistry, tmp_path: Path) -> None:
    digest = ocinb.document(registry.reference("demo/shop:2.0")).digest
    names = ("demo/nested:1", "demo/hello", f"demo/shop@{digest}")
    pulled(registry, *names, platform="all", destination=tmp_path / "images")
    frame = ocinb.store.images(destination=tmp_path / "images")
    before = len(registry.requests)
    settings.offline = True
    read = [ocinb.document(name).digest for name in frame["local_reference"]]
    assert read == frame["digest"].tolist()
    assert len(registry.requests) == before
    colon = tmp_path / "a:b"
    shutil.copytree(tmp_path / "images", colon)
    assert ocinb.store.images(destination=colon)["local_reference"].isna().all()


def test_images_that_other_tools_named_are_listed_too(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.prepare()
    image, other = put_image(layout, b"layer"), put_image(layout, b"another layer")
    entry = {"mediaType": image.media_type, "digest": str(image.digest), "size": image.size}
    unknown = {"mediaType": "x/y", "digest": "blake3:00", "size": 1}
    alone = {"mediaType": other.media_type, "digest": str(other.digest), "size": other.size}
    index = {"schemaVersion": 2, "manifests": [entry, unknown, {**entry, "annotations": "odd"}, alone]}
    (tmp_path / "index.json").write_text(json.dumps(index))
    frame = ocinb.store.images(destination=tmp_path)
    assert frame["reference"].isna().all()
    assert frame["local_reference"].isna().tolist() == [False, True, False, False]
    assert frame["local_reference"].tolist()[0] == f"oci:{tmp_path}@{image.digest}"
    assert frame["kind"].tolist() == ["image", "unknown", "image", "image"]
    assert frame["missing_blobs"].isna().tolist() == [False, True, False, False]
    own = other.size + len(b"another layer")
    assert frame["unique_bytes"].tolist() == [0, 0, 0, own], "of two entries of one image the blobs are both's"
    assert pd.isna(frame["digest"][1])


def test_what_another_tool_named_so_that_nobody_can_ask_for_it_is_read_by_its_digest(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.prepare()
    images = [put_image(layout, content) for content in (b"one", b"two", b"three")]
    names = ["@0", "app@sha256:abc", "app:1"]
    layout.name(dict(zip(reversed(names), images, strict=True)))
    frame = ocinb.store.images(destination=tmp_path)
    assert [ocinb.document(name).digest for name in frame["local_reference"]] == [image.digest for image in images]
    assert frame["local_reference"].tolist()[0] == f"oci:{tmp_path}:app:1"


def test_what_is_missing_is_counted_and_what_cannot_be_read_is_no_error(registry: SampleRegistry) -> None:
    [name] = pulled(registry, "demo/hello")
    manifest = ocinb.store.images()["digest"].item()
    (settings.store_dir / "blobs" / "sha256" / ocinb.layers(name)["digest"].item()[7:]).unlink()
    assert ocinb.store.images()["missing_blobs"].item() == 1
    (settings.store_dir / "blobs" / "sha256" / manifest[7:]).write_bytes(b"damaged")
    frame = ocinb.store.images()
    assert frame["kind"].item() == "unknown"
    assert pd.isna(frame["layers"].item())
    (settings.store_dir / "blobs" / "sha256" / manifest[7:]).unlink()
    assert pd.isna(ocinb.store.images()["used_at"].item())


def test_names_may_be_many_and_all_are_found_before_any_goes(registry: SampleRegistry) -> None:
    names = pulled(registry, "demo/shop:1.0", "demo/shop:2.0", "demo/hello")
    before = on_disk()
    with pytest.raises(NotFoundError, match=r"there is no image .*demo/helo.* Did you mean .*demo/hello:latest"):
        ocinb.store.remove([*names, registry.reference("demo/helo")])
    with pytest.raises(InvalidError, match="5 is not a name"):
        ocinb.store.remove([names[0], 5])  # type: ignore[list-item]
    assert on_disk() == before
    assert len(ocinb.store.remove([])) == 0
    digest = ocinb.document(names[2]).digest
    by_digest = ocinb.Reference(f"{names[2]}@{digest}")
    assert ocinb.store.remove(by_digest)["reference"].tolist() == [f"{names[2]}:latest"]
    assert len(ocinb.store.remove(ocinb.store.images()["reference"])) == 2
    assert ocinb.store.images().empty


def test_what_is_removed_from_a_store_that_was_never_used_is_told_and_makes_no_folder() -> None:
    with pytest.raises(NotFoundError, match="there is no image in"):
        ocinb.store.remove("demo/hello")
    with pytest.raises(NotFoundError, match="there is no image in"):
        ocinb.store.prune(keep="demo/hello")
    assert not settings.store_dir.exists()
    assert not settings.cache_dir.exists()


def test_what_is_damaged_is_found_and_the_next_pull_mends_it(registry: SampleRegistry) -> None:
    shop, hello = pulled(registry, "demo/shop:2.0", "demo/hello")
    layers = ocinb.layers(shop)["digest"]
    paths = [settings.store_dir / "blobs" / "sha256" / digest[7:] for digest in layers]
    status = paths[0].stat()
    raw = bytearray(paths[0].read_bytes())
    raw[7] ^= 1
    paths[0].write_bytes(raw)
    os.utime(paths[0], ns=(status.st_atime_ns, status.st_mtime_ns))
    paths[1].unlink()
    frame = ocinb.store.verify(progress=False)
    assert frame["problem"].tolist() == ["damaged", "missing"]
    assert frame["digest"].tolist() == layers.tolist()[:2]
    assert frame["path"].tolist() == [str(path) for path in paths[:2]]
    assert frame["reference"].tolist() == [shop, shop]
    assert frame["expected_bytes"].tolist() == ocinb.layers(shop)["compressed_bytes"].tolist()[:2]
    assert paths[0].read_bytes() == raw, "nothing was removed"
    assert frame["platform"].unique().tolist() == ["linux/amd64"]
    again = ocinb.pull(shop, platform="linux/amd64", progress=False)
    assert (again["outcome"] == "downloaded").sum() == 2
    assert ocinb.store.verify(progress=False).empty
    assert hello


@pytest.mark.parametrize("platform", ["all", "arm64", ["arm64", "amd64"]], ids=str)
def test_what_is_wrong_is_mended_as_it_was_pulled_whatever_the_platform(
    registry: SampleRegistry, platform: Any
) -> None:
    pulled(registry, "demo/shop:2.0", "demo/chart:0.1", platform=platform, errors="skip", referrers=True)
    before, images = on_disk(), ocinb.store.images()
    for digest in list(before):
        if digest not in set(images["digest"]):
            (settings.store_dir / "blobs" / "sha256" / digest[7:]).write_bytes(b"damaged")
    wrong = ocinb.store.verify(progress=False)
    assert set(wrong["problem"]) == {"damaged"}
    for (name, wanted), _ in wrong.groupby(["reference", "platform"]):
        ocinb.pull(str(name), platform=str(wanted), referrers=True, progress=False)
    assert ocinb.store.verify(progress=False).empty
    again = ocinb.store.images()
    assert set(again["digest"]) == set(images["digest"])
    # Of several without their index the last one takes the name.
    assert isinstance(platform, list) or set(again["reference"]) == set(images["reference"])
    assert on_disk() == before


class Said:
    """A progress that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.total = self.seen = 0

    def start(self, title: str, tasks: Any) -> None:
        self.lines.append(title)
        self.total = sum(task.total for task in tasks)

    def advance(self, key: str, amount: int) -> None:
        assert key
        self.seen += amount

    def state(self, key: str, state: Any) -> None:
        assert key
        assert state

    def finish(self, summary: str) -> None:
        self.lines.append(summary)


def test_a_typing_error_never_empties_a_store(registry: SampleRegistry) -> None:
    pulled(registry, "demo/shop:1.0", "demo/hello")
    before = on_disk()
    for keep in ("demo/shop:*", ["*shop*", "*helo*"], "nothing"):
        with pytest.raises(NotFoundError):
            ocinb.store.prune(keep=keep)
    assert on_disk() == before


def age(name: str, days: float) -> None:
    digest = ocinb.store.images().set_index("reference").loc[name, "digest"]
    moment = time.time() - days * 86_400
    os.utime(settings.store_dir / "blobs" / "sha256" / str(digest)[7:], (moment, moment))


def test_keep_with_an_age_takes_only_images_that_were_not_used_for_so_long(registry: SampleRegistry) -> None:
    one, two, hello = pulled(registry, "demo/shop:1.0", "demo/shop:2.0", "demo/hello")
    for name, days in ((one, 40), (two, 20), (f"{hello}:latest", 50)):
        age(name, days)
    ocinb.store.prune(keep="*hello*", older_than="30d")
    assert ocinb.store.images()["reference"].tolist() == [two, f"{hello}:latest"]
    assert ocinb.store.verify(progress=False).empty


def test_keep_with_a_size_takes_as_few_images_as_it_can_the_least_recently_used_first(registry: SampleRegistry) -> None:
    one, two, hello = pulled(registry, "demo/shop:1.0", "demo/shop:2.0", "demo/hello")
    for name, days in ((one, 20), (two, 40), (f"{hello}:latest", 50)):
        age(name, days)
    ocinb.store.prune(keep_bytes=0)  # what has no name would go first
    room = sum(on_disk().values()) - 1
    ocinb.store.prune(keep="*hello*", keep_bytes=room)
    assert ocinb.store.images()["reference"].tolist() == [one, f"{hello}:latest"]
    ocinb.store.prune(keep="*hello*", keep_bytes=room)
    assert len(ocinb.store.images()) == 2
    ocinb.store.prune(keep="*hello*", keep_bytes=0)
    assert ocinb.store.images()["reference"].tolist() == [f"{hello}:latest"]
    assert set(on_disk()) == {*ocinb.layers(hello)["digest"], *ocinb.configs(hello)["digest"], *digests(hello)}


def digests(name: str) -> list[str]:
    return ocinb.manifests(name)["digest"].tolist()


def test_an_image_is_pulled_as_often_as_it_is_removed_by_another_process() -> None:
    # It takes its seconds: a process that starts, and pulls often enough for both to meet.
    with start_registry() as registry:
        names = [registry.reference(name) for name in ("demo/shop:1.0", "demo/shop:2.0", "demo/shop:1.1")]
        own = {"OCINB_STORE_DIR": str(settings.store_dir), "OCINB_CACHE_DIR": str(settings.cache_dir)}
        with subprocess.Popen(
            [sys.executable, "-c", PULL_OFTEN, "3", *names], cwd=ROOT, env={**os.environ, **own}, stdout=subprocess.PIPE
        ) as process:
            removed = 0
            while process.poll() is None:
                for name in names[:2]:
                    try:
                        removed += len(ocinb.store.remove(name))
                    except NotFoundError:
                        continue
                assert not (set(ocinb.store.images()["missing_blobs"].dropna()) - {0})
        assert process.returncode == 0
        assert removed > 0
        assert ocinb.store.verify(progress=False).empty
        ocinb.pull(names, progress=False, verify="full")
        for name in names:
            ocinb.store.remove(name)
        assert ocinb.store.images().empty
        assert not list(settings.store_dir.glob(".ocinb/pending/*"))
