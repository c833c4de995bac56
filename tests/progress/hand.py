"""A pulse that a test beats itself."""

from collections.abc import Callable

from ocinb.progress.renderer import DrawnProgress, Pulse


class Hand(Pulse):
    """Beats when the test does, in its own thread."""

    def __init__(self, beat: Callable[[], object]) -> None:
        super().__init__(beat)
        self.beat = beat

    def start(self) -> None:
        """Need no thread."""

    def stop(self, last: Callable[[], object]) -> None:
        last()


def beat(progress: DrawnProgress, times: int = 1) -> None:
    assert isinstance(progress._pulse, Hand)
    for _ in range(times):
        progress._pulse.beat()
    assert not progress._is_broken
