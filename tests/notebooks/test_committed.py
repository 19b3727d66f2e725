"""The committed notebooks are what the sections build, executed, and open as they are."""

import nbformat
import pytest

from playbook.catalogue import modules, project_root
from playbook.notebooks import build

NAMES = list(modules())


def committed(name):
    return nbformat.read(project_root() / "modules" / modules()[name].notebook, as_version=4)


@pytest.mark.parametrize("name", NAMES)
def test_a_committed_notebook_equals_its_sections(name):
    """Cells, ids and tags are those that `make notebooks` builds; run it after editing a section."""
    stored, built = committed(name), build(modules()[name])
    assert [(c.id, c.source) for c in stored.cells] == [(c.id, c.source) for c in built.cells]
    assert [c.metadata.get("tags") for c in stored.cells] == [c.metadata.get("tags") for c in built.cells]


@pytest.mark.parametrize("name", NAMES)
def test_a_committed_notebook_keeps_text_results_and_nothing_heavy(name):
    """Results are there for nbval to compare; pictures, widget state and run metadata are not."""
    notebook = committed(name)
    nbformat.validate(notebook)
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert len([o for o in outputs if "text/plain" in o.get("data", {})]) >= 5
    assert not any(o.output_type in {"error", "stream"} for o in outputs)
    assert not any("image/png" in o.get("data", {}) for o in outputs)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}


@pytest.mark.parametrize("name", NAMES)
def test_papermill_reads_types_and_comments_of_all_parameters(name):
    """`papermill --help-notebook` explains each parameter."""
    import papermill

    path = project_root() / "modules" / modules()[name].notebook
    parameters = papermill.inspect_notebook(str(path))
    assert {"client", "store", "as_of", "currency", "register"} <= set(parameters)
    assert all(p["inferred_type_name"] != "None" and p["help"] for p in parameters.values())


@pytest.mark.parametrize("name", NAMES)
def test_no_cell_defines_a_function_and_most_are_short(name):
    """Cells call the library; the parameters cell aside, the median has at most six lines."""
    cells = [c for c in committed(name).cells[2:] if c.cell_type == "code"]
    assert not any(line.startswith(("def ", "class ")) for c in cells for line in c.source.splitlines())
    lengths = sorted(len(c.source.splitlines()) for c in cells)
    assert lengths[len(lengths) // 2] <= 6
