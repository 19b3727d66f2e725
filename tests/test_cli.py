"""Commands answer --help at once, and every error is one clear line."""

import subprocess
import sys

import pytest

COMMANDS = ("new", "generate", "intake", "run", "book", "participants", "lab", "plays")


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
        (("generate", "w", "--seed", "x"), 2, "Invalid value for '--seed'"),
        (("book", "nowhere"), 1, "is not finished"),
        (("participants", "nowhere"), 1, "nowhere"),
        (("lab", "nowhere"), 1, "no folder 'nowhere'"),
        (("intake", "nowhere.yml", "store"), 1, "nowhere.yml"),
        (("new", "!!"), 1, "expected at least one letter"),
    ],
)
def test_an_error_is_one_line(tmp_path, arguments, code, expected):
    """Wrong input ends with one line on standard error, no traceback, and nothing left behind."""
    result = playbook(*arguments, cwd=tmp_path)
    assert (result.returncode, result.stdout) == (code, "")
    assert expected in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())


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
