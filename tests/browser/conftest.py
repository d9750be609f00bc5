"""One headless Chromium and one node for every test of the page.

def test_something(opened, node):
    opened.go("experiments/knob-1")      # signed in, the view drawn
    opened.page.get_by_role("button", name="Stop").click()
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.browser import stage
from tests.integration.conftest import Daemon, make_knob_project, running_daemons

# What distributions call it; `make install` installs it where it may.
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_QUIET = [
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
]  # fmt: skip


_GO = """place => {
  delete document.getElementById('main').dataset.shown;
  if (location.hash === place) dispatchEvent(new Event('hashchange'));
  else location.hash = place;
}"""


@dataclass
class Opened:
    """The page in the browser. faults: what the browser reported: errors of scripts, and what the policy stopped."""

    page: Any
    node: Daemon
    faults: list[str] = field(default_factory=list)

    def sign_in(self) -> None:
        self.page.goto(self.node.client.post("/v1/page/links")["url"])
        self.page.wait_for_selector("main[data-shown=status]")

    def go(self, place: str) -> None:
        """Show a view; returns once it is drawn."""
        self.page.evaluate(_GO, f"#/{place}")
        self.page.wait_for_selector("main[data-shown]")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium; without one the tests are skipped, and say so.

    For no longer than a module: while Playwright runs, its event loop does, and asynchronous tests in the same process cannot.
    """
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium on this machine: `make install` as root installs it")
    from playwright.sync_api import sync_playwright

    own_sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium's refuses to run as root
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=found, args=[*_QUIET, *own_sandbox])
        yield running
        running.close()


@pytest.fixture(scope="module")
def node(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A node in a hive of two that has improved a project, and holds what liars and years leave."""
    daemons = running_daemons()
    make = next(daemons)
    ada, bo = make("ada", "ada"), make("bo", "bo")
    stage.hive(ada, bo)
    stage.contest(ada)
    stage.experiment(ada, make_knob_project(tmp_path_factory.mktemp("project") / "knob", iterations=2))
    ada.stop()
    stage.hostile(ada)
    ada.start()
    yield ada
    daemons.close()


@pytest.fixture(scope="module")
def opened(browser: Any, node: Daemon) -> Iterator[Opened]:
    """The page, signed in."""
    context = browser.new_context()
    page = Opened(context.new_page(), node)
    page.page.on("console", lambda said: page.faults.append(said.text) if said.type == "error" else None)
    page.page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.sign_in()
    yield page
    context.close()
