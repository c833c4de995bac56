"""Documents are exactly what the registry has, whatever they are, and shown without harm."""

from __future__ import annotations

import pytest

import ocinb
from ocinb._settings import settings
from ocinb.errors import InvalidError, TransportError
from ocinb.samples import SampleRegistry
from ocinb.spec.mediatypes import OCI_MANIFEST
from tests.frames.facts import images

NOBODY = f"sha256:{'0' * 64}"


def test_a_registry_that_fails_at_blobs_is_not_asked_for_them_twice(registry: SampleRegistry) -> None:
    blob = registry.put_blob(b'{"packages": []}')
    failing = registry.fault(f"*/manifests/{blob}", status=500, times=None)
    assert ocinb.document(registry.reference(f"demo/shop@{blob}")).json == {"packages": []}
    for ask in (ocinb.layers, ocinb.manifests):
        with pytest.raises(InvalidError, match=r"is no image manifest\. ocinb\.document reads what is no image"):
            ask(registry.reference(f"demo/shop@{blob}"))
    assert failing.hits == 1


def test_a_registry_that_fails_for_a_moment_is_asked_again(registry: SampleRegistry) -> None:
    digest = images(registry, "demo/shop:2.0")[0].digest
    failing = registry.fault(f"*/manifests/{digest}", status=500, times=2)
    missing = registry.fault(f"*/blobs/{digest}", status=404)
    assert ocinb.document(registry.reference(f"demo/shop@{digest}")).media_type == OCI_MANIFEST
    assert (failing.hits, missing.hits) == (2, 1)


def test_a_registry_that_goes_on_failing_is_told_of(registry: SampleRegistry) -> None:
    settings.retries = 1
    failing = registry.fault(f"*/manifests/{NOBODY}", status=500, times=None)
    with pytest.raises(TransportError, match="500"):
        ocinb.document(registry.reference(f"demo/shop@{NOBODY}"))
    assert failing.hits == 3


@pytest.mark.parametrize("platform", ["all", ["amd64"], 5, ""])
def test_a_document_is_that_of_one_platform(registry: SampleRegistry, platform: str) -> None:
    with pytest.raises(InvalidError):
        ocinb.document(registry.reference("demo/shop:2.0"), platform=platform)


def test_a_document_that_is_too_large_is_refused(registry: SampleRegistry) -> None:
    settings.max_manifest_bytes = 600
    index = registry.reference("demo/shop:2.0")
    blob = registry.put_blob(b"x" * 601)
    for name in (index, registry.reference(f"demo/shop@{blob}")):
        with pytest.raises(InvalidError, match="600"):
            ocinb.document(name)
    fits = registry.put_blob(b"x" * 600)
    assert len(ocinb.document(registry.reference(f"demo/shop@{fits}")).raw) == 600


def test_html_of_what_is_no_json_shows_the_text(registry: SampleRegistry) -> None:
    digest = registry.put_blob(b"<script>alert(1)</script>\x1b[2J\nnext \xff\r\n")
    html = ocinb.document(registry.reference(f"demo/shop@{digest}"))._repr_html_()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\x1b[2J\nnext �\\r\n" in html
