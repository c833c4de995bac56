"""A process that forks shares no connection, no answer and no lock with the one that it makes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

# In a process of its own: pytest has threads, and whoever forks a process with threads is warned.
FORKING = """
import os, sys, threading
import ocinb
from ocinb._pool import alone

ocinb.settings.store_dir, ocinb.settings.cache_dir = sys.argv[1] + "/store", sys.argv[1] + "/cache"
ocinb.settings.tag_ttl = 0


def ask(tag, times):
    found = {ocinb.document(f"{registry.reference('demo/shop')}:{tag}").digest for _ in range(times)}
    return found == {expected[tag]}


def work(tag):
    try:
        return "right" if ask(tag, 20) else "wrong"
    except ocinb.errors.OcinbError as error:
        return repr(error)


def forked(function):
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        os.write(writer, function().encode())
        os._exit(0)
    os.close(writer)
    return child, reader


def heard(child, reader):
    with open(reader) as said:
        answer = said.read()
    os.waitpid(child, 0)
    return answer


def held():
    with alone("a key"):
        return "free"


with ocinb.samples.registry() as registry:
    expected = {tag: ocinb.document(registry.reference(f"demo/shop:{tag}")).digest for tag in ("1.0", "2.0")}
    children = [forked(lambda: work("1.0")) for _ in range(3)]
    print(work("2.0"), *[heard(*child) for child in children])
    with ocinb.trace(fresh=True):
        ask("1.0", 1)
        child = forked(lambda: work("1.0"))
        print(work("2.0"), heard(*child))
    has, may_go = threading.Event(), threading.Event()

    def hold():
        with alone("a key"):
            has.set()
            may_go.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    has.wait(60)
    print(heard(*forked(held)))
    may_go.set()
    holder.join()
"""


def test_both_processes_are_answered_what_they_asked(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FORKING, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.splitlines() == ["right right right right", "right right", "free"], done.stderr
