from __future__ import annotations

from ocinb.notebook.plot.sharing_figures import Stack, matrix


def _stacks(count: int) -> list[Stack]:
    return [Stack(f"image {number}", f"i{number}", {"base": 5, str(number): 1000}) for number in range(count)]


def test_where_figures_are_small_a_scale_says_what_the_colours_mean() -> None:
    few, some, many = (matrix("", _stacks(count), "").data[0] for count in (6, 7, 13))
    assert [one.showscale for one in (few, some, many)] == [False, True, True]
    assert [one.text[0][1] for one in (few, some, many)] == ["5 B", "5 B", ""]
    assert list(many.colorbar.ticktext) == ["0", "2 B", "4 B"]
