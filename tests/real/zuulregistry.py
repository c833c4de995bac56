"""zuul-registry on loopback: another registry that this project did not write, with manners of its own.

It lists tags only to those who name no length, and challenges without a service and with a scope of its own invention;
its errors are web pages, and parts of blobs it does not know.
"""

import base64
import json
import os
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from tests.real import uploads
from tests.real.installations import installed
from tests.real.processes import free_host, running
from tests.real.tools import run

READER, WRITER = ("bert", "s3cret-of-bert"), ("ada", "s3cret-of-ada")


@dataclass(frozen=True)
class ZuulRegistry:
    host: str

    def push(self, source: str, name: str) -> str:
        """Copy `oci:dir:tag` as a Docker image: what has no mediaType of its own is read from here by tag alone."""
        flags = ("--quiet", "--format=v2s2", f"--dest-creds={':'.join(WRITER)}", "--dest-tls-verify=false")
        run("skopeo", "--insecure-policy", "copy", *flags, source, f"docker://{self.host}/{name}")
        return f"{self.host}/{name}"

    def put_manifest(self, name: str, media_type: str, document: bytes) -> None:
        scope = urlencode({"scope": f"repository:{name.rpartition(':')[0]}:push"})
        basic = base64.b64encode(":".join(WRITER).encode()).decode()
        request = urllib.request.Request(
            f"http://{self.host}/auth/token?{scope}", headers={"Authorization": f"Basic {basic}"}
        )
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=120) as answer:
            token = json.load(answer)["token"]
        uploads.put_manifest(f"http://{self.host}", name, media_type, document, authorization=f"Bearer {token}")


@contextmanager
def serve(directory: Path) -> Iterator[ZuulRegistry]:
    host = free_host()  # its challenges name its address, so it has to know it beforehand
    settings = directory / "conf.yml"
    settings.write_text(json.dumps({"registry": _configuration(directory, host)}), encoding="utf-8")
    command: list[str | Path] = [installed("zuul-registry==1.3.0") / "zuul-registry", "-c", settings, "-d", "serve"]
    environment = {**os.environ, "HOME": str(directory)}
    says = f"ENGINE Serving on http://({host})"
    with running(command, log=directory / "registry.log", says=says, environment=environment) as server:
        yield ZuulRegistry(server.host)


def _configuration(directory: Path, host: str) -> dict[str, object]:
    address, _, port = host.rpartition(":")
    return {
        "address": address,
        "port": int(port),
        "public-url": f"http://{host}",
        "secret": "a secret that it wants and does not use",
        "users": [
            {"name": WRITER[0], "pass": WRITER[1], "access": "write"},
            {"name": READER[0], "pass": READER[1], "access": "read"},
        ],
        "storage": {"driver": "filesystem", "root": str(directory / "storage")},
    }
