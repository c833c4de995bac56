"""Images that umoci makes of this machine's own Debian files, without a network."""

import hashlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.real import dpkgfiles
from tests.real.dockerregistry import DockerRegistry
from tests.real.tools import require, run, skopeo_raw

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"

_CREATED = "2024-05-06T07:08:09Z"
# There wherever .ci/run has been: thousands of small files, and among the certificates a name that is no ASCII.
_INSTALLED = ("ca-certificates", "libpython3.*-minimal", "libpython3.*-stdlib", "python3.*-minimal")
# Longer files are half of all bytes, and one of them is as good as all: the one that a layer removes.
_LONGEST, _LONG = 200_000, "usr/bin/perl"
_HARD_LINKS = ("cat", "ls", "sh", "tar", "wget")


@dataclass(frozen=True)
class Layout:
    """One image in an OCI layout that umoci made."""

    path: Path
    tag: str
    layers: int

    @property
    def image(self) -> str:
        return f"{self.path}:{self.tag}"

    @property
    def reference(self) -> str:
        return f"oci:{self.image}"


@dataclass(frozen=True)
class RealImages:
    """What stands in the registry, as references without a transport."""

    busybox_oci: str
    busybox_docker: str
    busybox_zstd: str
    debian_oci: str
    index: str
    index_children: dict[str, str]


def push_images(registry: DockerRegistry, busybox: Layout, debian: Layout) -> RealImages:
    children = _push_children(registry, busybox)
    return RealImages(
        busybox_oci=registry.push(busybox.reference, "real/busybox:oci"),
        busybox_docker=registry.push(busybox.reference, "real/busybox:docker", manifest_format="v2s2"),
        busybox_zstd=registry.push(busybox.reference, "real/busybox:zstd", compression="zstd"),
        debian_oci=registry.push(debian.reference, "real/debian:12"),
        index=registry.put_manifest("real/multi:1.0", OCI_INDEX, _index(children)),
        index_children=children,
    )


def make_busybox(directory: Path) -> Layout:
    """Three layers with deleted and overwritten files, history entries without a layer, and a twin for arm64."""
    layout = _new(Layout(directory / "busybox", "1.0", layers=3))
    _layer(layout, "/bin/sh -c #(nop) ADD file:busybox in / ", _install_busybox)
    _config(layout, "/bin/sh -c #(nop)  ENV SHOP=open", "--config.env=PATH=/bin", "--config.env=SHOP=open")
    _layer(layout, "COPY shop /srv/shop # buildkit", _add_shop)
    _layer(layout, "RUN /bin/sh -c rm /srv/shop/secret /bin/wget && echo 2 > /etc/motd # buildkit", _clean_shop)
    _config(
        layout, "LABEL org.example.tier=one", "--config.label=org.example.tier=one", "--config.label=maintainer=shop"
    )
    _config(layout, "USER 1000", "--config.user=1000", "--config.workingdir=/srv/shop", "--config.exposedports=80/tcp")
    _config(layout, 'ENTRYPOINT ["/bin/busybox"]', "--config.entrypoint=/bin/busybox", "--config.cmd=sh")
    _finish(layout, "--architecture=amd64")
    run("umoci", "config", "--no-history", "--image", layout.image, "--tag", "arm64", "--architecture=arm64")
    return layout


def make_debian(directory: Path) -> Layout:
    """Five layers: a base in GNU's tar format, an installation in pax, and three ways to remove what lies below."""
    layout = _new(Layout(directory / "debian", "12", layers=5))
    base = dpkgfiles.with_dependencies(dpkgfiles.required())
    more = dpkgfiles.with_dependencies(dpkgfiles.matching(_INSTALLED)) - base
    _package_layer(layout, "/bin/sh -c #(nop) ADD file:debian in / ", base, "gnu", below=set())
    _package_layer(layout, "RUN /bin/sh -c apt-get install -y python3 # buildkit", more, "posix", below=base)
    _insert(layout, "RUN /bin/sh -c rm -r /usr/share/doc # buildkit", "--whiteout", "usr/share/doc")
    _insert(layout, "RUN /bin/sh -c rm /usr/bin/perl # buildkit", "--whiteout", "usr/bin/perl")
    _replace_terminfo(layout)
    _config(layout, 'CMD ["bash"]', "--config.cmd=bash")
    _finish(layout)
    return layout


def make_unpadded(directory: Path) -> Layout:
    """One layer whose tar ends with its last file's last byte: no padding and no end marker, as umoci 0.4 leaves it."""
    layout = _new(Layout(directory / "unpadded", "1.0", layers=1))
    note = directory / "note"
    note.write_bytes(b"n" * 100)
    _insert(layout, "COPY note /note # buildkit", str(note), "note")
    _finish(layout)
    return layout


def _push_children(registry: DockerRegistry, busybox: Layout) -> dict[str, str]:
    sources = {"amd64": busybox.reference, "arm64": f"oci:{busybox.path}:arm64"}
    return {name: registry.push(source, f"real/multi:{name}") for name, source in sources.items()}


