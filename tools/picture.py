"""Takes the picture of the page for the README: ``python tools/picture.py docs/pictures/matrix-page.png``. Needs Chromium."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "browser"))

from chromium import open_browser

from tfcompat.cli import main

CHOICE = "gpu=NVIDIA+H100&driver=535&python=3.11"


def take(target: Path, fragment: str, width: int, height: int, scheme: str, page: Path | None = None) -> None:
    """A picture of the page at that choice, as high as *height*."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        if page is None:
            page = Path(folder) / "matrix.html"
            if main(["matrix", "html", "-o", str(page)]):
                raise SystemExit(1)
        browser = open_browser(Path(folder) / "profile")
        try:
            browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
            size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
            browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            browser.get(f"{page.as_uri()}#{fragment}")
            browser.get_screenshot_as_file(str(target))
        finally:
            browser.quit()


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/pictures/matrix-page.png")
    target.parent.mkdir(parents=True, exist_ok=True)
    take(target, CHOICE, 1200, 983, "light")
    print(f"{target}: {target.stat().st_size >> 10} kB")
