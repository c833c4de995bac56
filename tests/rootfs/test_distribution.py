"""An os-release file says which distribution it is of, and whatever else it says does no harm."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.rootfs.os_release import MOST_BYTES, distribution_of

# In the forms that distributions write, with what matters here.
REAL = {
    "debian 12": 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\n'
    'VERSION="12 (bookworm)"\nVERSION_CODENAME=bookworm\nID=debian\nHOME_URL="https://www.debian.org/"\n',
    "debian trixie": 'PRETTY_NAME="Debian GNU/Linux trixie/sid"\nNAME="Debian GNU/Linux"\n'
    "VERSION_CODENAME=trixie\nID=debian\n",
    "ubuntu 24.04": 'NAME="Ubuntu"\nVERSION_ID="24.04"\nVERSION_CODENAME=noble\nID=ubuntu\nID_LIKE=debian\n',
    "alpine 3.20.3": 'NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.20.3\nPRETTY_NAME="Alpine Linux v3.20"\n',
    "fedora 41": 'NAME="Fedora Linux"\nVERSION="41 (Container Image)"\nID=fedora\nVERSION_ID=41\nVERSION_CODENAME=""\n',
    "rhel 9.4": 'NAME="Red Hat Enterprise Linux"\nID="rhel"\nID_LIKE="fedora"\nVERSION_ID="9.4"\n',
    "amzn 2023": 'NAME="Amazon Linux"\nVERSION="2023"\nID="amzn"\nID_LIKE="fedora"\nVERSION_ID="2023"\n',
    "opensuse-leap 15.6": 'NAME="openSUSE Leap"\nID="opensuse-leap"\nID_LIKE="suse opensuse"\nVERSION_ID="15.6"\n',
    "openEuler 22.03": 'NAME="openEuler"\nID="openEuler"\nVERSION_ID="22.03"\n',
    "arch": 'NAME="Arch Linux"\nID=arch\nBUILD_ID=rolling\n',
    "wolfi 20230201": 'ID=wolfi\nNAME="Wolfi"\nVERSION_ID="20230201"\n',
}


@pytest.mark.parametrize("expected", REAL)
def test_real_files(expected: str) -> None:
    assert distribution_of(REAL[expected].encode()) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ID='debian'\nVERSION_ID='12'", "debian 12"),
        ("ID=debian\r\nVERSION_ID=12\r\n", "debian 12"),
        ("\ufeffID=debian\nVERSION_ID=12", "debian 12"),
        ("  ID=debian\n\tVERSION_ID=12  \n", "debian 12"),
        ('ID="deb\\ian"', "debian"),
        ("ID=deb\\ian", "debian"),
        ("#ID=debian\nID=alpine", "alpine"),
        ("ID=debian\nID=alpine", "alpine"),
        ("ID=debian\nID=", None),
        ("ID=debian\nVERSION_ID=\nVERSION_CODENAME=sid", "debian sid"),
        ("ID=debian\nVERSION_ID=12\nVERSION_CODENAME=sid", "debian 12"),
        ("ID_LIKE=debian\nVERSION_ID=12", None),
        ("MY_ID=debian\nOS ID=debian", None),
        ("id=debian", None),
        ("ID = debian", None),
        ("ID= debian", None),
        ("VERSION_ID=12", None),
        ("", None),
    ],
)
def test_forms(text: str, expected: str | None) -> None:
    assert distribution_of(text.encode()) == expected


@pytest.mark.parametrize(
    "value",
    [
        "$(rm -rf /)",
        "`id`",
        "$HOME",
        "a;b",
        '"a" b',
        '"a',
        "'a",
        '"a\\"',
        "\\",
        '"<script>alert(1)</script>"',
        '"\'; DROP TABLE images; --"',
        '"a\x00b"',
        '"\x1b[31m"',
        '"\u202ea"',
        '"two words"',
        "x" * 65,
        '""',
        "''",
        "\udcff",
    ],
)
def test_what_is_no_plain_word_is_none(value: str) -> None:
    raw = value.encode("utf-8", "surrogateescape")
    assert distribution_of(b"ID=" + raw + b"\n") is None
    assert distribution_of(b"ID=debian\nVERSION_ID=" + raw + b"\n") == "debian"


def test_lines_end_where_a_shell_ends_them() -> None:
    for odd in ("\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\r"):
        assert distribution_of(f'NAME="x"{odd}ID=debian\n'.encode()) is None, repr(odd)


def test_the_rest_of_a_huge_file_is_not_looked_at() -> None:
    rest = b"#" * MOST_BYTES
    assert distribution_of(b"ID=debian\n" + rest + b"\nID=alpine\n") == "debian"
    assert distribution_of(rest + b"\nID=debian\n") is None


@pytest.mark.parametrize(
    "text", ['ID="' + "\\" * 65_000, "ID=" + "\\a" * 32_000 + "'", "ID= " + " " * 65_000 + "x", "ID=a;b\n" * 9_000]
)
def test_a_pattern_that_tries_everything_would_not_end(text: str) -> None:
    assert distribution_of(text.encode()) is None


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: f"ID={text}\nVERSION_ID={text}".encode()))
def test_the_result_is_always_short_and_plain(raw: bytes) -> None:
    result = distribution_of(raw)
    assert result is None or re.fullmatch(r"[A-Za-z0-9._+~-]{1,64}( [A-Za-z0-9._+~-]{1,64})?", result)
