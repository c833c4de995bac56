"""The manifest is hashed step by step; of one that is signed, what was signed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

import ocinb
from ocinb.samples import SampleRegistry
from tests.notebook.explaining.places import PLACES
from tests.notebook.explaining.replaying import figures

TITLE = "The manifest, hashed"


@pytest.mark.parametrize(("place", "is_signed"), [("schema 1, signed", True), ("schema 1", False)])
def test_of_schema_1_what_was_signed_is_hashed(
    registry: SampleRegistry, tmp_path: Path, place: str, *, is_signed: bool
) -> None:
    name = PLACES[place](registry, tmp_path)
    story, document = ocinb.explain(name), ocinb.document(name)
    assert figures(story, TITLE)["digest"].value == document.digest.partition(":")[2]
    assert ("that of the part that was signed" in story.markdown) is is_signed
    assert (hashlib.sha256(document.raw).hexdigest() in document.digest) is not is_signed


def test_an_archive_of_docker_says_that_it_was_made(registry: SampleRegistry, tmp_path: Path) -> None:
    story = ocinb.explain(PLACES["docker archive"](registry, tmp_path))
    assert "this one is made from its config and its layers" in story.markdown
