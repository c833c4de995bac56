"""Debian's docker-registry on loopback, for as long as a test session lasts."""

import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tests.real import uploads
from tests.real.processes import Running, running
from tests.real.tools import require, run

Section = Mapping[str, Any]

_LISTENING = r"listening on ((?:127\.0\.0\.1|\[::1\]):\d+)"


@dataclass(frozen=True)
class DockerRegistry:
    host: str
    storage: Path
    log: Path
    server: Running

    def push(
        self,
        source: str,
        name: str,
        *,
        manifest_format: Literal["oci", "v2s2", "v2s1"] = "oci",
        compression: Literal["gzip", "zstd", "zstd:chunked"] = "gzip",
    ) -> str:
        """Copy `oci:dir:tag`, whose layers are gzip, to `name` (repository:tag) and return its reference."""
        reference = self.reference(name)
        if manifest_format == "v2s1":  # it holds the name it was pushed to, so it cannot be made beforehand
            _copy(source, f"docker://{reference}", "--format=v2s1", "--dest-tls-verify=false")
            return reference
        with tempfile.TemporaryDirectory() as scratch:
            converted = _converted(source, Path(scratch), manifest_format, compression)
            # skopeo remembers blobs of one content for the whole machine and would take the gzip one for the zstd
            # one that is asked for; it may not, as long as the digests have to stay. So convert first, then push.
            _copy(converted, f"docker://{reference}", "--preserve-digests", "--dest-tls-verify=false")
        return reference

    def put_manifest(self, name: str, media_type: str, document: bytes) -> str:
        uploads.put_manifest(f"http://{self.host}", name, media_type, document)
        return self.reference(name)

    def reference(self, name: str) -> str:
        """Give what has a name (repository:tag) here, or what another registry with the same storage calls so."""
        return f"{self.host}/{re.sub(r'^127[.]0[.]0[.]1:[0-9]+/', '', name)}"

    @property
    def requests(self) -> list[str]:
        """What it was asked so far, as it noted itself: `GET /v2/…`, in the order of its answers."""
        return re.findall(r'"((?:GET|HEAD|POST|PUT|PATCH|DELETE) \S+) HTTP/1', self.log.read_text(encoding="utf-8"))

    @property
    def statuses(self) -> list[int]:
        """What it answered, in the same order."""
        return [int(status) for status in re.findall(r'HTTP/1\.[01]" (\d{3}) ', self.log.read_text(encoding="utf-8"))]


# Debian's package and the project's own example have this in their configuration.
AS_PACKAGED: Section = {"storage": {"cache": {"blobdescriptor": "inmemory"}}}


@contextmanager
def serve(
    directory: Path, sections: Section | None = None, *, storage: Path | None = None, host: str = "127.0.0.1:0"
) -> Iterator[DockerRegistry]:
    """Run a registry.

    `sections` are laid over its configuration. With the storage of another registry it has what that one has, so that
    nothing is pushed twice. Left alone, the kernel chooses the port, so that no two sessions can ask for the same one.
    """
    storage = storage or directory / "storage"
    settings, log = directory / "conf.yml", directory / "registry.log"
    settings.write_text(json.dumps(_laid_over(_configuration(storage, host), sections or {})), encoding="utf-8")
    with running([require("docker-registry"), "serve", settings], log=log, says=_LISTENING) as server:
        yield DockerRegistry(server.host, storage, log, server)


def _configuration(storage: Path, host: str) -> Section:
    # The file is YAML, and JSON is YAML.
    return {
        "version": "0.1",
        "log": {"level": "info", "formatter": "text"},
        "storage": {"filesystem": {"rootdirectory": str(storage)}, "delete": {"enabled": True}},
        "http": {"addr": host},
        "compatibility": {"schema1": {"enabled": True}},
    }


def _laid_over(below: Section, above: Section) -> dict[str, Any]:
    both = {key: _laid_over(below[key], value) for key, value in above.items() if isinstance(below.get(key), Mapping)}
    return {**below, **above, **both}


def _converted(source: str, scratch: Path, manifest_format: str, compression: str) -> str:
    if manifest_format == "v2s2":
        assert compression == "gzip", "a Docker manifest knows no zstd"
        target = f"dir:{scratch}"
        _copy(source, target, "--format=v2s2")
    elif compression != "gzip":
        target = f"oci:{scratch}:converted"
        # The lowest level will do: with its own, skopeo takes ten times as long for a zstd:chunked.
        _copy(source, target, f"--dest-compress-format={compression}", "--dest-compress-level=1")
    else:
        target = source
    return target


def _copy(source: str, target: str, *flags: str) -> None:
    run("skopeo", "--insecure-policy", "copy", "--quiet", *flags, source, target)
