"""An image that buildah builds of a Containerfile, in a chroot and without a network, with sizes that are known."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from tests.real.realimages import Layout
from tests.real.tools import require, run

# What each step stores beside the program, in bytes: the figures of the tests are worked out of these.
PRICES: Final = 40
SECRET: Final = 5000
CACHED: Final = 300
CONTAINERFILE: Final = f"""\
FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
RUN mkdir -p /srv/shop/cache && head -c {SECRET} /dev/zero > /srv/shop/secret && echo 1 > /etc/motd
RUN head -c {CACHED} /dev/zero > /srv/shop/cache/one && touch /srv/shop/cache/empty
COPY --chown=1000:50 prices /srv/shop/prices
RUN rm /srv/shop/secret && echo two > /etc/motd && cp /srv/shop/prices /srv/shop/copy && chmod 4755 /srv/shop/copy
RUN rm -r /srv/shop/cache && mkfifo /srv/shop/cache && ln -s shop/prices /srv/today
USER 1000
"""


def make_built(directory: Path) -> Layout:
    """Build it, with the time of the layers set, so that it is the same each time."""
    context = directory / "context"
    context.mkdir()
    program = context / "busybox"
    shutil.copyfile(require("busybox"), program)
    program.chmod(0o755)
    (context / "prices").write_bytes(b"tea,2\n".ljust(PRICES, b"\n"))
    (context / "Containerfile").write_text(CONTAINERFILE, encoding="utf-8")
    nobody = directory / "nobody.json"
    nobody.write_text("{}")
    storage = [f"--root={directory / 'root'}", f"--runroot={directory / 'run'}", "--storage-driver=vfs"]
    flags = ["--layers", "--quiet", "--isolation=chroot", "--network=host", "--timestamp=1700000000"]
    run("buildah", *storage, "build", *flags, f"--authfile={nobody}", "--tag=built:1.0", context)
    layout = Layout(directory / "built", "1.0", layers=7)
    run("buildah", *storage, "push", "--quiet", f"--authfile={nobody}", "built:1.0", layout.reference)
    return layout
