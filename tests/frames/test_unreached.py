"""One call with many names does not wait for a registry that is not there once for each of them."""

from __future__ import annotations

import pytest

import ocinb
from ocinb._settings import settings
from ocinb.frames import batch
from ocinb.samples import SampleRegistry
from tests.sources.servers import closed_port, hang_up, listening


def test_others_are_asked_all_the_same(registry: SampleRegistry) -> None:
    gone = closed_port()
    names = [f"{gone}/demo/app", registry.reference("demo/hello"), f"{gone}/demo/other", "Not A Name", "oci:nowhere"]
    frame = ocinb.layers(names, errors="skip")
    assert frame["reference"].unique().tolist() == [registry.reference("demo/hello")]
    assert [failure["reference"] for failure in frame.attrs["failures"]] == [names[0], *names[2:]]


def test_one_that_hangs_up_was_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    settings.retries = 0
    monkeypatch.setattr(batch, "BELIEVED_SECONDS", 3600.0)
    with listening(hang_up) as host:
        known = batch.CircuitBreaker()
        with pytest.raises(ocinb.errors.TransportError) as caught:
            ocinb.layers(f"{host}/demo/app")
        known.note(f"{host}/demo/app", caught.value)
        known.check(f"{host}/demo/app")
    with pytest.raises(ocinb.errors.TransportError) as caught:
        ocinb.layers(f"{host}/demo/app")
    known.note(f"{host}/demo/app", caught.value)
    with pytest.raises(ocinb.errors.TransportError, match="cannot be reached"):
        known.check(f"{host}/demo/app:other")
    monkeypatch.setattr(batch, "BELIEVED_SECONDS", 0.0)
    known.check(f"{host}/demo/app")


def test_what_is_on_this_machine_is_told_whatever_others_met(registry: SampleRegistry) -> None:
    settings.retries, settings.concurrency, settings.tag_ttl = 0, 1, 3600
    tagged, never = registry.reference("demo/hello"), registry.reference("demo/hello:never")
    digest = ocinb.document(tagged).digest
    names = [tagged, registry.reference(f"demo/hello@{digest}")]
    ocinb.layers(names)
    registry.close()
    for listed in ([never, *names], [*names, never], [never, *names, never.replace("never", "too")]):
        frame = ocinb.layers(listed, errors="skip")
        assert frame["reference"].unique().tolist() == names
        assert {failure["reference"] for failure in frame.attrs["failures"]} == set(listed) - set(names)
    with ocinb.Catalog() as catalog:
        assert catalog.add([never, *names], referrers=True)["outcome"].tolist() == ["failed", "added", "present"]
        assert set(catalog.sql("FROM failures")["stage"]) == {"metadata", "referrers"}
