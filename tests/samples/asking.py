"""How the tests of the embedded registry ask it."""

from __future__ import annotations

import requests

from ocinb.samples import SampleRegistry
from tests.patience import SECONDS

TEN = b"0123456789"
UNKNOWN = f"sha256:{'0' * 64}"


def get(running: SampleRegistry, path: str, *, method: str = "GET", **headers: str) -> requests.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.request(method, f"http://{running.host}{path}", headers=named, timeout=SECONDS)


def error_code(answer: requests.Response) -> str:
    assert answer.headers["Content-Type"] == "application/json"
    code: str = answer.json()["errors"][0]["code"]
    return code


def index_digest(running: SampleRegistry, tag: str = "2.0") -> str:
    return get(running, f"/v2/demo/shop/manifests/{tag}", method="HEAD").headers["Docker-Content-Digest"]


def put_ten(running: SampleRegistry) -> str:
    return f"/v2/demo/shop/blobs/{running.put_blob(TEN)}"


def token(running: SampleRegistry, *scopes: str, **headers: str) -> str:
    query = "&".join(f"scope={scope}" for scope in scopes)
    answer = get(running, f"/token?service=registry.sample&{query}", **headers)
    text: str = answer.json()["token"]
    return text


def bearer(running: SampleRegistry, *scopes: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(running, *scopes)}"}
