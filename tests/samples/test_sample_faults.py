"""The embedded registry goes wrong when it is told to, as it is told to, and so often as it is told to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ocinb.errors import InvalidError
from ocinb.samples import SampleRegistry, registry
from tests.samples.asking import TEN, bearer, get, put_ten


@pytest.fixture
def local() -> Iterator[SampleRegistry]:
    with registry() as running:
        yield running


@pytest.fixture
def guarded() -> Iterator[SampleRegistry]:
    with registry(token=True) as running:
        yield running


def test_a_fault_strikes_so_often_and_no_more(local: SampleRegistry) -> None:
    fault = local.fault("/v2/demo/*/tags/list", status=503, times=2)
    answers = [get(local, "/v2/demo/shop/tags/list?n=1").status_code for _ in range(3)]
    assert (answers, fault.hits) == ([503, 503, 200], 2)
    assert [request.status for request in local.requests] == [503, 503, 200]


def test_a_fault_is_for_a_method_and_a_path(local: SampleRegistry) -> None:
    local.fault("*/manifests/*", method="HEAD", status=500, times=None)
    local.fault("*/tags/list?n=7", status=502)
    local.fault("/v2/", method="*", status=418, times=2)
    assert get(local, "/v2/demo/shop/manifests/2.0").status_code == 200
    assert get(local, "/v2/demo/shop/manifests/2.0", method="HEAD").status_code == 500
    assert get(local, "/v2/demo/shop/tags/list").status_code == 200
    assert get(local, "/v2/demo/shop/tags/list?n=7").status_code == 502
    assert [get(local, "/v2/", method=method).status_code for method in ("GET", "POST")] == [418, 418]


def test_a_redirect_has_no_body(local: SampleRegistry) -> None:
    path = put_ten(local)
    local.fault(path, status=307, headers={"Location": f"{path}?signed=1"})
    answer = get(local, path)
    assert (answer.content, [step.status_code for step in answer.history]) == (TEN, [307])


def test_a_fault_of_the_body_waits_behind_the_challenge(guarded: SampleRegistry) -> None:
    path = put_ten(guarded)
    faults = [guarded.fault(path, corrupt=0), guarded.fault(path, cut=5), guarded.fault(path, headers={"X": "1"})]
    assert get(guarded, path).status_code == 401
    assert [fault.hits for fault in faults] == [0, 0, 0]
    assert get(guarded, path, **bearer(guarded, "repository:demo/shop:pull")).content[1:] == TEN[1:]
    assert [fault.hits for fault in faults] == [1, 0, 0]


@pytest.mark.parametrize(
    ("effect", "message"),
    [
        ({}, "does nothing"),
        ({"times": 3}, "does nothing"),
        ({"status": 99}, "between 200 and 599"),
        ({"status": 600}, "between 200 and 599"),
        ({"status": 500, "method": "get"}, "method is one of"),
        ({"status": 500, "times": 0}, "times cannot be 0"),
        ({"cut": -1}, "cut cannot be -1"),
        ({"corrupt": -1}, "corrupt cannot be -1"),
        ({"delay": -0.1}, "delay cannot be -0.1"),
        ({"ignore_range": True, "wrong_range": True}, "cannot both"),
    ],
)
def test_senseless_faults_are_refused(local: SampleRegistry, effect: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidError, match=message):
        local.fault("*", **effect)
