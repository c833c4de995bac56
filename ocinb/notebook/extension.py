"""The extension: what `%load_ext ocinb` puts into a notebook, and `%unload_ext ocinb` takes out again."""

from __future__ import annotations

from IPython.core import completer
from IPython.core.interactiveshell import InteractiveShell

from ocinb.notebook.asking.ocisql import NAME, OciSql
from ocinb.notebook.showing.formatting import show_as_before, show_ours


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Put `%%ocisql` into a shell, and show our frames by `ocinb.show`; once, however often it is called."""
    unload_ipython_extension(shell)
    magic = OciSql(shell)
    shell.magics_manager.register_function(magic.ocisql, "line_cell", NAME)
    show_ours(shell)
    if hasattr(completer, "context_matcher"):  # since IPython 8.6; Colab has an older one, and completes no names
        from ocinb.notebook.asking.matching import Matcher

        shell.Completer.custom_matchers.append(Matcher(shell, magic).match)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Take it out again."""
    for known in shell.magics_manager.magics.values():
        known.pop(NAME, None)
    show_as_before(shell)
    matchers = shell.Completer.custom_matchers
    matchers[:] = [one for one in matchers if not _is_ours(one)]


def _is_ours(matcher: object) -> bool:
    return type(getattr(matcher, "__self__", None)).__module__ == "ocinb.notebook.asking.matching"
