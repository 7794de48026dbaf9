"""How Sphinx makes a site of these pages; they read as well without it."""

project = "Neigung"
extensions = ["myst_parser"]
root_doc = "index"
exclude_patterns = ["_build", "README.md"]
html_theme = "alabaster"
html_theme_options = {
    "description": "Customer predictions that can be defended",
    "page_width": "1100px",
}
myst_heading_anchors = 3
# Links to files outside these pages are links of the repository.
suppress_warnings = ["myst.xref_missing"]
html_copy_source = False
