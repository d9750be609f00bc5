"""The page as a person meets it: every view, at three widths, light and dark; live, hostile, long, and by keyboard."""

import re
from typing import Any

import pytest

from tests.browser.conftest import Opened
from tests.browser.stage import LONG_IDEA, TRIALS
from tests.integration.conftest import Daemon

VIEWS = [
    "status",
    "experiments",
    "experiments/knob-1",
    "projects",
    "projects/knob",
    "hive",
    "deltas",
    "deltas/ENTRY",
    "agents",
    "skills",
    "skills/parse-a-date",
    "advice",
]
WIDTHS = (1280, 768, 380)
SCHEMES = ("light", "dark")
GRAVE = {"serious", "critical"}
AXE = "() => axe.run(document, {resultTypes: ['violations']}).then(found => found.violations)"
HOSTILE = ["experiments/knob-1", "hive", "deltas", "skills", "skills/parse-a-date", "advice"]
HEARD = """() => new Promise(resolve => {
  const list = document.querySelector('.window');
  let frames = 0, longest = 0, before = performance.now();
  const step = now => {
    longest = Math.max(longest, now - before); before = now;
    list.scrollTop = list.scrollHeight * frames / 60;
    if (++frames > 60) resolve({longest, rows: document.querySelectorAll('.window-row').length});
    else requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
})"""


@pytest.fixture(scope="module")
def axe(opened: Opened) -> Opened:
    """The page with axe-core in it: put there by the debugger, since the page's policy lets no foreign script in."""
    from axe_playwright_python.base import AXE_FILE_PATH

    opened.page.evaluate(AXE_FILE_PATH.read_text())
    return opened


@pytest.fixture(autouse=True)
def _wide_again(opened: Opened) -> Any:
    opened.page.set_viewport_size({"width": 1280, "height": 900})
    opened.faults.clear()
    yield
    assert opened.faults == []


def place_of(view: str, node: Daemon) -> str:
    return view.replace("ENTRY", str(node.client.get("/v1/deltas")["items"][0]["id"]))


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_is_for_everybody_at_any_width_in_light_and_dark(axe: Opened, node: Daemon, view: str) -> None:
    axe.go(place_of(view, node))
    for width in WIDTHS:
        axe.page.set_viewport_size({"width": width, "height": 900})
        for scheme in SCHEMES:
            axe.page.emulate_media(color_scheme=scheme)
            found = [(one["id"], one["nodes"][0]["html"]) for one in axe.page.evaluate(AXE) if one["impact"] in GRAVE]
            assert found == [], (width, scheme)
        too_wide = axe.page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
        assert too_wide <= 0, width


@pytest.mark.parametrize("view", HOSTILE)
def test_what_peers_and_models_say_stays_text(opened: Opened, view: str) -> None:
    opened.go(view)
    opened.page.wait_for_selector("text=<img src=x")
    assert opened.page.evaluate("() => window.broken") is None
    assert opened.page.locator("main img, main script").count() == 0
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", opened.page.locator("body").inner_text())


def test_a_long_or_reordered_idea_is_shown_as_it_is_and_breaks_nothing(opened: Opened) -> None:
    opened.go("deltas")
    assert "invoice‹U+202E›fdp.exe" in opened.page.locator("main").inner_text()
    opened.go("experiments/knob-1")
    opened.page.locator('.window-row[data-index="2"]', has_text="widen").click()
    dialog = opened.page.locator("dialog")
    dialog.locator("details.long summary").click()
    assert dialog.locator(".whole").inner_text().strip() == LONG_IDEA.strip()
    dialog.get_by_role("button", name="Close").click()


def test_the_policy_stops_what_a_slip_of_ours_would_let_through(opened: Opened) -> None:
    """Were a text ever made markup or a handler, the browser itself refuses it."""
    for slip in ("document.body.innerHTML = '<b>x</b>'", "document.body.setAttribute('onclick', 'broken=1')"):
        tried = f"() => {{ try {{ {slip}; return 'taken'; }} catch (error) {{ return error.name; }} }}"
        assert opened.page.evaluate(tried) == "TypeError"
    opened.page.wait_for_timeout(100)
    opened.faults.clear()  # which the browser reported, as it should


