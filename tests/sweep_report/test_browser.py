"""The page in a real browser: no error, request or sideways scrolling; usable by keyboard, whole in print."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import make_report
import sweeps

WIDTHS = (400, 1400)
SHARES = {"seed": 0.3, "recaption": 0.8, "a_recipe_of_the_user_with_a_name_that_does_not_end": 0.35}


@pytest.fixture(scope="module")
def browser() -> Iterator:
    """Debian's Chromium; where CI asks for it, it must be there."""
    chromium = shutil.which("chromium")
    if chromium is None:
        if os.environ.get("CI"):
            pytest.fail("chromium is missing: apt-get install chromium")
        pytest.skip("chromium is missing: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page."""
    options = sweeps.write_board(tmp_path_factory.mktemp("sweep"), SHARES, (1, 2, 3), asked=(1, 2, 3, 9))
    options["output"].write_text(
        make_report.report(options["leaderboard"], options["eval_data"]), encoding="utf-8"
    )
    return options["output"]


@pytest.fixture
def opened(browser, report, request) -> Iterator:
    """The page at a width, and what went wrong while it was looked at."""
    tab = browser.new_page(viewport={"width": getattr(request, "param", 1400), "height": 900})
    wrong: list[str] = []
    tab.on("console", lambda message: wrong.append(f"console: {message.text}"))
    tab.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    tab.on(
        "request",
        lambda asked: wrong.append(asked.url) if not asked.url.startswith(("file:", "data:")) else None,
    )
    tab.goto(report.as_uri())
    yield tab
    tab.close()
    assert wrong == []


def overflow(tab) -> int:
    """Pixels by which the page is wider than its window."""
    return tab.evaluate("document.scrollingElement.scrollWidth - innerWidth")


@pytest.mark.parametrize("opened", WIDTHS, indirect=True)
def test_the_page_never_scrolls_sideways_all_details_open_or_not(opened):
    assert overflow(opened) <= 0
    opened.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true; })")
    assert overflow(opened) <= 0
    wide = opened.evaluate(
        "[...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth).length"
    )
    assert wide > 0 or opened.viewport_size["width"] > 400, "nothing is wide: the test tests nothing"


def test_what_is_too_wide_is_seen(opened):
    opened.evaluate("document.querySelector('h1').style.width = '3000px'")
    assert overflow(opened) > 0


def test_a_request_or_a_script_is_refused_by_the_page_itself(browser, report):
    tab = browser.new_page()
    refused: list[str] = []
    tab.on("console", lambda message: refused.append(message.text))
    tab.goto(report.as_uri())
    tab.evaluate("document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.1:9/x.png'}))")
    tab.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.x = 1'}))"
    )
    tab.wait_for_timeout(200)
    assert len(refused) == 2 and all("Content Security Policy" in text for text in refused)
    assert tab.evaluate("window.x") is None
    tab.close()


def test_every_anchor_of_the_navigation_is_there(opened):
    anchors = opened.eval_on_selector_all("nav a", "links => links.map(link => link.hash)")
    assert len(anchors) == 9
    for anchor in anchors:
        assert opened.locator(anchor).count() == 1
        opened.click(f"nav a[href='{anchor}']")
        assert opened.locator(anchor).is_visible()


def test_tab_reaches_the_skip_link_the_navigation_and_shows_where_it_is(opened):
    reached = []
    for _ in range(3):
        opened.keyboard.press("Tab")
        reached.append(opened.evaluate("document.activeElement.getAttribute('href')"))
        assert opened.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert reached == ["#main", "#answer", "#differences"]


def test_details_open_by_keyboard(opened):
    details = opened.locator("#data ~ details").first
    for _ in range(60):
        opened.keyboard.press("Tab")
        if opened.evaluate("document.activeElement.tagName") == "SUMMARY":
            break
    assert not details.locator(".card").first.is_visible()
    opened.keyboard.press("Enter")
    assert details.locator(".card").first.is_visible()


def test_print_shows_what_the_details_hold_and_no_navigation(opened):
    cards = opened.locator("#data ~ details .card")
    assert cards.count() > 0 and not cards.first.is_visible()
    opened.emulate_media(media="print")
    assert all(card.bounding_box()["height"] > 20 for card in cards.all())
    assert all(card.evaluate("card => card.checkVisibility()") for card in cards.all())
    assert not opened.locator("nav").is_visible()


def test_printed_on_a4_nothing_is_cut_off(opened):
    opened.set_viewport_size({"width": 718, "height": 1000})  # between the margins, at 96 pixels an inch
    opened.emulate_media(media="print")
    assert overflow(opened) <= 0
