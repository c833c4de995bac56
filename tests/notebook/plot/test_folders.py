from __future__ import annotations

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from ocinb.notebook.plot.folder_tree import Leaf, Path, Sums, tree

PATHS = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=5).map(tuple)
FILES = st.lists(st.tuples(PATHS, st.integers(0, 100), st.booleans()), min_size=1, max_size=30)


def _leaves(files: list[tuple[Path, int, bool]]) -> tuple[dict[Path, Sums], list[Leaf]]:
    direct: dict[Path, Sums] = defaultdict(Sums)
    leaves = []
    for row, (path, size, is_hidden) in enumerate(files):
        sums = Sums(size, size if is_hidden else 0, 1)
        direct[path[:-1]].add(sums)
        leaves.append(Leaf(path, sums, row))
    return dict(direct), leaves


@given(FILES, st.integers(1, 20))
def test_what_lies_in_a_folder_adds_up_to_it_whatever_is_kept(files: list[tuple[Path, int, bool]], top: int) -> None:
    direct, leaves = _leaves(files)
    nodes = tree(direct, leaves, top)
    assert nodes[0].sums == Sums(sum(f[1] for f in files), sum(f[1] for f in files if f[2]), len(files))
    assert len([node for node in nodes if node.kind in ("folder", "file")]) <= top
    for node in nodes:
        assert node.parent is None or node.parent < node.number
        inside = [other.sums for other in nodes if other.parent == node.number]
        if inside:
            assert sum(sums.whole for sums in inside) == node.sums.whole
            assert sum(sums.hidden for sums in inside) == node.sums.hidden
