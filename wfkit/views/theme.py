"""How everything looks: a colour, a glyph and a word for each state, a symbol for each kind, one style sheet, one
figure frame.

Status is colour and glyph, kind is symbol. The palette stays apart for colour-blind readers (least Delta-E 16). No
data is drawn here.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any, Final

from wfkit.core.terms import NodeKind, RunState, TaskState
from wfkit.views.markup import Markup, label, tag

IDLE: Final = "#7A818C"
COLOURS: Final[Mapping[str, str]] = {
    TaskState.PENDING: IDLE,
    TaskState.QUEUED: IDLE,
    TaskState.RUNNING: "#0072B2",
    TaskState.RETRYING: "#E69F00",
    TaskState.WAITING_REVIEW: "#8E3B7D",
    TaskState.SUCCESS: "#009E73",
    TaskState.CACHED: "#56B4E9",
    TaskState.FAILED: "#C44601",
    TaskState.SKIPPED: IDLE,
    TaskState.CANCELLED: IDLE,
    RunState.PARTIAL: "#E69F00",
    RunState.BUDGET_STOPPED: "#E69F00",
    RunState.INTERRUPTED: IDLE,
}
GLYPHS: Final[Mapping[str, str]] = {
    TaskState.PENDING: "o",
    TaskState.QUEUED: "o",
    TaskState.RUNNING: ">",
    TaskState.RETRYING: "~",
    TaskState.WAITING_REVIEW: "‖",
    TaskState.SUCCESS: "✓",
    TaskState.CACHED: "=",
    TaskState.FAILED: "✗",
    TaskState.SKIPPED: "-",
    TaskState.CANCELLED: "-",
    RunState.PARTIAL: "~",
    RunState.BUDGET_STOPPED: "~",
    RunState.INTERRUPTED: "-",
}
WORDS: Final[Mapping[str, str]] = {
    TaskState.SUCCESS: "done",
    TaskState.WAITING_REVIEW: "waiting for review",
}
SYMBOLS: Final[Mapping[str, str]] = {
    NodeKind.PYTHON: "square",
    NodeKind.PROMPT: "diamond",
    NodeKind.INPUT: "circle",
}
# The order in which the parts of a stacked bar stand: what is done first, what is still to come last.
STACK: Final = (
    TaskState.SUCCESS,
    TaskState.CACHED,
    TaskState.FAILED,
    TaskState.SKIPPED,
    TaskState.CANCELLED,
    TaskState.RUNNING,
    TaskState.RETRYING,
    TaskState.WAITING_REVIEW,
)
_LEADING: Final = (
    TaskState.RUNNING,
    TaskState.RETRYING,
    TaskState.WAITING_REVIEW,
    TaskState.FAILED,
    TaskState.CANCELLED,
    TaskState.QUEUED,
    TaskState.PENDING,
    TaskState.SUCCESS,
    TaskState.CACHED,
    TaskState.SKIPPED,
)

TEXT: Final = "#767D88"  # readable on white and on #111, for figures that cannot know the theme
GRID: Final = "rgba(128,136,148,0.22)"
EDGE: Final = "rgba(128,136,148,0.55)"
BORDER: Final = "#4A5568"
FONT: Final = "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"


def state_of(tasks: Mapping[str, int]) -> TaskState:
    """The state that stands for a node with these counts of tasks: what needs attention first; pending without any."""
    for state in _LEADING:
        if tasks.get(state, 0) > 0:
            return state
    return TaskState.PENDING


def word(state: str) -> str:
    """The state as it is said to a person."""
    return WORDS.get(state, words(state))


def words(reason: str) -> str:
    """A reason or status as it is said to a person: `code_changed` is `code changed`."""
    return reason.replace("_", " ")


def figure(data: list[dict[str, Any]], *, height: int, key: str, **layout: Any) -> dict[str, Any]:
    """A Plotly figure as a plain dict: transparent, quiet, without the button that sends charts away, and with no
    math typesetting of `$`.

    `key` keeps the user's zoom over updates (`uirevision`). Heights are pixels.
    """
    axis = {"gridcolor": GRID, "zerolinecolor": GRID, "linecolor": GRID, "automargin": True, "fixedrange": False}
    frame: dict[str, Any] = {
        "template": {"layout": {"xaxis": axis, "yaxis": axis}},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": FONT, "size": 12, "color": TEXT},
        "margin": {"l": 8, "r": 8, "t": 32, "b": 24},
        "height": height,
        "hovermode": "closest",
        "hoverlabel": {"align": "left", "font": {"family": FONT, "size": 12}},
        "modebar": {
            "remove": ["sendChartToCloud", "sendDataToCloud", "lasso2d", "select2d", "autoScale2d"],
            "bgcolor": "rgba(0,0,0,0)",
            "color": EDGE,
            "activecolor": TEXT,
        },
        "uirevision": key,
        "showlegend": False,
    }
    return {"data": data, "layout": {**frame, **layout}, "config": dict(CONFIG)}


def heading(*texts: str, above: int = 8) -> dict[str, Any]:
    """An annotation with the sentences above a chart, at its left, `above` pixels over it. Plotly breaks no lines by
    itself, and cuts a title of two lines."""
    lines = [label(line) for text in texts if text for line in textwrap.wrap(text, 110)]
    place = {"x": 0, "xref": "paper", "xanchor": "left", "y": 1, "yref": "paper", "yanchor": "bottom", "yshift": above}
    return {"text": "<br>".join(lines), "showarrow": False, "align": "left", "font": {"size": 12}, **place}


def buttons(*choices: dict[str, Any], active: int = 0) -> dict[str, Any]:
    """A row of buttons above a chart at its left, clear of the mode bar; `active` is the one that is pressed."""
    place = {"x": 0, "xanchor": "left", "y": 1, "yanchor": "bottom", "pad": {"b": 8, "l": 0, "t": 0, "r": 0}}
    look = {"bgcolor": "rgba(0,0,0,0)", "bordercolor": GRID, "font": {"color": TEXT}}
    what = {"type": "buttons", "direction": "right", "showactive": True, "active": active, "buttons": list(choices)}
    return {**what, **place, **look}


def button(name: str, visible: list[bool], layout: dict[str, Any]) -> dict[str, Any]:
    """One button: which traces it shows, and what it sets in the layout."""
    return {"label": name, "method": "update", "args": [{"visible": visible}, layout]}


def legend(x: float = 0.0) -> dict[str, Any]:
    """A legend in one line above a chart, from `x` (0 to 1) on."""
    return {"orientation": "h", "x": x, "xanchor": "left", "y": 1, "yanchor": "bottom", "traceorder": "normal"}


def caption(text: str) -> dict[str, Any]:
    """A small title of an axis that serves as the caption of a chart."""
    return {"text": text, "font": {"size": 11}, "standoff": 8}


CONFIG: Final[Mapping[str, Any]] = {
    "showSendToCloud": False,
    "plotlyServerURL": "",
    "displaylogo": False,
    # not `responsive`: JupyterLab fits the width by itself, and with both a pressed button makes a chart 0 pixels high
    "typesetMath": False,
}

_STATUS: Final = {
    "idle": TaskState.PENDING,
    "running": TaskState.RUNNING,
    "retrying": TaskState.RETRYING,
    "review": TaskState.WAITING_REVIEW,
    "success": TaskState.SUCCESS,
    "cached": TaskState.CACHED,
    "failed": TaskState.FAILED,
}
_NAMES: Final = {colour: name for name, colour in ((name, COLOURS[state]) for name, state in _STATUS.items())}
_CLASSES: Final[Mapping[str, str]] = {state: _NAMES[colour] for state, colour in COLOURS.items()}


def css_class(state: str) -> str:
    """The class that colours an element (text, fill and background alike) by a state: `wf-success`."""
    return f"wf-{_CLASSES.get(state, 'idle')}"


_SHADES: Final = (
    ("ink", "ui-font-color1"),
    ("muted", "ui-font-color2"),
    ("line", "border-color2"),
    ("page", "layout-color0"),
)


def _variables(*, dark: bool) -> str:
    shades = ("#e6e8eb", "#9aa3ae", "#333941", "#16181b") if dark else ("#1f2328", "#626a73", "#d8dee4", "#fff")
    own = "".join(
        f"--wf-{name}:var(--jp-{theirs},{shade});" for (name, theirs), shade in zip(_SHADES, shades, strict=True)
    )
    own += f"--wf-edge:{'#6b7480' if dark else BORDER};"
    colours = {name: COLOURS[state] for name, state in _STATUS.items()}
    if dark:
        colours |= {
            "review": "#C77CB8",
            "running": "#2E8FCB",
            "failed": "#E0662B",
            "success": "#14B088",
            "idle": "#8B939E",
        }
    return own + "".join(f"--wf-{name}:{colour};" for name, colour in colours.items())


_RULES: Final = """
.wf{font:13px/1.45 var(--jp-ui-font-family,system-ui,-apple-system,'Segoe UI','Helvetica Neue',Arial,sans-serif);
color:var(--wf-ink);font-variant-numeric:tabular-nums;max-width:1100px;overflow-x:auto}
.wf .wf-say{margin:2px 0 8px;max-width:none}
.wf .wf-note{margin:6px 0;color:var(--wf-muted);font-size:12px}
.wf .wf-muted{color:var(--wf-muted);font-weight:400}
.wf.wf code,.wf.wf pre{font-family:var(--jp-code-font-family,ui-monospace,SFMono-Regular,Menlo,monospace);
font-size:12px;background:none;color:inherit;padding:0;border:0}
.wf pre{margin:4px 0 8px;padding:8px 10px;background:rgba(128,138,150,.10);border-radius:4px;
white-space:pre-wrap;overflow-wrap:anywhere;max-height:360px;overflow:auto}
.wf svg{display:block;max-width:100%;height:auto;font-family:inherit}
.wf svg.wf-large{max-width:none}
.wf svg text{fill:var(--wf-ink);font-size:12px}
.wf svg text.wf-muted{fill:var(--wf-muted);font-size:11px}
.wf svg text.wf-name{font-weight:600}
.wf.wf .wf-t{border-collapse:collapse;border:0;margin:4px 0;font-size:12.5px;table-layout:auto;width:auto}
.wf.wf .wf-t tr,.wf.wf .wf-t tr:hover,.wf.wf .wf-t thead{background:none;border:0}
.wf.wf .wf-t th,.wf.wf .wf-t td{padding:3px 14px 3px 0;border:0;border-bottom:1px solid var(--wf-line);
text-align:left;vertical-align:baseline;white-space:nowrap;max-width:none}
.wf.wf .wf-t th{font-weight:500;color:var(--wf-muted);font-size:11.5px}
.wf.wf .wf-t .wf-n{text-align:right}
.wf.wf .wf-t .wf-w{white-space:normal;overflow-wrap:anywhere;min-width:160px;max-width:520px}
.wf.wf .wf-t code{white-space:nowrap}
.wf.wf .wf-t .wf-w code{white-space:normal}
.wf.wf .wf-t tfoot td{font-weight:600;border-bottom:0}
.wf details{margin:4px 0}
.wf summary{cursor:pointer;color:var(--wf-muted);font-size:12px}
.wf .wf-track{display:inline-flex;width:96px;height:6px;border-radius:3px;overflow:hidden;
background:rgba(128,138,150,.20);vertical-align:middle}
.wf .wf-track i{display:block;height:100%}
.wf .wf-g{display:inline-block;width:1.1em;font-weight:700;text-align:center}
.wf ins,.wf del{text-decoration:none;display:block}
.wf ins{background:rgba(0,114,178,.16)}
.wf del{background:rgba(230,159,0,.20)}
.wf .wf-step details{display:inline-block;margin:0 14px 2px 0;vertical-align:top}
.wf .wf-step details[open]{display:block}
.wf .wf-step p{margin:4px 0 1px}
.wf .wf-tree{border-left:2px solid var(--wf-line);margin:2px 0 2px 6px;padding:1px 0 1px 14px}
"""


def style() -> Markup:
    """The style sheet, for one output or one page. It follows JupyterLab's and VS Code's theme, else the browser's."""
    light, dark = _variables(dark=False), _variables(dark=True)
    rules = [f".wf{{{light}}}", f"@media (prefers-color-scheme:dark){{.wf{{{dark}}}}}"]
    rules.append(f'[data-jp-theme-light="true"] .wf,.vscode-light .wf{{{light}}}')
    rules.append(f'[data-jp-theme-light="false"] .wf,.vscode-dark .wf{{{dark}}}')
    for name in _STATUS:
        rules.append(f".wf .wf-{name},.wf svg text.wf-{name}{{color:var(--wf-{name});fill:var(--wf-{name})}}")
        rules.append(f".wf i.wf-{name}{{background:var(--wf-{name})}}")
    return Markup("<style>" + _RULES.strip() + "\n" + "\n".join(rules) + "</style>")


def output(fragment: Markup) -> str:
    """A fragment as one output of a cell: with its style, and kept from being read as TeX (`$0.10 and $0.20`)."""
    return tag("div", style(), fragment, class_="wf tex2jax_ignore mathjax_ignore")
