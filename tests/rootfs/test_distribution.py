"""An os-release file says which distribution it is of, and whatever else it says does no harm."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.rootfs.os_release import distribution_of

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
    "text", ['ID="' + "\\" * 65_000, "ID=" + "\\a" * 32_000 + "'", "ID= " + " " * 65_000 + "x", "ID=a;b\n" * 9_000]
)
def test_a_pattern_that_tries_everything_would_not_end(text: str) -> None:
    assert distribution_of(text.encode()) is None


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: f"ID={text}\nVERSION_ID={text}".encode()))
def test_the_result_is_always_short_and_plain(raw: bytes) -> None:
    result = distribution_of(raw)
    assert result is None or re.fullmatch(r"[A-Za-z0-9._+~-]{1,64}( [A-Za-z0-9._+~-]{1,64})?", result)
