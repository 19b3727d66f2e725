"""Commands answer --help at once, and every error is one clear line."""

import os
import signal
import subprocess
import sys
import time

import pytest

COMMANDS = ("new", "generate", "intake", "readiness", "run", "book", "participants", "lab", "plays")


def playbook(*arguments, cwd=None):
    code = "from playbook.cli import main; main()"
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=cwd)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command):
    """--help says what the command does."""
    result = playbook(command, "--help")
    assert result.returncode == 0
    assert command in result.stdout


def test_help_loads_nothing_heavy():
    """The command line itself imports no pandas, so that --help answers at once."""
    code = "import sys, playbook.cli; print(sorted({'pandas', 'numpy', 'matplotlib', 'pydantic'} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert loaded.strip() == "[]"


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (("rnu",), 2, "Did you mean 'run'?"),
        (("run", "nowhere.yml"), 1, "nowhere.yml: cannot be read"),
        (("plays", "desing"), 1, "no module 'desing'; did you mean 'design'?"),
        (("generate", "w", "--customers", "5"), 1, "world.customers: expected 200"),
        (("generate", "w", "--industry", "retial"), 1, "unknown 'retial'; did you mean 'retail'?"),
        (("generate", "w", "--region", "GB", "--region", "XX"), 1, "world.regions: unknown 'XX'"),
        (("generate", "w", "--tiers", "a,b,c"), 1, "--tiers: expected a number, got 'a'"),
        (("generate", "w", "--tiers", "0.5,0.5,0.5"), 1, "world.tiers: expected shares that sum to 1"),
        (("generate", "w", "--effect-of", "design.routing"), 1, "--effect-of: expected play=factor"),
        (("generate", "w", "--domain", "ordres"), 1, "no domain 'ordres'; did you mean 'orders'?"),
        (("generate", "w", "--workers", "0"), 2, "Invalid value for '--workers'"),
        (("generate", "w", "--seed", "x"), 2, "Invalid value for '--seed'"),
        (("book", "nowhere"), 1, "is no run"),
        (("participants", "nowhere"), 1, "nowhere"),
        (("lab", "nowhere"), 1, "no folder 'nowhere'"),
        (("intake", "nowhere.yml", "store"), 1, "nowhere.yml"),
        (("new", "!!"), 1, "expected at least one letter"),
        (("new", "a" * 81), 1, "at most 80 signs"),
        (("new", "two\nlines"), 1, "expected one line"),
    ],
)
def test_an_error_is_one_line(tmp_path, arguments, code, expected):
    """Wrong input ends with one line on standard error, no traceback, and nothing left behind."""
    result = playbook(*arguments, cwd=tmp_path)
    assert (result.returncode, result.stdout) == (code, "")
    assert expected in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments", [("new", "Acme", "--to"), ("generate", "--customers", "200")])
def test_a_file_where_a_folder_is_wanted_is_one_line(tmp_path, arguments):
    """What the system refuses is the user's to mend as well: the path and the reason, no traceback."""
    (tmp_path / "notes").write_text("dear")
    result = playbook(*arguments, "notes/x", cwd=tmp_path)
    assert result.returncode == 1
    assert "notes" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert (tmp_path / "notes").read_text() == "dear"


@pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C to a whole console, this test's included")
def test_ctrl_c_stops_a_run_at_once_and_the_next_continues(tmp_path):
    """One line, exit code 130, no module left running; what is done is not done again."""
    world = "data: {world: {seed: 7, customers: 600}}\nmodules: [govern, measure, sustain]\n"
    head = "client: {name: Acme, industry: tools, currency: EUR}\nas_of: 2026-07-01\n"
    (tmp_path / "e.yml").write_text(head + world)
    code = "from playbook.cli import main; main()"
    command = [sys.executable, "-c", code, "run", "e.yml", "--to", "run"]
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    while not list(tmp_path.glob("run/notebooks/.draft-*")):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.splitlines() == ["store: done", "playbook: stopped; run the same command again to continue"]
    assert "is not finished" in playbook("participants", "run", cwd=tmp_path).stderr
    again = playbook("run", "e.yml", "--to", "run", cwd=tmp_path)
    assert again.returncode == 0
    assert again.stderr.startswith("store: unchanged")
    assert not list(tmp_path.glob("run/notebooks/.draft-*"))


def test_new_writes_a_file_that_is_valid_and_is_not_overwritten(tmp_path):
    """A facilitator's first file passes its own check; a second `new` leaves it alone."""
    from playbook.engagement.settings import read_engagement

    assert playbook("new", "O'Hara & Söhne: Ltd", "--to", "e", cwd=tmp_path).returncode == 0
    (path,) = tmp_path.glob("e/*/engagement.yml")
    assert read_engagement(path).client.name == "O'Hara & Söhne: Ltd"
    again = playbook("new", "O'Hara & Söhne: Ltd", "--to", "e", cwd=tmp_path)
    assert again.returncode == 1
    assert "already there" in again.stderr


def test_plays_lists_what_each_play_decides():
    """The list comes from the sections."""
    assert "measure.control_charts" in playbook("plays", "measure").stdout
