"""A Chromium for the tests of the pages; where there is none, they are skipped."""

import os
import shutil

import pytest
from playwright.sync_api import sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="session")
def browser():
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    with sync_playwright() as playwright:
        sandbox = not hasattr(os, "geteuid") or os.geteuid() != 0  # as root, Chromium has none
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, chromium_sandbox=sandbox)
        yield chromium
        chromium.close()
