from __future__ import annotations

from ocinb.notebook.plot.bars import Bar, gathered, largest


def _bars(*sizes: int) -> list[Bar]:
    return [Bar(str(size), "", size, size // 2, str(size)) for size in sizes]


def test_what_is_gathered_has_a_bar_as_long_as_the_others_can_be_seen_beside_it() -> None:
    *_, last = largest(_bars(3, 50, 4, 60), 2, "layers", is_sorted=False)
    assert (last.label, last.drawn, last.drawn_part, last.text("7 B")) == ("… 2 more", 7, 3, "7 B")


def test_else_it_has_words() -> None:
    *kept, last = largest(_bars(*range(1, 1000)), 2, "layers", is_sorted=True)
    assert [bar.drawn for bar in kept] == [999, 998]
    assert (last.label, last.drawn, last.drawn_part, last.text("x")) == ("… 997 more, 497.5 kB together", 0, 0, "")
    assert last.whole == sum(range(1, 998))


def test_what_hovers_says_what_was_gathered() -> None:
    assert gathered(_bars(5), "layers", beside=_bars(9)).hover == "<b>… 1 more layer</b><br>together: 5 B"
