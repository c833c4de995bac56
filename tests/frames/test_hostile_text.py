"""Strangers' text stays as it is in the frames, and does no harm where it is shown."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

import ocinb
from ocinb.samples import SampleRegistry
from ocinb.samples.images import Blob, make_json, make_layer, make_manifest
from ocinb.spec.mediatypes import OCI_CONFIG, OCI_INDEX

TEXTS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"><svg onload='alert(1)'>",
    "'; DROP TABLE layers; --",
    "a\x1b[2J\x1b]0;title\x07b",
    "line\r\nanother\u2028third",
    "\u202egnp.exe",
    "\u2066hidden\u2069",
    "nul\x00inside",
    "lone \ud800 surrogate",
    "\x7f\x85",
    "&lt;b&gt;",
    "${jndi:ldap://x}",
    "x" * 10_000,
]
# What a terminal or a browser would act on.
HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
BUILT_AT = "2025-05-05T05:05:05Z"


def put_hostile(registry: SampleRegistry, text: str) -> str:
    """Write the text wherever an image may have text of its own; JSON escapes what UTF-8 cannot hold."""
    layer = make_layer([])
    config = {
        "os": "linux",
        "architecture": "amd64",
        "author": text,
        "created": BUILT_AT,
        "config": {
            "Labels": {text: text},
            "Env": [f"KEY={text}"],
            "User": text,
            "Entrypoint": [text],
            "Cmd": [text],
            "ExposedPorts": {text: {}},
            "WorkingDir": text,
        },
        "history": [{"created": BUILT_AT, "created_by": f"RUN {text}", "author": text, "comment": text}],
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id]},
    }
    blob = Blob(json.dumps(config).encode(), OCI_CONFIG)
    registry.put_blob(blob.raw)
    registry.put_blob(layer.raw)
    document = json.loads(make_manifest(blob, [layer]).raw) | {"annotations": {text: text}}
    registry.put_manifest("demo/hostile", json.dumps(document).encode(), tag="1")
    return registry.reference("demo/hostile:1")


def shown_whole(document: Any) -> str:
    html: str = document._repr_html_()
    return html


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
def test_documents_show_text_without_harm(registry: SampleRegistry, text: str) -> None:
    manifest = ocinb.document(put_hostile(registry, text))
    for document in (manifest, manifest.config):
        html = shown_whole(document)
        assert not HARMFUL.search(html)
        assert "<script" not in html
        assert "<img" not in html
        assert "<svg" not in html
        assert not HARMFUL.search(repr(document))
        html.encode()


@pytest.mark.parametrize("text", [text for text in TEXTS if "\ud800" not in text], ids=ascii)
def test_errors_show_text_without_harm(registry: SampleRegistry, text: str) -> None:
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [{"mediaType": text, "digest": text, "size": 1}],
    }
    registry.put_manifest("demo/hostile", make_json(manifest), media_type=OCI_INDEX, tag="bad")
    frame = ocinb.layers([text, registry.reference("demo/hostile:bad")], errors="skip")
    told = [failure["error"] for failure in frame.attrs["failures"]]
    assert len(told) == 2
    for error in told:
        assert not HARMFUL.search(error)
        assert "\n" not in error
        assert len(error) < 3000


@pytest.mark.parametrize("media_type", ["<script>alert(1)</script>", "text/\u202eplain", "a\x1b[2J"], ids=ascii)
def test_a_hostile_media_type_is_shown_without_harm(registry: SampleRegistry, media_type: str) -> None:
    digest = registry.put_blob(json.dumps({"mediaType": media_type}).encode())
    document = ocinb.document(registry.reference(f"demo/hello@{digest}"))
    assert document.media_type == media_type
    assert not HARMFUL.search(repr(document) + shown_whole(document))
    assert "<script" not in shown_whole(document)
