"""A participant's way in JupyterLab: open a notebook, run all, move the slider, see the output change."""

import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from playbook.catalogue import project_root

pytestmark = pytest.mark.browser
TOKEN = "test"
NOTEBOOK = "6_measure.ipynb"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The address of a JupyterLab on a copy of one committed notebook."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copy(project_root() / "modules" / NOTEBOOK, folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    options = ["--no-browser", "--allow-root", f"--port={port}", f"--IdentityProvider.token={TOKEN}"]
    code = "from playbook.cli import main; main()"
    server = subprocess.Popen(
        [sys.executable, "-c", code, "lab", str(folder), *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=_clean_environment(folder),
    )
    try:
        _wait_until_up(f"{address}/api/status?token={TOKEN}", server)
        yield address
    finally:
        subprocess.run(
            [sys.executable, "-m", "jupyter_server.serverapp", "stop", str(port)], capture_output=True
        )
        server.terminate()
        server.wait(timeout=30)


def _clean_environment(folder):
    """No settings or workspaces of whoever runs the tests."""
    import os

    return os.environ | {
        "JUPYTER_CONFIG_DIR": str(folder / ".config"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / ".lab"),
    }


def _wait_until_up(url, server):
    for _ in range(240):
        assert server.poll() is None, "JupyterLab ended before it answered"
        try:
            urllib.request.urlopen(url, timeout=1).read()
            return
        except OSError:
            time.sleep(0.25)
    pytest.fail("JupyterLab did not answer within a minute")


def test_run_all_then_move_the_slider(lab, browser):
    """The finding in the picture's alt text follows the slider; no cell fails."""
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.goto(f"{lab}/lab/tree/{NOTEBOOK}?token={TOKEN}")
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=90_000)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    picture = page.locator(".jp-OutputArea .widget-html img")
    picture.first.wait_for(state="attached", timeout=120_000)
    before = picture.first.get_attribute("alt")
    handle = page.locator(".jp-OutputArea .widget-slider .noUi-handle").first
    handle.scroll_into_view_if_needed()
    handle.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "before => document.querySelector('.jp-OutputArea .widget-html img').alt !== before",
        arg=before,
        timeout=30_000,
    )
    after = picture.first.get_attribute("alt")
    assert re.match(r"At [\d.]+ sd", before)
    assert re.match(r"At [\d.]+ sd", after)
    assert page.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.stderr']").count() == 0
    page.close()
