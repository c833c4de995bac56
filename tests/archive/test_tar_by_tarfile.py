"""What tarfile writes is read as tarfile reads it, and as it was meant."""

from __future__ import annotations

import hashlib
import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.archive.entries import text_of
from tests.archive.tars import KINDS, Member, content, members, scan, written

FORMS = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}


def steps(name: bytes) -> str:
    return text_of(b"/".join(step for step in name.split(b"/") if step not in {b"", b"."}))


def expected(member: Member, form: str) -> tuple[object, ...]:
    link = {b"1": steps, b"2": text_of}.get(member.kind, lambda _: None)(member.link)
    micro = member.micro if form == "pax" else member.micro // 10**6 * 10**6
    digest = hashlib.sha256(member.content).digest() if member.kind == b"0" else None
    owner = (member.uid, member.gid)
    return (steps(member.name), KINDS[member.kind], len(member.content), member.mode, *owner, micro, link, digest)


@pytest.mark.parametrize("form", FORMS)
@given(data=st.data())
def test_it_is_read_as_it_was_meant(form: str, data: st.DataObject) -> None:
    wanted = data.draw(st.lists(members(plain=form == "ustar"), max_size=5))
    raw = written(wanted, FORMS[form])
    found = scan(raw, data.draw(st.lists(st.integers(0, len(raw)), max_size=5)))
    kept = (found.path, found.type, found.size_bytes, found.mode, found.uid, found.gid)
    rows = list(zip(*kept, found.mtime, found.link_target, found.sha256, strict=True))
    assert rows == [expected(member, form) for member in wanted]
    assert found.position == list(range(len(wanted)))
    for place, member in enumerate(wanted):
        if member.kind == b"0":
            assert content(raw, place) == member.content
            at = found.offset[place]
            assert at is not None
            assert raw[at : at + len(member.content)] == member.content


@pytest.mark.parametrize("form", FORMS)
@given(data=st.data())
def test_tarfile_reads_the_same(form: str, data: st.DataObject) -> None:
    raw = written(data.draw(st.lists(members(plain=form == "ustar"), max_size=5)), FORMS[form])
    found = scan(raw)
    with tarfile.open(fileobj=io.BytesIO(raw), encoding="utf-8", errors="surrogateescape") as tar:
        infos = tar.getmembers()
    names = [info.name.encode("utf-8", "surrogateescape") for info in infos]
    assert found.path == [steps(name) for name in names]
    assert found.size_bytes == [info.size for info in infos]
    assert found.offset == [info.offset_data if info.isreg() else None for info in infos]
    assert list(zip(found.mode, found.uid, found.gid, strict=True)) == [(i.mode, i.uid, i.gid) for i in infos]
