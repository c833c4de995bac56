"""Files of images that are not as most are: without layers, of Docker's schema 1, of sha512, with odd names."""

from __future__ import annotations

import pytest

import ocinb
from ocinb.errors import InvalidError
from ocinb.samples import SampleRegistry
from ocinb.samples.images import make_layer
from ocinb.samples.tars import file
from tests.catalog.laying import put_stack
from tests.catalog.test_adding_files import stack

ODD_NAMES = [
    "new\nline",
    "quo'te\"s",
    "\u202eright",
    "<script>",
    "caf\u00e9",
    "\\x41",
    "a" * 3000,
    "; DROP TABLE files",
]


def test_what_passes_a_limit_fails_alone(registry: SampleRegistry) -> None:
    names = [put_stack(registry, stack(), "many"), put_stack(registry, [make_layer([file("a")])], "few")]
    ocinb.settings.max_tar_entries = 3
    with ocinb.Catalog() as catalog:
        added = catalog.add(names, depth="files")
        assert added["outcome"].tolist() == ["failed", "added"]
        assert "max_tar_entries" in added["error"][0]
        with pytest.raises(InvalidError, match="max_tar_entries"):
            ocinb.files(names[0])
