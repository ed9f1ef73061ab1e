"""The page in a real browser: what it says is what the resolver says, for everybody who may come to read it."""

from __future__ import annotations

import json
import random
import shlex
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

from page_cases import MATRIX, Choice, expected, rejections, shown
from tfcompat.cli import main
from tfcompat.outputs.page.classes import keras_wishes

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
GPUS = sorted(gpu.name for gpu in MATRIX.gpus) + ["9.0", "8.6", "12.0", "5.0"]
DRIVERS = sorted({d for t in MATRIX.toolkits for d in (t.minimum_driver, *t.drivers.values())})
PYTHONS = [f"3.{n}" for n in range(5, 15)]
KERAS = keras_wishes(MATRIX)
H100 = "gpu=NVIDIA+H100&driver=535&python=3.11"


def answers(browser: webdriver.Chrome, choices: list[Choice]) -> list[list[dict[str, Any]]]:
    """What the page's own script says to each choice."""
    script = "return arguments[0].map((c) => tfcompat.answer({...c, gpus: c.gpus.map(findGpu)}));"
    found: list[list[dict[str, Any]]] = browser.execute_script(script, [choice.document() for choice in choices])
    return found


def compare(browser: webdriver.Chrome, choices: list[Choice]) -> None:
    for choice, rows in zip(choices, answers(browser, choices), strict=True):
        assert shown(rows) == expected(choice), choice


def at(browser: webdriver.Chrome, page: Path, fragment: str) -> None:
    browser.get("about:blank")
    browser.get(f"{page.as_uri()}#{fragment}")


def text(browser: webdriver.Chrome, selector: str) -> str:
    return browser.find_element(By.CSS_SELECTOR, selector).text


def rows(browser: webdriver.Chrome) -> dict[str, str]:
    script = "return [...document.querySelectorAll('#judged tbody tr')].map((r) => [r.cells[0].innerText, r.cells[1].innerText])"
    return dict(browser.execute_script(script))


# -- the same as Python -------------------------------------------------------------------------


def test_every_gpu_says_what_the_resolver_says(browser: webdriver.Chrome) -> None:
    chance = random.Random(7)
    drivers = ["", "470", "535", "580", *DRIVERS]
    choices = [Choice(gpus=(name,), driver=chance.choice(drivers), python=chance.choice(["", *PYTHONS])) for name in GPUS]
    compare(browser, choices)


@pytest.mark.parametrize("accelerator", ["gpu", "cpu"])
def test_every_keras_and_platform_says_what_the_resolver_says(browser: webdriver.Chrome, accelerator: str) -> None:
    compare(
        browser, [Choice(accelerator, keras=keras, platform=platform) for keras in KERAS for platform in ("linux/amd64", "linux/arm64")]
    )


def drivers_of_any_kind() -> st.SearchStrategy[str]:
    branch = st.sampled_from(sorted({int(d.partition(".")[0]) for d in DRIVERS})) | st.integers(300, 700)
    minor = st.integers(0, 250)
    whole = st.builds("{}.{}.{:02d}".format, branch, minor, st.integers(0, 60))
    return st.just("") | st.sampled_from(DRIVERS) | st.builds(str, branch) | st.builds("{}.{:02d}".format, branch, minor) | whole


CHOICES = st.builds(
    Choice,
    accelerator=st.sampled_from(["gpu", "gpu", "gpu", "cpu"]),
    gpus=st.lists(st.sampled_from(GPUS), max_size=3, unique=True).map(tuple),
    driver=drivers_of_any_kind(),
    python=st.sampled_from(["", *PYTHONS]),
    keras=st.sampled_from(["", "", *KERAS]),
    platform=st.sampled_from(["linux/amd64", "linux/amd64", "linux/arm64"]),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(choice=CHOICES)
def test_any_choice_says_what_the_resolver_says(browser: webdriver.Chrome, choice: Choice) -> None:
    compare(browser, [choice])


def test_every_reason_is_a_rejection_of_the_resolver(browser: webdriver.Chrome) -> None:
    chance = random.Random(11)
    choices = [
        Choice(gpus=tuple(chance.sample(GPUS, number)), driver=driver, python=python, keras=keras)
        for number, driver, python, keras in (
            (1, "", "", ""), (1, "535", "3.11", ""), (1, "450.80.02", "", "3"), (2, "", "3.8", ""), (2, "550.54.15", "", "2"), (0, "470", "3.9", ""),
        )
    ]  # fmt: skip
    choices.append(Choice("cpu", python="3.12", keras="2.15"))
    for choice, found in zip(choices, answers(browser, choices), strict=True):
        refused = [row for row in found if row["outcome"] == "not"]
        assert refused
        for row in chance.sample(refused, min(12, len(refused))):
            rejected = rejections(choice, row["version"])
            told = {(rule, said) for rule, _, said in row["reasons"]}
            assert told
            # of several GPUs the page names those that exclude each other, where the resolver names them all
            joint = {(rule, said) for rule, said in told if said.startswith("No driver serves ") and len(choice.gpus) > 1}
            assert told - joint <= rejected, (choice, row["version"])
            assert {rule for rule, _ in joint} <= {rule for rule, _ in rejected}


def test_the_commands_it_shows_give_the_images_it_shows(browser: webdriver.Chrome, capsys: pytest.CaptureFixture[str]) -> None:
    choices = [
        Choice(gpus=("NVIDIA H100",), driver="535", python="3.11"),
        Choice(gpus=("GeForce RTX 4090", "NVIDIA A100"), keras="2"),
        Choice("cpu", keras="3", platform="linux/arm64"),
        Choice(),
    ]
    seen = 0
    for found in answers(browser, choices):
        for row in found[::7] + [r for r in found if r["outcome"] == "luck"][:2]:
            for image in row["images"]:
                words = shlex.split(image["command"])
                assert words[0] == "tfcompat"
                assert main(words[1:]) == 0
                line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("FROM "))
                assert line.split()[-1] == image["reference"]
                seen += 1
    assert seen > 20


