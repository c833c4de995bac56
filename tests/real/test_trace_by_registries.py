"""The trace tells of each exchange what the registry's own log and the token service tell of it, and no secret."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import ocinb
from ocinb.errors import TransportError
from tests.real import blobserver, dockerregistry, logins
from tests.real.dockerregistry import DockerRegistry
from tests.real.logins import ADA
from tests.real.realimages import RealImages
from tests.real.relays import relaying
from tests.tokenserver import ISSUER, TokenServer

pytestmark = pytest.mark.real


def over_the_wire(frame: pd.DataFrame, host: str) -> pd.DataFrame:
    """Give the exchanges with one registry that it took part in."""
    known = frame["from_cache"] & (frame["status"] != 304)
    return frame[frame["url"].str.startswith(f"http://{host}/") & ~known]


def test_every_exchange_is_one_that_the_registry_noted(token_registry: DockerRegistry, real_images: RealImages) -> None:
    with ocinb.trace() as trace:
        ocinb.layers(token_registry.reference(real_images.index), platform="all")
        ocinb.tags(token_registry.reference(real_images.index).rpartition(":")[0], digests=True)
    seen = over_the_wire(trace.frame, token_registry.host)
    told = (seen["method"] + " " + seen["url"].str.removeprefix(f"http://{token_registry.host}")).tolist()
    assert sorted(told) == sorted(token_registry.requests)
    assert sorted(seen["status"]) == sorted(token_registry.statuses)


def test_a_class_sees_the_whole_way_anew(
    token_registry: DockerRegistry, tokens: TokenServer, real_images: RealImages
) -> None:
    reference = token_registry.reference(real_images.busybox_oci)
    first = ocinb.layers(reference)
    for _ in range(2):
        noted = len(token_registry.statuses)
        with ocinb.trace(fresh=True) as trace:
            assert ocinb.layers(reference).equals(first)
        assert trace.frame["status"].tolist() == [401, 200, 200, 200]
        assert token_registry.statuses[noted:] == [401, 200, 200]
        assert not trace.frame["from_cache"].any()
    assert len(tokens.requests) == 3
    refused, token, manifest, _ = trace.frame.to_dict("records")
    assert refused["response_headers"]["www-authenticate"].startswith(f'Bearer realm="{tokens.realm}"')
    assert token["url"].startswith(tokens.realm)
    assert token["token_claims"]["iss"] == ISSUER
    [access] = token["token_claims"]["access"]
    assert (access["name"], access["actions"]) == ("real/busybox", ["pull"])
    assert "authorization" in manifest["request_headers"]


def test_no_secret_is_shown(token_registry: DockerRegistry, tokens: TokenServer, real_images: RealImages) -> None:
    signed: list[str] = []
    sign = tokens._signed

    def remembering(claims: dict[str, object]) -> str:
        signed.append(sign(claims))
        return signed[-1]

    tokens.sign = remembering
    with ocinb.trace(fresh=True) as trace:
        ocinb.layers(token_registry.reference(real_images.busybox_oci))
    shown = f"{trace!r} {trace._repr_html_()} {trace.frame.to_dict('records')}"
    assert signed
    assert token_registry.host in shown
    signatures = [token.rpartition(".")[2] for token in signed]
    assert not [secret for secret in (*signed, *signatures, ADA[1], logins.basic(ADA)) if secret in shown]


def test_a_redirect_is_two_exchanges(docker_registry: DockerRegistry, real_images: RealImages, tmp_path: Path) -> None:
    with (
        blobserver.serve(docker_registry.storage) as blobs,
        dockerregistry.serve(tmp_path, blobs.section, storage=docker_registry.storage) as registry,
        ocinb.trace(fresh=True) as trace,
    ):
        ocinb.layers(registry.reference(real_images.busybox_oci))
    assert trace.frame["status"].tolist() == [200, 307, 200]
    assert trace.frame["url"].tolist()[2].removeprefix(f"http://{blobs.host}") == blobs.requests[0].path


def test_what_failed_is_in_it_too(docker_registry: DockerRegistry, real_images: RealImages) -> None:
    assert real_images.index
    ocinb.settings.retries = 1
    with relaying(docker_registry.host) as line:
        line.change = lambda *_: iter(())
        with pytest.raises(TransportError), ocinb.trace() as trace:
            ocinb.document(line.name(real_images.busybox_oci))
    assert trace.frame["status"].isna().all()
    assert len(trace.frame) >= 2, "the question and its repetition"
    assert "retry" in trace.frame["reason"].iloc[-1]


def test_a_kept_tag_costs_one_conditional_question(docker_registry: DockerRegistry, real_images: RealImages) -> None:
    ocinb.document(real_images.busybox_oci)
    with ocinb.trace() as trace:
        ocinb.document(real_images.busybox_oci)
    assert over_the_wire(trace.frame, docker_registry.host).empty
    ocinb.settings.tag_ttl = 0
    with ocinb.trace() as trace:
        ocinb.document(real_images.busybox_oci)
    assert trace.frame["status"].tolist() == [304]
    assert trace.frame["transferred_bytes"].tolist() == [0]
    assert len(over_the_wire(trace.frame, docker_registry.host)) == 1
