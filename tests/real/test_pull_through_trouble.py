"""A pull while a document, a token or a blob server fails, and while anything does, at random."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import ocinb
from ocinb.errors import AuthError, IntegrityError, NotFoundError, OcinbError, TransportError
from tests.real import badlines, logins
from tests.real.badlines import LEFT, Fails, Layer, Row
from tests.real.dockerregistry import DockerRegistry
from tests.real.faultproxy import Exchange, Fault, FaultProxy, fine, spoiling
from tests.real.faults import (
    HANG_UP,
    RESET,
    SILENCE,
    bent,
    chunked,
    cut,
    flipped,
    half_a_head,
    longer_by,
    multipart,
    no_answer,
    part,
    refused,
    sent_to,
    then_gone,
    unknown,
    whole,
    with_more,
    without_length,
)
from tests.real.processes import free_host
from tests.real.realimages import RealImages
from tests.tokenserver import TokenServer

pytestmark = pytest.mark.real

MIB = 1024 * 1024
# Of how many answers of a bad line one is bad.
BADNESS = 0.8
# For how many seconds docker-registry lets a token in that has expired.
REGISTRY_FORGIVES = 60


@pytest.fixture(scope="module")
def config(layer: Layer) -> Layer:
    """Give the config, a document that is fetched as a blob and read whole: of half of it nothing is kept."""
    return badlines.config_of(layer.reference)


# A whole that is asked for from its beginning, each time.
CONFIGS = [
    Row("reset in the middle", [(0, cut(100, RESET)), (0, fine)], again=100),
    Row("ended in the middle", [(0, cut(100, HANG_UP)), (0, fine)], again=100),
    Row("no answer", [(0, no_answer(RESET)), (0, fine)]),
    Row("half a head", [(0, half_a_head(HANG_UP)), (0, fine)]),
    Row("500", [(0, refused(500)), (0, fine)]),
    Row("503 for no time at all", [(0, refused(503, retry_after="0")), (0, fine)]),
    Row("chunks without an end", [(0, chunked(end=b"")), (0, fine)], wholes=1),
    Row("no length", [(0, without_length())]),
    # The line is kept, and the layers are asked for over it.
    Row("bytes behind its end", [(0, with_more(after=b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong"))]),
    Row("an end without a word", [(0, then_gone)]),
    Row("404", [(0, refused(404)), (0, fine)], pulls=(Fails(NotFoundError, "there is no blob"), "downloaded")),
    Row(
        "one wrong byte",
        [(0, bent(flipped(100))), (0, fine)],
        pulls=(Fails(IntegrityError, "sha256:[0-9a-f]{64}.*sha256:[0-9a-f]{64}"), "downloaded"),
        wholes=1,
    ),
]


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("row", CONFIGS, ids=lambda row: row.name)
def test_the_config_comes_over_a_bad_line(row: Row, proxy: FaultProxy, config: Layer, tmp_path: Path) -> None:
    badlines.play(row, proxy, config, tmp_path / "pulled")
    badlines.judge(row, proxy, config, tmp_path / "pulled")


# Where the client's own buffers and chunks end.
EDGES = [
    Row(
        f"broken at {first:,} and {second:,}",
        [(0, cut(first, RESET)), (first, cut(second - first, end)), (second, fine)],
    )
    for first, second, end in [(MIB - 1, MIB, HANG_UP), (MIB, MIB + 1, RESET), (2 * MIB, 3 * MIB + 1, HANG_UP)]
]


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("row", EDGES, ids=lambda row: row.name)
def test_a_large_layer_breaks_where_chunks_end(
    row: Row, proxy: FaultProxy, real_images: RealImages, tmp_path: Path
) -> None:
    large = badlines.largest_layer(real_images.debian_oci)
    badlines.play(row, proxy, large, tmp_path / "pulled")
    badlines.judge(row, proxy, large, tmp_path / "pulled")


TOKENS = [
    (Row("forgotten at once", [(0, unknown), (0, fine)]), 2),
    (Row("forgotten in the middle", [(0, cut(LEFT, RESET)), (LEFT, unknown), (LEFT, fine)]), 2),
    (
        Row(
            "forgotten for good",
            [(0, cut(LEFT, RESET)), (LEFT, unknown), (LEFT, unknown), (LEFT, unknown), (LEFT, fine)],
            pulls=(Fails(AuthError, "401"), "resumed"),
        ),
        4,
    ),
]


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize(("row", "fetched"), TOKENS, ids=lambda value: getattr(value, "name", ""))
def test_a_token_is(
    row: Row, fetched: int, token_registry: DockerRegistry, tokens: TokenServer, layer: Layer, tmp_path: Path
) -> None:
    with spoiling(token_registry.host) as proxy:
        ocinb.settings.credentials[proxy.host] = logins.ADA
        guarded = replace(layer, reference=token_registry.reference(layer.reference))
        badlines.play(row, proxy, guarded, tmp_path / "pulled")
        badlines.judge(row, proxy, guarded, tmp_path / "pulled", origin=layer.reference)
    assert len(tokens.requests) == fetched


@pytest.mark.usefixtures("no_pauses")
def test_a_token_expires_between_two_ranges(
    token_registry: DockerRegistry, tokens: TokenServer, layer: Layer, tmp_path: Path
) -> None:
    tokens.life, tokens.said_life = 2 - REGISTRY_FORGIVES, 300
    with spoiling(token_registry.host) as proxy:
        ocinb.settings.credentials[proxy.host] = logins.ADA

        def expire(exchange: Exchange) -> None:
            tokens.life = 300  # of the next one
            time.sleep(3.1)  # the registry's clock cannot be set, and it counts whole seconds
            exchange.reset()

        proxy.follow(layer.digest, [cut(LEFT, expire)])
        name = proxy.name(token_registry.reference(layer.reference))
        assert set(badlines.pull(name, tmp_path / "pulled").values()) == {"downloaded"}
        assert set(proxy.firsts(layer.digest)) == {0, LEFT}
        assert proxy.sent[layer.digest] == layer.size
        assert badlines.is_well(tmp_path / "pulled", name, origin=layer.reference)
    # Who comes without a token, and who comes with an old one: the layer, or another blob just before it.
    assert token_registry.statuses.count(401) >= 2
    assert len(tokens.requests) == 2


@pytest.fixture
def elsewhere(docker_registry: DockerRegistry) -> Iterator[FaultProxy]:
    """Run the blob server of a registry that sends people there for its blobs."""
    with spoiling(docker_registry.host) as spoiler:
        yield spoiler


REDIRECTS = [
    Row("reset", [(0, cut(LEFT, RESET)), (LEFT, fine)]),
    Row("without ranges", [(0, cut(LEFT, HANG_UP)), (LEFT, whole)], again=LEFT),
    Row("not answering", [(0, no_answer(RESET)), (0, fine)]),
    Row("tired", [(0, cut(LEFT, RESET)), (LEFT, refused(503, retry_after="1")), (LEFT, fine)]),
    Row("wrong in one byte", [(0, bent(flipped(7))), (0, fine)], wholes=1),
    Row(
        "no longer open to who comes",
        [(0, cut(LEFT, RESET)), (LEFT, refused(403)), (LEFT, fine)],
        pulls=(Fails(TransportError, "where .* sent us"), "resumed"),
    ),
]


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("row", REDIRECTS, ids=lambda row: row.name)
def test_a_blob_server_is(row: Row, proxy: FaultProxy, elsewhere: FaultProxy, layer: Layer, tmp_path: Path) -> None:
    place = tmp_path / "pulled"
    elsewhere.follow(layer.digest, [fault for _, fault in row.steps])
    led = [(first, sent_to(elsewhere.host)) for first, _ in row.steps]
    badlines.play(replace(row, steps=led), proxy, layer, place)
    firsts = elsewhere.firsts(layer.digest)
    assert firsts == [first for first, _ in row.steps]
    assert set(proxy.firsts(layer.digest)) == set(firsts)
    assert elsewhere.sent[layer.digest] <= layer.size * (1 + row.wholes) + row.again
    assert badlines.is_well(place, proxy.name(layer.reference), origin=layer.reference)


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("retries", [1, 2])
def test_a_blob_server_that_is_not_there_is_named_or_another_one_is_taken(
    retries: int, proxy: FaultProxy, layer: Layer, tmp_path: Path
) -> None:
    nobody = free_host()
    steps = [(0, cut(LEFT, RESET)), (LEFT, sent_to(nobody)), (LEFT, fine)]
    named = Fails(TransportError, f"{nobody} cannot be reached: Connection refused")
    row = Row("led to nobody", steps, pulls=(named, "resumed") if retries == 1 else ("downloaded",), retries=retries)
    badlines.play(row, proxy, layer, tmp_path / "pulled")
    badlines.judge(row, proxy, layer, tmp_path / "pulled")


def random_fault(chance: random.Random) -> Fault:
    place = int(2 ** chance.uniform(0, 20.5))
    end = chance.choice([RESET, RESET, HANG_UP, HANG_UP, HANG_UP, SILENCE])
    return chance.choice(
        [
            *[cut(place, end)] * 6,
            no_answer(end),
            half_a_head(end),
            longer_by(chance.choice([-1, 1, 1000])),
            chunked(place, end=chance.choice([b"", b"0\r\n\r\n", b"many\r\n"])),
            without_length(place),
            bent(flipped(-1)),
            cut(place, end, change=flipped(0)),
            whole,
            multipart,
            part(chance.randrange(-1000, 1000), more=chance.randrange(-10, 10)),
            part(said=chance.choice([None, "", "bytes 0-0/*", "bytes {0}-{1}/*"])),
            refused(chance.choice([404, 401, 403, 416, 500, 502])),
            refused(chance.choice([429, 503]), retry_after="0"),
        ]
    )


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("seed", range(12))
def test_whatever_comes_a_pull_ends_well_in_the_end(seed: int, proxy: FaultProxy, layer: Layer, tmp_path: Path) -> None:
    chance, place, said = random.Random(seed), tmp_path / "pulled", list[str]()
    proxy.choose = lambda _: random_fault(chance) if chance.random() < BADNESS else fine
    ocinb.settings.timeout, ocinb.settings.retries = 0.2, seed % 4
    while True:
        try:
            badlines.pull(proxy.name(layer.reference), place)
            break
        except OcinbError as error:
            said.append(str(error))
            assert badlines.is_clean(place)
            assert len(said) < 100, said
    assert badlines.is_well(place, proxy.name(layer.reference), origin=layer.reference)
