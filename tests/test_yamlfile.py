"""Whatever is wrong with a YAML file, the answer is one line that names the file."""

import pytest

from playbook.errors import SettingsError
from playbook.yamlfile import Strict, load


class Person(Strict):
    name: str
    born: object = None


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "expected keys name, born; the file holds NoneType"),
        (b"name: Acm\xe9", "not in UTF-8"),
        (b"name: a\x00b", "not valid YAML (unacceptable character #x0000"),
        (b"born: 2026-13-01", "not valid YAML (month must be in 1..12)"),
        (b"? [a, b]\n: 1", "line 1: not valid YAML (found unhashable key)"),
        (b"name: a\nname: b", "line 2: not valid YAML (key 'name' stands twice)"),
        (b"nme: a", "unknown key 'nme'; did you mean 'name'?"),
    ],
)
def test_one_line(tmp_path, content, expected):
    """From an empty file to a month that does not exist."""
    path = tmp_path / "person.yml"
    path.write_bytes(content)
    with pytest.raises(SettingsError) as error:
        load(path, Person, SettingsError)
    text = str(error.value)
    assert text.startswith(str(path))
    assert expected in text
    assert "\n" not in text


def test_a_folder_is_no_file(tmp_path):
    """Said by name."""
    with pytest.raises(SettingsError, match="cannot be read"):
        load(tmp_path, Person, SettingsError)


def test_only_true_and_false_are_flags(tmp_path):
    """A column named No, the country NO, and 'on' are texts, as YAML 1.2 has it."""

    class Names(Strict):
        names: dict[str, str]
        yes: bool

    (tmp_path / "a.yml").write_text("names: {No: NO, on: off}\nyes: true\n")
    read = load(tmp_path / "a.yml", Names, SettingsError)
    assert (read.names, read.yes) == ({"No": "NO", "on": "off"}, True)
