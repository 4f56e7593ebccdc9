"""How the site is built: `make docs`. Nothing is fetched, neither now nor by a reader's browser."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # extension.py lies beside this file

from fairhire import __version__

project = "fairhire"
author = "the fairhire authors"
release = version = __version__
language = "en"

extensions = ["myst_parser", "sphinx.ext.autodoc", "extension"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
root_doc = "index"
nitpicky = True
nitpick_ignore_regex = [  # what other libraries document
    (
        r"py:.*",
        r"(np|numpy|pd|pandas|torch|nn|NDArray|ArrayLike|Tensor|Module|DataFrame|Path|pathlib|datetime)\b.*",
    ),
    (r"py:.*", r"(collections|contextlib|typing)\..*"),
]

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
myst_links_external_new_tab = False

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # shapes, units and meaning stand in the words; signatures would not fit a line
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_display_short_literal_types = True
maximum_signature_line_length = 100

pygments_style = "a11y-light"
highlight_language = "text"

html_theme = "furo"
html_title = f"fairhire {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_math_renderer = "mathml"
html_show_sourcelink = False
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
html_domain_indices = False
