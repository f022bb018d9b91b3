"""How the documentation is built: every tutorial is run, and a warning is an error. ``make docs``."""

import os
import re
import textwrap
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["MPLBACKEND"] = "agg"

import latex2mathml.converter
import sphinx_gallery.notebook
from docutils.nodes import SkipNode

import tf_gd
from tf_gd.command import tutorials
from tf_gd.exercises.exercise import after
from tf_gd.explorer import static_page
from tf_gd.explorer.addresses import fragment

tf_gd.quiet_tensorflow(cpus=2)

ROOT = Path(__file__).resolve().parent.parent

project = html_title = "tf_gd"
author = "the tf_gd authors"
html_show_copyright = False
release = version = tf_gd.__version__
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_templates", "api/README.md"]
templates_path = ["_templates"]
html_theme = "furo"
html_static_path = ["_static"]
html_favicon = "_static/icon.svg"  # a page without one makes a browser ask for /favicon.ico
html_css_files = ["tf_gd.css"]
html_theme_options = {"navigation_with_keys": True}
html_math_renderer = "mathml"
html_copy_source = False
myst_heading_anchors = 3
suppress_warnings = ["config.cache"]  # a function in the settings of the gallery
copybutton_exclude = ".linenos, .gp, .go"

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say them, in words
autosummary_generate = True
autosummary_ignore_module_all = False
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True


def start_afresh(gallery_conf, file_name):
    """Let a tutorial's pictures be seen on its page in place of a file, and begin each with nothing left of the last."""
    import keras

    keras.utils.clear_session()
    tf_gd.command.claims.recorded.clear()
    tf_gd.show.save = lambda axes, name: None


sphinx_gallery_conf = {
    "examples_dirs": "../tutorials",
    "gallery_dirs": "tutorials",
    "filename_pattern": r"[0-9][0-9]_",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "capture_repr": (),
    "reset_modules": (start_afresh, "matplotlib"),
    "remove_config_comments": True,
    "download_all_examples": False,
    "backreferences_dir": "api/examples",
    "doc_module": ("tf_gd",),
    "reference_url": {"tf_gd": None},
    "first_notebook_cell": "# This notebook needs tf_gd: in a copy of the repository, pip install -e .\n%matplotlib inline",
    "min_reported_time": 1,
    "show_memory": False,
    "show_signature": False,
    "nested_sections": False,
}

PAGES = {  # what a link to a file of the repository becomes
    r"(?:\.\./)?tutorials/(\w+)\.py\)": r"/tutorials/\1.rst)",
    r"docs/(\w+)\.md\)": r"/\1.md)",
    r"docs/pictures/": r"/pictures/",
    r"benchmarks/(README\.md)?\)": r"/benchmarks.md)",
    r"CHANGELOG\.md\)": r"/changelog.md)",
    r"CONTRIBUTING\.md\)": r"/contributing.md)",
    r"(?:\.\./)?tf_gd/(updates|sgd|toy/loop)\.py\)": r"/update_and_loop.md)",
    r"(?:\.\./)?(constraints\.txt|CITATION\.cff)\)": r"/../\1)",
}


def link_to_pages(app, path, parent, text):
    """Turn the links between files of the repository into links between pages."""
    if str(path).endswith(".md"):
        for file, page in PAGES.items():
            text[0] = re.sub(rf"\]\({file}", f"]({page}", text[0])


def link_page_to_pages(app, name, text):
    """Do the same for a page itself."""
    if (Path(app.srcdir) / f"{name}.md").exists():
        link_to_pages(app, f"{name}.md", None, text)


def formula(node, display: str) -> str:
    """Return a formula as MathML, which browsers show by themselves; with room around the names of functions."""
    written = latex2mathml.converter.convert(node.astext(), display=display)
    return re.sub(r"<mi>([a-z]{2,})</mi>", r'<mo lspace="0.17em" rspace="0.17em">\1</mo>', written)


def inline_formula(translator, node):
    """Write a formula in a line."""
    translator.body.append(formula(node, "inline"))
    raise SkipNode


def displayed_formula(translator, node):
    """Write a formula that has a line of its own."""
    translator.body.append(f'<div class="math">{formula(node, "block")}</div>')
    raise SkipNode


def fold_for_notebooks(convert):
    """Return the converter from reST to Markdown with folded answers: a notebook knows no directives."""
    answer = re.compile(r"^( *)\.\. dropdown:: (.+)\n((?:\1 +.*\n|[ \t]*\n)*(?:\1 +.*)?)", re.MULTILINE)
    code = re.compile(r"^(?:>>>.*)(?:\n.+)*", re.MULTILINE)

    def details(found):
        text = code.sub(lambda block: f"```python\n{block[0]}\n```", textwrap.dedent(found[3]).strip("\n"))
        folded = f"<details><summary>{found[2]}</summary>\n\n{text}\n\n</details>\n"
        return textwrap.indent(folded, found[1]) + "\n"

    return lambda *arguments: answer.sub(details, convert(*arguments))


sphinx_gallery.notebook.rst2md = fold_for_notebooks(sphinx_gallery.notebook.rst2md)


def name_the_parts(app, name, text):
    """Put a heading before the first page of each part in the list of all pages."""
    if name == "tutorials/index":
        closed, opened = "</div>", '<div class="sphx-glr-thumbnails">'
        for part in tutorials.PARTS:
            first = next(page for page in tutorials.find() if page.part == part.name)
            mark = text[0].index(f"/tutorials/images/thumb/sphx_glr_{first.name}_thumb")
            at = text[0].rindex(".. raw:: html", 0, mark)
            lines = [".. raw:: html", "", f"    {closed}", "", f".. rubric:: {part.name}, {part.follows}", ""]
            lines += [".. raw:: html", "", f"    {opened}", "", ""]
            text[0] = text[0][:at] + "\n".join(lines) + text[0][at:]


def add_exercises(app, docname, source):
    """End the page of a tutorial with the exercises that belong to it."""
    folder, _, name = docname.rpartition("/")
    found = after(name) if folder == "tutorials" else []
    if found:
        rows = "\n".join(f"* ``{one.number:02} {one.name}``: {one.title}" for one in found)
        said = "Write it yourself: ``tf-gd exercises`` checks these, and says which mistake was made (:doc:`/exercises`)."
        source[0] += f"\n\nExercises\n---------\n{said}\n\n{rows}\n"


def add_explorer(app, docname, source):
    """Link the page of a tutorial to the explorer, opened at its setting."""
    folder, _, name = docname.rpartition("/")
    at = fragment(name) if folder == "tutorials" else None
    if at:
        source[0] += f"\n\nUnder your hand\n---------------\n`Drag the start, slide the rate <../explore.html{at}>`__.\n"


def write_explorer(app, failed):
    """Write the explorer's page, which needs no server, beside the pages."""
    if failed is None and app.builder.name == "html":
        static_page.write(Path(app.outdir) / "explore.html")


def setup(app):
    """Connect the above."""
    app.connect("source-read", add_explorer)
    app.connect("source-read", add_exercises)
    app.connect("build-finished", write_explorer)
    app.add_html_math_renderer("mathml", (inline_formula, None), (displayed_formula, None))
    app.connect("include-read", link_to_pages)
    app.connect("source-read", link_page_to_pages)
    app.connect("source-read", name_the_parts)
