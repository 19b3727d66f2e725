"""Where no terminal is watching, each finished step is one line."""

from playbook.progress import progress


def test_each_finished_step_is_one_line(capsys):
    """A log shows what was done and what was unchanged, and no spinner."""
    with progress() as report:
        report("store", "unchanged")
        report("module-define", "running")
        report("module-define", "done")
    assert capsys.readouterr().err.splitlines() == ["store: unchanged", "module-define: done"]
