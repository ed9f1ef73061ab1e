"""The matrix as one page that answers by itself: no server, no network, and no rule written a second time."""

from __future__ import annotations

from tfcompat.outputs.page.render import PARTS, PageParts, render_page

__all__ = ["PARTS", "PageParts", "render_page"]
