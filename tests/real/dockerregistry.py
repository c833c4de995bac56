"""Debian's docker-registry on loopback, for as long as a test session lasts."""

import re
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from tests.real.tools import require, run

# The kernel chooses the port, so that no two sessions can ask for the same one.
_CONFIGURATION = """\
version: 0.1
log: {{level: info, formatter: text}}
storage:
  filesystem: {{rootdirectory: "{root}"}}
  delete: {{enabled: true}}
http: {{addr: "127.0.0.1:0"}}
compatibility: {{schema1: {{enabled: true}}}}
"""
_LISTENING = re.compile(r"listening on (127\.0\.0\.1:\d+)")
_START_SECONDS = 20


@dataclass(frozen=True)
class DockerRegistry:
    host: str

    def push(
        self,
        source: str,
        name: str,
        *,
        manifest_format: Literal["oci", "v2s2"] = "oci",
        compression: Literal["gzip", "zstd", "zstd:chunked"] = "gzip",
    ) -> str:
        """Copy `oci:dir:tag`, whose layers are gzip, to `name` (repository:tag) and return its reference."""
        reference = f"{self.host}/{name}"
        with tempfile.TemporaryDirectory() as scratch:
            converted = _converted(source, Path(scratch), manifest_format, compression)
            # skopeo remembers blobs of one content for the whole machine and would take the gzip one for the zstd
            # one that is asked for; it may not, as long as the digests have to stay. So convert first, then push.
            _copy(converted, f"docker://{reference}", "--preserve-digests", "--dest-tls-verify=false")
        return reference

    def put_manifest(self, name: str, media_type: str, document: bytes) -> str:
        repository, _, tag = name.rpartition(":")
        url = f"http://{self.host}/v2/{repository}/manifests/{tag}"
        request = urllib.request.Request(url, document, {"Content-Type": media_type}, method="PUT")
        with _opener().open(request, timeout=10):
            return f"{self.host}/{name}"


@contextmanager
def serve(directory: Path) -> Iterator[DockerRegistry]:
    settings, log = directory / "conf.yml", directory / "registry.log"
    settings.write_text(_CONFIGURATION.format(root=directory / "storage"), encoding="utf-8")
    command = [require("docker-registry"), "serve", str(settings)]
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT) as process:
        try:
            yield DockerRegistry(_wait_for_host(process, log))
        finally:
            _end(process)


def _wait_for_host(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        found = _LISTENING.search(log.read_text(encoding="utf-8"))
        if found:
            with _opener().open(f"http://{found[1]}/v2/", timeout=10):
                return found[1]
        time.sleep(0.02)
    pytest.fail(f"docker-registry does not listen: {log.read_text(encoding='utf-8')}", pytrace=False)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback is behind no proxy


def _converted(source: str, scratch: Path, manifest_format: str, compression: str) -> str:
    if manifest_format == "v2s2":
        assert compression == "gzip", "a Docker manifest knows no zstd"
        target = f"dir:{scratch}"
        _copy(source, target, "--format=v2s2")
    elif compression != "gzip":
        target = f"oci:{scratch}:converted"
        _copy(source, target, f"--dest-compress-format={compression}")
    else:
        target = source
    return target


def _copy(source: str, target: str, *flags: str) -> None:
    run("skopeo", "--insecure-policy", "copy", "--quiet", *flags, source, target)
