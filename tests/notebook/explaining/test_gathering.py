"""What was gathered says which image is meant, and in which words a line has to name it."""

from __future__ import annotations

import pytest

import ocinb
from ocinb._settings import settings
from ocinb.errors import OcinbError
from ocinb.notebook.explain.collect import gather
from ocinb.samples import SampleRegistry
from tests.documents import REPOSITORY, layer, put_image, put_index


def test_a_lone_image_needs_no_platform(registry: SampleRegistry) -> None:
    gathered = gather(registry.reference("demo/hello"), None)
    assert (gathered.lines.platform, gathered.document_lines.platform) == (None, None)
    assert gathered.own_referrers is None
    assert gathered.runs


@pytest.mark.parametrize("platform", ["linux/amd64", "linux/arm64"])
def test_of_several_the_chosen_one_is_named(registry: SampleRegistry, platform: str) -> None:
    gathered = gather(registry.reference("demo/shop:2.0"), platform)
    assert (gathered.lines.platform, gathered.document_lines.platform) == (platform, platform)
    assert gathered.document is not None
    assert gathered.document.digest == ocinb.document(registry.reference("demo/shop:2.0"), platform=platform).digest
    assert len([verdict for verdict in gathered.verdicts if verdict.is_taken]) == 1


def test_an_only_image_without_a_platform_is_named_by_the_usual_one(registry: SampleRegistry) -> None:
    settings.platform = "linux/riscv64"
    put_index(registry, put_image(registry, layer()), tag="index")
    gathered = gather(registry.reference(f"{REPOSITORY}:index"), None)
    assert (gathered.lines.platform, gathered.document_lines.platform) == (None, "linux/riscv64")


@pytest.mark.parametrize("odd", ['amd64"); import os; os.system("id")#', "amd64\n", "\u202e", "a b", "a/b", "amd64"])
def test_a_platform_that_is_no_word_stands_in_no_line(registry: SampleRegistry, odd: str) -> None:
    child = put_image(registry, layer())
    put_index(registry, {**child, "platform": {"os": "linux", "architecture": odd}}, tag="index")
    ref = registry.reference(f"{REPOSITORY}:index")
    line = gather(ref, None).document_lines.call("document")
    assert (line.count('"'), "os.system" in line) in {(2, False), (0, False)}, "a platform in quotes, or a digest"
    assert eval(line, {"ocinb": ocinb, "ref": ref}).digest == child["digest"]


def test_what_fails_in_the_middle_is_an_answer(registry: SampleRegistry) -> None:
    registry.fault("*/blobs/*", status=404, times=None)
    gathered = gather(registry.reference("demo/hello"), None)
    assert isinstance(gathered.image, OcinbError)
    assert gathered.read is None
    assert not gathered.runs
    assert [one.status for one in gathered.exchanges].count(404) >= 1
