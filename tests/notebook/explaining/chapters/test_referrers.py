"""All that refers to an image is told, with how it was found and where it was looked for."""

from __future__ import annotations

import pytest

import ocinb
from ocinb.notebook.explain.story import plain
from ocinb.samples import registry as start_registry
from tests.notebook.explaining.replaying import chapter, figures, replayed, tables

TITLE = "The referrers"


@pytest.mark.parametrize("has_api", [True, False], ids=["by the list", "by the tag"])
def test_each_is_told_with_the_way_to_it(*, has_api: bool) -> None:
    with start_registry(referrers_api=has_api) as registry:
        story = ocinb.explain(registry.reference("demo/shop:2.0"), platform="linux/amd64")
        assert [one for one in replayed(story) if one[1] is not None and one[1] != one[2]] == []
    rows = tables(story, TITLE)["Each of them"].rows
    expected = ["signature", "SBOM", "attestation", "attestation", "signature", "SBOM"]
    assert [plain(row.cells[0]) for row in rows] in (expected[:5], expected[5:])
    assert plain(chapter(story, TITLE).gist) == "2 signatures, 2 SBOMs, 2 attestations"
    looked = [plain(row.cells[0]) for row in tables(story, TITLE)["Where they were looked for"].rows]
    assert looked.count("cosign's tag: signature") == 2
    assert ("the tag that lists referrers, where a registry has no list" in looked) is not has_api
    assert figures(story, TITLE)["requests"].value == len(looked)
