"""What compresses, what is compressed, and how it is read in tests."""

from __future__ import annotations

import bz2
import gzip
import lzma
import sys
from collections.abc import Callable
from functools import partial

from hypothesis import HealthCheck, settings

from ocinb._settings import Settings
from ocinb.archive.compression import Limits, decompressed
from ocinb.samples.tars import noise

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CHECKED: dict[int, int] = {zstd.CompressionParameter.checksum_flag: 1}
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": partial(gzip.compress, mtime=0),
    "zstd": partial(zstd.compress, options=CHECKED),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}
MAGIC = {"gzip": 2, "zstd": 4, "bzip2": 8, "xz": 6}  # how many bytes it takes to know it
LIMITS = Limits.of(Settings())
PLAIN = noise("a layer", 300) + b"again and " * 40

# The fixtures are the same for all examples, which leave nothing behind.
examples = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def unpack(*chunks: bytes, limits: Limits = LIMITS, size: int | None = None) -> bytes:
    return b"".join(decompressed(iter(chunks), limits, "layer 3", size=size))


def pieces(raw: bytes, size: int) -> list[bytes]:
    return [raw[start : start + size] for start in range(0, len(raw), size)]
