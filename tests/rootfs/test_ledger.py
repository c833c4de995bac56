from __future__ import annotations

from ocinb.rootfs.overlay_state import OVERWRITTEN, REMOVED, Ledger

FILE, LINK, OTHER = range(3)


def _shown() -> Ledger:
    ledger = Ledger(3)
    ledger.show(FILE)
    ledger.show_link(LINK, FILE)
    ledger.layer = 1
    return ledger


def test_a_content_is_hidden_with_its_last_name() -> None:
    ledger = _shown()
    ledger.hide(FILE, OVERWRITTEN)
    assert (ledger.visible[FILE], ledger.hidden_in[FILE]) == (0, None)
    ledger.layer = 2
    ledger.hide(LINK, REMOVED)
    assert ledger.hidden_in == [2, 2, None]
    assert list(ledger.reason) == [REMOVED, REMOVED, 0]


def test_a_name_that_goes_alone_says_so_itself() -> None:
    ledger = _shown()
    ledger.hide(LINK, REMOVED)
    assert ledger.hidden_in == [None, 1, None]
    ledger.hide(FILE, OVERWRITTEN)
    assert list(ledger.reason) == [OVERWRITTEN, REMOVED, 0]


def test_a_new_name_brings_a_content_back() -> None:
    ledger = _shown()
    ledger.hide(FILE, REMOVED)
    ledger.hide(LINK, REMOVED)
    ledger.show_link(OTHER, FILE)
    assert (ledger.hidden_in[FILE], ledger.reason[FILE]) == (None, 0)
    assert (ledger.hidden_in[LINK], ledger.names[FILE]) == (1, 1)
