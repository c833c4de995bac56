from ocinb.notebook.plot.copies import duplicates as duplicates
from ocinb.notebook.plot.ratios import compression as compression
from ocinb.notebook.plot.releases import growth as growth
from ocinb.notebook.plot.sharing import shared as shared
from ocinb.notebook.plot.stacks import layers as layers
from ocinb.notebook.plot.steps import waterfall as waterfall
from ocinb.notebook.plot.trees import icicle as icicle
from ocinb.notebook.plot.trees import treemap as treemap

__all__ = [
    "compression",
    "duplicates",
    "growth",
    "icicle",
    "layers",
    "shared",
    "treemap",
    "waterfall",
]
