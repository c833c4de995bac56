"""One session serves a process for as long as the settings name the same folders."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from ocinb._settings import settings
from ocinb.samples import SampleRegistry
from ocinb.sources.session import close_default_session, default_session, open_source
from ocinb.spec.reference import Reference
from ocinb.storage.layout import Layout
from tests.localfiles import tiny_image, write_layout
from tests.transferring import open_repository


def test_a_session_is_made_anew_when_the_folders_change(tmp_path: Path) -> None:
    first = default_session()
    assert default_session() is first
    settings.store_dir = tmp_path / "elsewhere"
    second = default_session()
    assert second is not first
    assert second.store.root == tmp_path / "elsewhere"


def test_a_name_of_a_file_opens_the_file(tmp_path: Path) -> None:
    image = tiny_image("one")
    write_layout(tmp_path / "layout", {"1.0": image.manifest})
    source = open_source(Reference(f"oci:{tmp_path}/layout"), session=default_session())
    assert source.tags() == ["1.0"]
    assert source.head("1.0") == image.manifest.digest


def test_a_registry_has_one_endpoint(registry: SampleRegistry) -> None:
    assert default_session().endpoint(registry.host) is default_session().endpoint(registry.host)


def test_another_store_is_looked_into_and_written_to(registry: SampleRegistry, tmp_path: Path) -> None:
    elsewhere = Layout(tmp_path / "elsewhere")
    digest = open_repository(registry, store=elsewhere).resolve("2.0").digest
    assert elsewhere.blobs.path(digest).exists()
    assert not default_session().store.blobs.path(digest).exists()
    assert open_repository(registry, store=elsewhere).resolve(digest).digest == digest
    assert len(registry.requests) == 1


def test_a_closed_session_is_followed_by_a_new_one(registry: SampleRegistry) -> None:
    open_repository(registry).tags()
    close_default_session()
    close_default_session()
    assert open_repository(registry).tags()


# In a process of its own: what this is about used to end the process.
SWAPPING = """
import sys, threading, time
import ocinb
from pathlib import Path

ocinb.settings.store_dir = Path(sys.argv[1]) / "store"
ocinb.settings.tag_ttl = ocinb.settings.retries = 0
over = time.monotonic() + 1


def ask():
    while time.monotonic() < over:
        try:
            ocinb.layers(names)
        except BaseException as error:
            print(repr(error))


with ocinb.samples.registry() as registry:
    names = [registry.reference(f"demo/shop:{tag}") for tag in ("1.0", "2.0")]
    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(25):
        ocinb.settings.concurrency = 3 + number % 4
        ocinb.settings.cache_dir = Path(sys.argv[1]) / f"cache{number % 3}"
        time.sleep(0.04)
    for thread in threads:
        thread.join()
"""


def test_settings_that_change_under_other_threads_disturb_none_of_them(tmp_path: Path) -> None:
    command = [sys.executable, "-X", "dev", "-c", SWAPPING, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
