from ocinb.notebook.plot.compression_figures import compression
from ocinb.notebook.plot.duplicate_figures import duplicates
from ocinb.notebook.plot.growth_figures import growth
from ocinb.notebook.plot.layer_figures import layers
from ocinb.notebook.plot.sharing_figures import shared
from ocinb.notebook.plot.treemap_figures import icicle, treemap
from ocinb.notebook.plot.waterfall_figure import waterfall

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
