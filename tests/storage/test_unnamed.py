"""What speaks of an image that stays is found without a name, with all that it needs, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocinb.spec.digest import Digest
from ocinb.storage.layout import Layout
from ocinb.storage.reachability import Limits
from ocinb.storage.usage import speaking_of
from tests.storage.stores import LIMITS, named, put, put_document, put_image


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "layout")
    layout.prepare()
    return layout


def blobs(layout: Layout) -> set[Digest]:
    return {Digest(f"sha256:{path.name}") for path in (layout.root / "blobs" / "sha256").iterdir()}


def test_what_cannot_be_read_speaks_of_nothing(layout: Layout) -> None:
    image = put_image(layout, b"layer")
    damaged = put_document(layout, {"subject": named(image), "layers": []})
    layout.blobs.path(damaged.digest).write_bytes(b'{"subject": 1}')
    large = put_document(layout, {"subject": named(image), "x": "x" * 3000})
    other = put(layout, b'{ "no": "document"')
    (layout.root / "blobs" / "sha256" / Digest.of(b"link").hex).symlink_to("/etc/passwd")
    unnamed = {damaged.digest, large.digest, other.digest, Digest.of(b"link"), Digest.of(b"gone")}
    assert speaking_of({image.digest}, unnamed, layout, Limits(2000, 2000)) == set()
    assert large.digest in speaking_of({image.digest}, unnamed, layout, LIMITS)
