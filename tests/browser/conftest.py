"""A page made by the command, and a headless Chromium that has no network to ask."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import open_browser
from selenium import webdriver

from tfcompat.cli import main


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file, as the command writes it."""
    path = tmp_path_factory.mktemp("page") / "matrix.html"
    assert main(["matrix", "html", "-o", str(path)]) == 0
    return path


@pytest.fixture(scope="session")
def _browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    try:
        browser = open_browser(tmp_path_factory.mktemp("profile"))
    except FileNotFoundError as missing:
        pytest.skip(str(missing))
    yield browser
    browser.quit()


@pytest.fixture
def browser(_browser: webdriver.Chrome, page: Path) -> Iterator[webdriver.Chrome]:
    """At the page without a choice; at the end of a test nothing may have been complained of in the console."""
    _browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    _browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "light"}]})
    _browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    _browser.set_window_size(1200, 900)
    _browser.get("about:blank")
    for kind in ("browser", "performance"):
        _browser.get_log(kind)
    _browser.get(page.as_uri())
    yield _browser
    assert _browser.get_log("browser") == []