def _index(children: dict[str, str]) -> bytes:
    manifests = []
    for architecture, reference in children.items():
        raw = skopeo_raw(reference)
        digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
        platform = {"architecture": architecture, "os": "linux"}
        manifests.append({"mediaType": OCI_MANIFEST, "digest": digest, "size": len(raw), "platform": platform})
    return json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}).encode()


def _new(layout: Layout) -> Layout:
    run("umoci", "init", "--layout", layout.path)
    run("umoci", "new", "--image", layout.image)
    return layout


def _finish(layout: Layout, *flags: str) -> None:
    run("umoci", "config", "--image", layout.image, "--no-history", f"--created={_CREATED}", "--author=ocinb", *flags)
    run("umoci", "gc", "--layout", layout.path)


def _history(created_by: str) -> tuple[str, str]:
    return f"--history.created={_CREATED}", f"--history.created_by={created_by}"


def _config(layout: Layout, created_by: str, *flags: str) -> None:
    run("umoci", "config", "--image", layout.image, *_history(created_by), *flags)


def _layer(layout: Layout, created_by: str, change: Callable[[Path], None]) -> None:
    """Let umoci find out what `change` did to the file system, as a builder does after a RUN."""
    rootless = ["--rootless"] if os.geteuid() else []
    with tempfile.TemporaryDirectory() as scratch:
        bundle = Path(scratch, "bundle")
        run("umoci", "unpack", *rootless, "--image", layout.image, bundle)
        change(bundle / "rootfs")
        run("umoci", "repack", "--image", layout.image, *_history(created_by), bundle)


def _insert(layout: Layout, created_by: str, *arguments: str) -> None:
    run("umoci", "insert", "--image", layout.image, *_history(created_by), *arguments)


def _install_busybox(root: Path) -> None:
    """Link the applets as Docker's image does (hard) and Alpine's (symbolic); umoci hashes every hard link anew."""
    (root / "bin").mkdir()
    (root / "etc").mkdir()
    program = root / "bin/busybox"
    program.write_bytes(Path(require("busybox")).read_bytes())
    program.chmod(0o4755)
    for applet in run("busybox", "--list").decode().split():
        if applet in _HARD_LINKS:
            (root / "bin" / applet).hardlink_to(program)
        elif applet != "busybox":
            (root / "bin" / applet).symlink_to("busybox")
    (root / "etc/motd").write_text("1\n", encoding="utf-8")


def _add_shop(root: Path) -> None:
    shop = root / "srv/shop"
    shop.mkdir(parents=True)
    (shop / "secret").write_bytes(b"s" * 5000)
    (shop / "prices.csv").write_text("tea,2\n", encoding="utf-8")
    (shop / "today.csv").symlink_to("prices.csv")


def _clean_shop(root: Path) -> None:
    (root / "srv/shop/secret").unlink()
    (root / "bin/wget").unlink()
    (root / "etc/motd").write_text("2\n", encoding="utf-8")


def _package_layer(
    layout: Layout,
    created_by: str,
    names: set[str],
    tar_format: Literal["gnu", "posix"],
    *more_options: str,
    below: set[str],
) -> None:
    """Add what the packages own, and dpkg's status file as it reads with those below, as apt-get would leave it."""
    with tempfile.TemporaryDirectory() as scratch:
        status = Path(scratch, "var/lib/dpkg/status")
        status.parent.mkdir(parents=True)
        status.write_bytes(dpkgfiles.status(below | names))
        listed = Path(scratch, "listed")
        listed.write_bytes(b"\0".join(map(os.fsencode, filter(_is_packed, dpkgfiles.owned_paths(names)))))
        sources = ("--directory=/", "--null", "--files-from", listed, "--directory", scratch, "var/lib/dpkg/status")
        # Who is not root goes without the few directories that only root may read.
        options = (f"--format={tar_format}", "--no-recursion", "--ignore-failed-read", *more_options)
        _tar_layer(layout, created_by, *options, *sources)


def _is_packed(path: str) -> bool:
    found = Path("/", path).lstat()
    return not stat.S_ISREG(found.st_mode) or found.st_size <= _LONGEST or path == _LONG


def _replace_terminfo(layout: Layout, *options: str) -> None:
    """Hide a directory of the base behind an opaque one, and put one file of it there again."""
    with tempfile.TemporaryDirectory() as scratch:
        terminals = Path(scratch, "usr/lib/terminfo")
        terminals.mkdir(parents=True)
        (terminals / ".wh..wh..opq").touch()
        shutil.copy2("/usr/lib/terminfo/l/linux", terminals)
        _tar_layer(
            layout, "COPY terminfo /usr/lib/terminfo # buildkit", *options, "--sort=name", "--directory", scratch, "usr"
        )


def _tar_layer(layout: Layout, created_by: str, *sources: str | Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        archive = Path(scratch, "layer.tar")
        run("tar", "--create", "--file", archive, "--numeric-owner", *sources)
        run("umoci", "raw", "add-layer", "--image", layout.image, *_history(created_by), archive)
