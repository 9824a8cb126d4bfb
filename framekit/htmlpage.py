"""Self-contained HTML pages without scripts: any text that is not Markup is escaped, signs that nobody sees too."""

import base64
import html
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import quote

from framekit.console import visible

STYLE = """
:root{color-scheme:light dark;--bar:200px}
body{font:15px/1.45 system-ui,sans-serif;max-width:2400px;margin:1.5em auto;padding:0 1em;overflow-wrap:break-word}
p{max-width:75em}
h2{margin-top:2em;border-bottom:1px solid #8886}
table{border-collapse:collapse}.wide{overflow-x:auto}
td,th{padding:2px 10px 2px 0;text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
td.name,th.name{text-align:left;white-space:pre}
.bar{display:block;height:7px;margin:1px 0;border-radius:2px}
svg{width:100%;max-width:1000px;height:auto;display:block;overflow:visible}svg text{font-size:12px}
.key span{margin-right:1em}.key i{display:inline-block;width:12px;height:12px;margin-right:4px;border-radius:2px}
.side{display:flex;flex-wrap:wrap;gap:0 64px}
.side>div{flex:1 0 auto;max-width:100%}
.cards{--bar:50px;display:grid;grid-template-columns:repeat(auto-fill,minmax(250px,1fr));gap:16px}
.columns{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,600px),1fr));gap:0 24px}
.row{display:flex;flex-wrap:wrap;gap:8px;margin:8px 0 18px}
.row>div{display:flex;gap:2px;border:1px solid #8886;padding:4px}
figure{margin:0;max-width:192px}figcaption{font-size:12px}
figure a{display:block}
img{max-width:100%;border-radius:4px;display:block}
figure img,.none{height:108px;object-fit:cover}
.none{width:192px;background:#8886;display:grid;place-items:center;border-radius:4px}
.kept img{outline:3px solid #2a9d4a}
section{content-visibility:auto;contain-intrinsic-size:auto 240px;margin:0 0 18px}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#8882;padding:10px;border-radius:4px}
@media (max-width:640px){
:root{--bar:40vw}
svg text{font-size:22px}
td.name,th.name{white-space:pre-wrap;max-width:50vw}
.stacked table,.stacked tbody{display:block}
.side{display:block}
.stacked tr{display:grid;grid-template-columns:repeat(6,1fr);padding:4px 0;border-bottom:1px solid #8883;font-size:13px}
.stacked th{font-size:11px;padding-right:4px}
.stacked td:empty{display:block}
.stacked .name,.stacked td:nth-child(2){grid-column:1/-1;max-width:none;text-align:left}
.stacked th:nth-child(2){display:none}
.stacked{--bar:80vw}
}
"""
BREAKS = re.compile(r"([/_])(?=.)")  # behind which a long name may be broken
BLUE, GREY = "#5b8def", "#9aa0a6"


class Markup(str):
    """Text that is HTML already; any other text is escaped where it enters a page."""

    __slots__ = ()


def fragment(*content: object) -> Markup:
    """Return content side by side, escaped unless it is Markup."""
    return Markup("".join(one if isinstance(one, Markup) else html.escape(visible(str(one))) for one in content))


def element(name: str, *content: object, **attributes: object) -> Markup:
    """Return an element; in names of attributes, trailing underscores are dropped and others become hyphens.

    element("p", "a < b", class_="note")  # <p class="note">a &lt; b</p>
    """
    inside = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(visible(str(value)))}"'
        for key, value in attributes.items()
    )
    return Markup(f"<{name}{inside}>{fragment(*content)}</{name}>")


def lines(*content: object) -> Markup:
    """Return content joined by line breaks."""
    return Markup("<br>".join(map(fragment, content)))


def breakable(name: str) -> Markup:
    """Return a name that is broken behind slashes and underscores only, where it must be."""
    return Markup(BREAKS.sub(r"\1<wbr>", html.escape(visible(name))))


def image(jpeg: bytes, shows: str) -> Markup:
    """Return an image embedded in the page; `shows` says what it shows to those who don't see it."""
    content = base64.b64encode(jpeg).decode()
    return Markup(f'<img alt="{html.escape(visible(shows))}" decoding="async" src="data:image/jpeg;base64,{content}">')


def picture(jpeg: bytes | None, shows: str) -> Markup:
    """Return an image of what `shows` says, or a grey box where there is none."""
    return image(jpeg, shows) if jpeg else element("div", "unreadable", class_="none")


def figure(shown: Markup, *caption: object, kept: bool = False) -> Markup:
    """Return a picture with the lines of its caption; one that is `kept` has a green outline."""
    words = [breakable(one) if isinstance(one, str) and not isinstance(one, Markup) else one for one in caption]
    return element("figure", shown, element("figcaption", lines(*words)), **({"class": "kept"} if kept else {}))


def link(path: str, content: Markup) -> Markup:
    """Return content that leads to a file, by its path from the page with slashes."""
    return element("a", content, href=quote(path))


def path_from(folder: Path, file: Path) -> str:
    """Return the path of a file from a folder, with slashes; where both are on different drives, the whole one."""
    try:
        return Path(os.path.relpath(file.absolute(), folder.absolute())).as_posix()
    except ValueError:
        return file.absolute().as_uri()


def row(*content: Markup) -> Markup:
    """Return figures, or small groups of them, side by side."""
    return element("div", *content, class_="row")


def bar(share: float, colour: str = BLUE) -> Markup:
    """Return a bar as long as a share, 0 to 1, of the width that bars have there."""
    return element("span", class_="bar", style=f"width:calc(var(--bar)*{share:.3f});background:{colour}")


def table(heads: Sequence[str], rows: Iterable[Sequence[object]], name_column: int) -> Markup:
    """Return a table; `name_column` is left-aligned and keeps its spaces. Without `heads` there is no header."""

    def cells(kind: str, values: Sequence[object]) -> Markup:
        named = (
            element(kind, value, class_="name") if place == name_column else element(kind, value)
            for place, value in enumerate(values)
        )
        return element("tr", *named)

    head = [cells("th", heads)] if heads else []
    return element("div", element("table", *head, *(cells("td", values) for values in rows)), class_="wide")


def rectangle(left: float, top: float, width: float, height: float, colour: str, title: str = "") -> Markup:
    """Return a rectangle of a drawing; `title` is its tooltip."""
    inside = [element("title", title)] if title else []
    place = {"x": f"{left:.1f}", "y": f"{top:.1f}", "width": f"{width:.1f}", "height": f"{height:.1f}"}
    return element("rect", *inside, **place, fill=colour)


def drawing(width: int, height: int, label: str, *shapes: Markup) -> Markup:
    """Return an SVG of shapes; `label` describes it to screen readers."""
    return element("svg", *shapes, viewBox=f"0 0 {width} {height}", role="img", aria_label=label)


def page(title: str, *content: Markup) -> str:
    """Return a whole page that loads nothing: its title as the first heading, then the content.

    page("Tags of show", element("p", "12 tags in 3 frames"))
    """
    meta = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    head = element("head", Markup(meta), element("title", title), element("style", Markup(STYLE)))
    body = element("body", element("h1", title), *content)
    return f"<!doctype html>{element('html', head, body, lang='en')}\n"
