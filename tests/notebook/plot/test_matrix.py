from __future__ import annotations

from ocinb.notebook.plot.palette import TEXT
from ocinb.notebook.plot.sharing_figures import Stack, matrix


def _stacks(count: int) -> list[Stack]:
    return [Stack(f"image {number}", f"i{number}", {"base": 5, str(number): 1000}) for number in range(count)]


def test_an_image_itself_has_its_size_and_no_colour_of_the_scale() -> None:
    pairs, own = matrix("Pairs", _stacks(3), "").data
    assert [list(row) for row in pairs.z] == [[None, 5, 5], [5, None, 5], [5, 5, None]]
    assert [list(row) for row in own.z] == [[1005, None, None], [None, 1005, None], [None, None, 1005]]
    assert pairs.zmax == 5, "the colours are those of pairs"
    assert len({color for _, color in own.colorscale}) == 1
    assert own.textfont.color == TEXT
    assert list(own.text[1]) == ["", "1.0 kB", ""]
    assert own.hovertext[2][2].startswith("<b>image 2</b><br>stored: 1.0 kB")
    assert "with: image 2" in pairs.hovertext[0][2]


def test_where_figures_are_small_a_scale_says_what_the_colours_mean() -> None:
    few, some, many = (matrix("", _stacks(count), "").data[0] for count in (6, 7, 13))
    assert [one.showscale for one in (few, some, many)] == [False, True, True]
    assert [one.text[0][1] for one in (few, some, many)] == ["5 B", "5 B", ""]
    assert list(many.colorbar.ticktext) == ["0", "2 B", "4 B"]


def test_one_image_and_images_with_nothing_in_common_are_drawn() -> None:
    assert matrix("", _stacks(1), "").data[1].z[0][0] == 1005
    apart = [Stack("a", "a", {"x": 1}), Stack("b", "b", {"y": 2})]
    assert [list(row) for row in matrix("", apart, "").data[0].z] == [[None, 0], [0, None]]
