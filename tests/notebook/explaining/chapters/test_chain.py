"""The chain is computed as by hand, and is what the frames say."""

from __future__ import annotations

import hashlib

import ocinb
from ocinb.notebook.explain.chapters_layers import link
from ocinb.notebook.explain.story import plain
from ocinb.samples import SampleRegistry
from ocinb.spec.digest import Digest
from tests.documents import REPOSITORY, layer, put_image
from tests.notebook.explaining.replaying import chapter, figures, tables

TITLE = "The chain of layers"


def test_each_link_hashes_the_one_below_and_its_own_diff_id() -> None:
    diff_ids = [Digest.of(text) for text in (b"a", b"b", b"c")]
    second = "sha256:" + hashlib.sha256(f"{diff_ids[0]} {diff_ids[1]}".encode()).hexdigest()
    third = "sha256:" + hashlib.sha256(f"{second} {diff_ids[2]}".encode()).hexdigest()
    assert link(diff_ids) == [diff_ids[0], second, third]


def test_it_is_the_chain_of_the_frames(registry: SampleRegistry) -> None:
    name = registry.reference("demo/shop:2.0")
    story = ocinb.explain(name, platform="linux/amd64")
    frame = ocinb.layers(name, platform="linux/amd64")
    rows = tables(story, TITLE)["The chain, link by link"].rows
    assert [row.value for row in rows] == frame["chain_id"].tolist()
    assert figures(story, TITLE)["the whole image"].value == frame["chain_id"].iloc[-1]
    pairs = tables(story, TITLE)["Two digests for each layer"].rows
    assert plain(pairs[-1].cells[3]) == "the same: it is not compressed"


def test_diff_ids_that_are_too_few_are_not_believed(registry: SampleRegistry) -> None:
    put_image(registry, layer("a"), layer("b"), rootfs={"diff_ids": [Digest.of(b"a")]})
    story = ocinb.explain(registry.reference(f"{REPOSITORY}:1"))
    assert plain(chapter(story, TITLE).gist) == "there is none"
    assert "There are 2 layers and 1 diff_ids, so none of them is believed." in story.markdown.replace("\\", "")
