"""What a registry says with an error is quoted if it is in the form of the specification, and cut short."""

from __future__ import annotations

import pytest

from ocinb.errors import AuthError, NotFoundError, RateLimitError, TransportError
from ocinb.network.connections import Answer
from ocinb.network.status_errors import RangeError, refusal

URL = "https://ada:pw@registry.example/v2/a/manifests/1?sig=hidden"


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, AuthError), (403, AuthError), (404, NotFoundError), (416, RangeError), (429, RateLimitError)]
    + [(status, TransportError) for status in (204, 304, 400, 405, 500, 502, 599)],
)
def test_a_status_has_its_error(status: int, error: type[Exception]) -> None:
    told = refusal("registry.example", Answer(status, {}, b"", URL))
    assert type(told) is error
    assert "registry.example" in str(told)
    assert told.url == "https://registry.example/v2/a/manifests/1?sig=***"


@pytest.mark.parametrize("status", [401, 403])
def test_a_server_that_one_was_sent_to_knows_no_credentials(status: int) -> None:
    url = "https://blobs.example/x?X-Amz-Signature=hidden"
    told = refusal("registry.example", Answer(status, {}, b"", url), is_its_own=False)
    assert type(told) is TransportError
    assert told.status == status
    assert "blobs.example refused access" in str(told)
    assert "registry.example sent us" in str(told)
    assert "credentials" not in str(told)
    assert "hidden" not in str(told)