def test_ten_thousand_trials_scroll_smoothly(opened: Opened) -> None:
    opened.go("experiments/knob-1")
    opened.page.wait_for_selector(f'.window[aria-rowcount="{TRIALS + 1}"]')
    seen = opened.page.evaluate(HEARD)
    assert seen["rows"] < 80  # what can be seen, and a little around it
    opened.page.wait_for_selector(f'.window-row[aria-rowindex="{TRIALS + 1}"] >> text="1"')


def test_an_experiment_is_walked_through_by_keyboard_alone(opened: Opened) -> None:
    opened.go("experiments/knob-1")
    page = opened.page
    page.locator(".window").focus()
    for key in ("ArrowDown", "ArrowDown", "End", "Home", "PageDown"):
        page.keyboard.press(key)
        page.wait_for_timeout(30)
    assert page.evaluate("() => document.activeElement.getAttribute('aria-rowindex')") == "14"
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog[open] >> text=Everything that was kept of it")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog:not([open])", state="attached")
    page.evaluate("() => { document.activeElement.blur(); scrollTo(0, 0); }")


def test_the_first_tab_skips_to_the_content(opened: Opened) -> None:
    opened.page.reload()
    opened.page.wait_for_selector("main[data-shown]")
    opened.page.keyboard.press("Tab")
    assert opened.page.evaluate("() => document.activeElement.id") == "skip"
    opened.page.keyboard.press("Enter")
    assert opened.page.evaluate("() => document.activeElement.id") == "main"


def test_a_run_in_progress_shows_without_reload(opened: Opened, node: Daemon) -> None:
    started = node.client.post("/v1/experiments", {"project": "knob", "iterations": 2, "operator": "tune", "seed": 2})[
        "id"
    ]
    opened.go(f"experiments/{started}")
    opened.page.evaluate("() => { window.notReloaded = true; }")
    opened.page.wait_for_selector('.window[aria-rowcount="3"]', timeout=60_000)
    opened.page.wait_for_selector("main >> text=It ended", timeout=60_000)
    opened.page.wait_for_selector("svg[role=img][aria-label*='over 2 ideas']")
    assert opened.page.evaluate("() => window.notReloaded")


def test_what_a_person_decides_is_asked_once_and_done(opened: Opened, node: Daemon) -> None:
    opened.go("advice")
    page = opened.page
    page.get_by_role("button", name="Reject").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    assert node.client.get("/v1/advice")["items"][0]["standing"] == "open"
    page.get_by_role("button", name="Reject").click()
    page.get_by_role("dialog").get_by_role("button", name="Reject").click()
    page.wait_for_selector("main >> text=Nothing waits for you")
    assert node.client.get("/v1/advice")["items"][0]["standing"] == "rejected"


def test_no_secret_is_in_the_address_the_history_or_a_cookie_that_scripts_read(opened: Opened) -> None:
    address = "() => [location.href, document.cookie, document.referrer].join(' ')"
    assert not re.search(r"code|[\w-]{43}", opened.page.evaluate(address))
    assert opened.page.evaluate("() => localStorage.length") == 1
    token = opened.node.home.token.read_text().strip()
    assert token not in str(opened.page.evaluate("() => JSON.stringify(localStorage)"))


def test_without_a_session_and_after_signing_out_there_is_only_the_way_in(browser: Any, node: Daemon) -> None:
    context = browser.new_context()
    stranger = Opened(context.new_page(), node)
    address = node.client.get("/v1/status")["doors"]["api"]
    stranger.page.goto(f"http://{address}/#/experiments")
    stranger.page.wait_for_selector("main[data-shown=sign-in]")
    assert "hive-node open" in stranger.page.locator("main").inner_text()
    stranger.page.goto(f"http://{address}/#code={'A' * 43}")
    stranger.page.wait_for_selector("text=this link was used")
    stranger.sign_in()
    stranger.page.get_by_role("button", name="Sign out").click()
    stranger.page.wait_for_selector("main[data-shown=sign-in]")
    stranger.page.reload()
    stranger.page.wait_for_selector("main[data-shown=sign-in]")
    context.close()
