"""Sets a page: the base, the macros and the stylesheet are those of every page that is made here."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from recipe_report.figures import percent
from recipe_report.texts import number

SHARED = Path(__file__).parent  # base.html.j2, macros.html.j2


def breakable(name: object) -> Markup:
    """``name``, escaped, which may be broken after each underscore."""
    return Markup("_<wbr>").join(str(name).split("_"))


def render(content: dict, folder: Path = SHARED) -> str:
    """The page that ``folder``'s page.html.j2 makes of ``content``."""
    environment = Environment(
        loader=FileSystemLoader([folder, SHARED]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": number,
        "share": percent,
        "count": "{:,}".format,
        "breakable": breakable,
    }
    return environment.get_template("page.html.j2").render(content)
