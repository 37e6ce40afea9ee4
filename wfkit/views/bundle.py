"""What every view has in common: its forms, and the one mime bundle in which a notebook gets them.

A notebook with a browser draws the figure; exported, mailed or on GitHub the static HTML is shown; a terminal shows
the text.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from wfkit.views import theme
from wfkit.views.markup import Markup

PLOTLY = "application/vnd.plotly.v1+json"


class View:
    """A picture with twins. A view gives `fragment` and `text`, and `figure` if it is a chart."""

    __slots__ = ()

    def fragment(self) -> Markup:
        """The view as HTML without its style sheet, for a page that has one."""
        raise NotImplementedError

    def __str__(self) -> str:
        """What `print` shows in a script: the view as text."""
        return self.text()

    def text(self) -> str:
        """The view as plain text of 80 columns, or as many as the terminal has (`columns.within`)."""
        raise NotImplementedError

    def figure(self) -> dict[str, Any] | None:
        """The view as a Plotly figure (data, layout, config), None when it is not a chart. Never holds text of
        prompts or replies.
        """
        return None

    def shown_as_figure(self) -> bool:
        """Whether a notebook with a browser shows the figure. A view whose words matter more says no."""
        return True

    def html(self) -> str:
        """The view as static HTML: complete, without script and external resources, every text escaped."""
        return theme.output(self.fragment())

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, Any]:
        figure = self.figure() if self.shown_as_figure() else None
        bundle: dict[str, Any] = {} if figure is None else {PLOTLY: figure}
        bundle |= {"text/html": self.html(), "text/plain": self.text()}
        wanted = {key for key in bundle if not include or key in include} - set(exclude or ())
        return {key: value for key, value in bundle.items() if key in wanted}
