"""How the documentation is built: with no network, and with warnings as errors."""

from __future__ import annotations

import logging

import ocinb

logging.getLogger("traitlets").setLevel(logging.WARNING)  # which says of every notebook that it is run

project = "ocinb"
author = "the authors of ocinb"
release = version = ocinb.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
nb_ipywidgets_js: dict[str, str] = {}  # no page asks other hosts for their scripts
# Of a plot the HTML is shown, which this draws; docs/build.py takes it out of plotly.
html_js_files = ["plotly.min.js"]
html_theme = "furo"
html_title = "ocinb"

# The notebooks are shown as they run here and now, against the embedded registry.
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
myst_enable_extensions = ["colon_fence"]
# A cell that begins with %%ocisql is no Python, and of what a plot offers the HTML is shown.
suppress_warnings = ["misc.highlighting_failure", "mystnb.unknown_mime_type"]
myst_heading_anchors = 3  # a link may lead to a question

default_role = "py:obj"  # `layers` in a docstring leads to that function
autodoc_typehints = "none"
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_rtype = False
html_static_path = ["frames.css", "plotly.min.js"]
html_css_files = ["frames.css"]
html_show_copyright = False
