"""The report in a real Chromium, offline, at the widths of a desktop and of a phone."""

import json
import os
import shutil

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver) and "CI" not in os.environ:
        pytest.skip("needs chromium and chromedriver (Debian: chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    opened = webdriver.Chrome(options=options, service=Service(driver))
    yield opened
    opened.quit()


@pytest.fixture(params=[1280, 390])
def page(request, browser, undisturbed):
    """The report of a finished project, open at a width in pixels."""
    size = {"width": request.param, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get_log("performance")
    browser.get((undisturbed.folder / "results/report.html").as_uri())
    return browser


def test_requests_nothing_but_itself(page):
    events = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    requested = [
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    ]
    assert [url for url in requested if not url.startswith("data:")] == [page.current_url]


def test_has_no_console_error(page):
    assert page.get_log("browser") == []


def test_every_figure_is_visible(page, undisturbed):
    sizes = page.execute_script(
        "return [...document.images].map(i => [i.complete, i.naturalWidth, i.clientWidth])"
    )
    drawn = list((undisturbed.folder / "results/figures").glob("*.svg"))
    assert len(sizes) == len(drawn) >= 12
    assert all(complete and natural > 0 and shown > 300 for complete, natural, shown in sizes)


def test_nothing_is_cut_off(page):
    wide = page.execute_script(
        """
        const width = document.documentElement.clientWidth;
        const inside = box => box.left >= 0 && box.right <= width + 0.5;
        return [...document.body.querySelectorAll("*")]
            .filter(e => e.getClientRects().length)
            .filter(e => !inside(e.getBoundingClientRect()) || e.scrollWidth > e.clientWidth + 1
                         && getComputedStyle(e).display != "inline")
            .map(e => e.outerHTML.slice(0, 80));
        """
    )
    assert wide == []


def test_the_surrogate_is_named_at_the_top(page):
    assert "SURROGATE" in page.find_element("css selector", "h1 + .warning").text