# -- picking ------------------------------------------------------------------------------------


def test_without_a_choice_it_says_what_fits_any_gpu(browser: webdriver.Chrome) -> None:
    assert text(browser, "#count").startswith(
        f"{sum(v != '✗ Does not fit' for v in rows(browser).values())} of 76 releases fit any GPU with a driver that is new enough"
    )
    assert "driver >=" in text(browser, "#best")
    assert not browser.find_element(By.ID, "facts").get_attribute("hidden")


def test_picking_answers_at_once_and_writes_a_link(browser: webdriver.Chrome, page: Path) -> None:
    browser.find_element(By.ID, "gpu").send_keys("h100", Keys.ENTER)
    browser.find_element(By.ID, "driver").send_keys("535")
    Select(browser.find_element(By.ID, "python")).select_by_value("3.11")
    assert text(browser, "#picked button").startswith("NVIDIA H100 (9.0)")
    assert "fit NVIDIA H100 (9.0) with driver 535, Python 3.11, linux/amd64. The newest is TensorFlow 2.14.1." in text(browser, "#count")
    assert rows(browser)["2.14.1"] == "! Fits, with a warning"
    assert rows(browser)["2.15.1"] == "? Not established"
    row = browser.find_element(By.XPATH, "//tr[th='2.17.1']")
    assert "is PTX of CUDA 12.3, which driver 545.23.06 or newer compiles; the host has 535." in row.text
    row.find_element(By.TAG_NAME, "summary").click()
    assert "The rule's page: docs/rules/driver-ptx-jit.md" in row.text
    assert "measured: tensorflow-2.17.1-" in row.text
    link, before = browser.current_url, text(browser, "#judged")
    assert link.endswith("#" + H100)
    at(browser, page, H100)
    assert text(browser, "#judged").splitlines()[:3] == before.splitlines()[:3]
    assert browser.find_element(By.ID, "driver").get_property("value") == "535"


def test_a_gpu_goes_as_it_came_and_everything_can_be_cleared(browser: webdriver.Chrome, page: Path) -> None:
    start = rows(browser)
    at(browser, page, "gpu=K80&gpu=B200&keras=2&show=fits")
    assert "Nothing fits" in text(browser, "#best")
    assert rows(browser) == {}
    browser.find_element(By.CSS_SELECTOR, "#picked button").click()
    assert browser.current_url.endswith("#gpu=NVIDIA+B200&keras=2&show=fits")
    browser.find_element(By.ID, "clear").click()
    assert rows(browser) == start


def test_what_it_cannot_read_it_says(browser: webdriver.Chrome) -> None:
    for name, wrong, said in (
        ("gpu", "H1000", "“H1000” is not a GPU that the matrix knows"),
        ("gpu", "RTX 4000", "“RTX 4000” stands for several GPUs: write the compute capability, 7.5 or 8.9."),
        ("driver", "new", "“new” is not a driver: write for instance 535.183.01. It is left out for now."),
    ):
        field = browser.find_element(By.ID, name)
        field.clear()
        field.send_keys(wrong, Keys.ENTER)
        assert text(browser, f"#{name}-help").startswith(said)
        assert field.get_attribute("aria-invalid") == "true"
    browser.find_element(By.ID, "driver").clear()
    browser.find_element(By.ID, "driver").send_keys("580")
    assert text(browser, "#driver-help") == "As nvidia-smi prints it, or the branch: 535."


