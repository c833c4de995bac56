"""What was gathered says which image is meant, and in which words a line has to name it."""

from __future__ import annotations

import pytest

import ocinb
from ocinb.notebook.explain.collect import gather
from ocinb.samples import SampleRegistry
from tests.documents import REPOSITORY, layer, put_image, put_index


@pytest.mark.parametrize("odd", ['amd64"); import os; os.system("id")#', "amd64\n", "\u202e", "a b", "a/b", "amd64"])
def test_a_platform_that_is_no_word_stands_in_no_line(registry: SampleRegistry, odd: str) -> None:
    child = put_image(registry, layer())
    put_index(registry, {**child, "platform": {"os": "linux", "architecture": odd}}, tag="index")
    ref = registry.reference(f"{REPOSITORY}:index")
    line = gather(ref, None).document_lines.call("document")
    assert (line.count('"'), "os.system" in line) in {(2, False), (0, False)}, "a platform in quotes, or a digest"
    assert eval(line, {"ocinb": ocinb, "ref": ref}).digest == child["digest"]