def test_a_hostile_link_is_only_text(browser: webdriver.Chrome, page: Path) -> None:
    at(
        browser,
        page,
        "gpu=%3Cimg%20src=x%3E&driver=%3Cscript%3Ealert(1)%3C/script%3E&python=9&keras=__proto__&platform=x&gpu=__proto__&gpu=constructor",
    )
    assert text(browser, "#count").startswith("7")
    assert "“<script>alert(1)</sc” is not a driver" in text(browser, "#driver-help")
    assert browser.find_elements(By.TAG_NAME, "img") == []


def test_the_keyboard_alone_is_enough(browser: webdriver.Chrome) -> None:
    def focused() -> str:
        return str(
            browser.execute_script("return document.activeElement.id || document.activeElement.className || document.activeElement.tagName")
        )

    keys = webdriver.ActionChains(browser)
    keys.send_keys(Keys.TAB).perform()
    assert focused() == "skip"
    webdriver.ActionChains(browser).send_keys(Keys.ENTER).perform()
    assert focused() == "answer"
    browser.refresh()
    order = []
    for _ in range(10):
        webdriver.ActionChains(browser).send_keys(Keys.TAB).perform()
        order.append(focused())
    assert order[:9] == ["skip", "INPUT", "gpu", "add-gpu", "driver", "python", "keras", "platform", "clear"]
    browser.find_element(By.ID, "python").send_keys("3.9")
    assert "Python 3.9" in text(browser, "#count")
    width = browser.execute_script("const s = getComputedStyle(document.getElementById('python')); return [s.outlineStyle, s.outlineWidth]")
    assert width == ["solid", "3px"]


# -- everybody ----------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("fragment", ["", H100, "on=cpu&keras=2", "gpu=K80&gpu=B200"])
def test_axe_finds_nothing(browser: webdriver.Chrome, page: Path, scheme: str, fragment: str) -> None:
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
    at(browser, page, fragment)
    browser.execute_script("document.querySelectorAll('#judged details').forEach((d, i) => { if (i < 12) d.open = true; })")
    browser.execute_script(AXE)
    script = "const done = arguments[arguments.length - 1]; axe.run({resultTypes: ['violations']}).then((r) => done(r));"
    browser.set_script_timeout(120)
    result = browser.execute_async_script(script)
    told = [(v["id"], v["help"], [n["html"][:120] for n in v["nodes"][:3]]) for v in result["violations"]]
    assert told == []
    assert any(check["id"] == "color-contrast" for check in result["passes"])
    paper = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(17, 23, 29)"}[scheme]


def test_a_phone_shows_it_without_scrolling_sideways(browser: webdriver.Chrome, page: Path) -> None:
    size = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    at(browser, page, H100)
    assert browser.execute_script("return document.documentElement.scrollWidth") == 360
    table = browser.execute_script("const r = document.getElementById('judged'); return [r.scrollWidth, r.parentElement.clientWidth]")
    assert table[0] <= table[1]
    low = "return [...document.querySelectorAll('#choices button, #choices select, #choices input:not([type=radio])')].filter((e) => e.offsetParent && e.offsetHeight < 32).length"
    assert browser.execute_script(low) == 0


def test_without_javascript_it_is_a_table_that_says_so(browser: webdriver.Chrome, page: Path) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    browser.get("about:blank")
    browser.get(page.as_uri())
    told = browser.execute_cdp_cmd("DOM.getDocument", {})
    body = browser.execute_cdp_cmd("DOM.getOuterHTML", {"nodeId": told["root"]["nodeId"]})["outerHTML"]
    assert "JavaScript is off, so that nothing can be picked here." in body
    assert browser.find_element(By.CSS_SELECTOR, "noscript p").is_displayed()
    assert browser.find_element(By.CSS_SELECTOR, "#facts tbody th").is_displayed()
    assert not browser.find_element(By.ID, "choices").is_displayed()


def test_it_asks_nobody(browser: webdriver.Chrome, page: Path) -> None:
    at(browser, page, H100)
    browser.execute_script("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    entries = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {e["params"]["request"]["url"].partition("#")[0] for e in entries if e["method"] == "Network.requestWillBeSent"}
    assert {url for url in asked if not url.startswith("data:")} == {page.as_uri()}


def test_nothing_but_its_own_script_runs(browser: webdriver.Chrome) -> None:
    script = """
      const added = document.createElement('script'); added.textContent = 'globalThis.intruder = true'; document.body.append(added);
      return globalThis.intruder === undefined;
    """
    assert browser.execute_script(script)
    assert "Content Security Policy" in str(browser.get_log("browser"))


def test_it_prints_the_answer_and_not_the_form(browser: webdriver.Chrome) -> None:
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert not browser.find_element(By.ID, "choices").is_displayed()
        assert browser.find_element(By.ID, "best").is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
