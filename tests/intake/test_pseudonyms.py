"""Pseudonyms are HMAC-SHA256, the key is made once and shown nowhere, and one person's spellings meet."""

import hmac
import json
import multiprocessing
import stat

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playbook.errors import SettingsError
from playbook.intake import pseudonyms

SECRET = b"a secret of thirty-two letters!!"


def hashed(key: bytes, *values: str | None) -> list[str | None]:
    with duckdb.connect() as connection:
        pseudonyms.register(connection, key)
        query = f"select {pseudonyms.sql('value')} from (select unnest(?::varchar[]) as value)"
        return [row[0] for row in connection.execute(query, [list(values)]).fetchall()]


def one_form(kind: str, *values: str) -> set[str]:
    with duckdb.connect() as connection:
        query = f"select {pseudonyms.normalised(kind, 'value')} from (select unnest(?::varchar[]) as value)"
        return {row[0] for row in connection.execute(query, [list(values)]).fetchall()}


@settings(deadline=None, max_examples=30)
@given(st.binary(min_size=16, max_size=100), st.lists(st.text(max_size=20), min_size=1, max_size=5))
def test_a_pseudonym_is_the_hmac_that_python_computes(key, values):
    """Keys shorter and longer than SHA-256's block, any text."""
    assert hashed(key, *values) == [hmac.new(key, one.encode(), "sha256").hexdigest()[:16] for one in values]


def test_a_published_example_and_an_empty_cell():
    """RFC 4231, test case 2 under its short key; null has no pseudonym."""
    assert hashed(b"Jefe", "what do ya want for nothing?", None) == ["5bdcc146bf60754e", None]


SPELLINGS = {
    "email": ("Ann.Lee@Example.com ", "ann.lee@example.com", "mailto:ann.lee@example.com"),
    "phone": ("+49 (0)30 123-456", "0049 30 123456", "030/123456", "030 123 456", "+4930123456"),
    "name": ("MÜLLER, Jörg", "Jörg Müller", "jorg  muller", "Mu\u0308ller Jo\u0308rg"),
    "address": ("Große Straße 5", "GROSSE STRASSE 5".replace("GROSSE", "GROßE"), "Große Str. 5"),
    "note": (" Some  text", "some text"),
}


@pytest.mark.parametrize("kind", SPELLINGS)
def test_spellings_of_one_value_have_one_form(kind):
    """So that they get one pseudonym."""
    assert len(one_form(kind, *SPELLINGS[kind])) == 1


DIFFERENT = {
    "email": ("ann.lee@example.com", "annlee@example.com"),
    "phone": ("+49 30 123456", "+49 30 123457", "n/a", "?"),
    "name": ("Ann Lee", "Ann Leigh", "Ann Lee Lee", "???", "--"),
    "address": ("High Street 5", "High Street 15", "High Road 5", "?", "-"),
}


@pytest.mark.parametrize("kind", DIFFERENT)
def test_different_values_keep_different_forms(kind):
    """Also values without a letter or digit, which do not all become the same person."""
    assert len(one_form(kind, *DIFFERENT[kind])) == len(DIFFERENT[kind])


def test_the_key_is_in_no_query_plan_profile_or_error(tmp_path):
    """Neither as it is nor as the two pads of RFC 2104, in letters or in hex."""
    shown = []
    with duckdb.connect(tmp_path / "on_disk.duckdb") as connection:
        pseudonyms.register(connection, SECRET)
        hashing = pseudonyms.sql("name")
        connection.execute("create table people as select 'Ann' as name")
        shown.append(hashing)
        shown.append(connection.execute(f"explain analyze select {hashing} from people").fetchall()[0][1])
        connection.execute("pragma enable_profiling = 'json'")
        connection.execute(f"pragma profiling_output = '{tmp_path / 'profile.json'}'")
        connection.execute(f"select max({hashing}) from people").fetchall()
        connection.execute("pragma disable_profiling")
        with pytest.raises(duckdb.Error) as caught:
            connection.execute(f"select ({hashing})::integer from people").fetchall()
        shown.append(str(caught.value))
    profile = (tmp_path / "profile.json").read_text(encoding="utf-8")
    assert json.loads(profile)["operator"]
    shown += [profile, (tmp_path / "on_disk.duckdb").read_bytes().decode("latin-1")]
    secrets = [SECRET, *(bytes(byte ^ pad for byte in SECRET) for pad in (0x36, 0x5C))]
    for secret in secrets:
        for text in shown:
            assert secret.decode("latin-1") not in text
            assert secret.hex() not in text.lower()


@pytest.fixture
def keys(tmp_path, monkeypatch):
    """Return the folder of the keys, not there yet."""
    monkeypatch.delenv(pseudonyms.KEY, raising=False)
    monkeypatch.setenv(pseudonyms.KEYS, str(tmp_path / "keys"))
    return tmp_path / "keys"


def test_a_key_is_made_once_per_client_for_its_owner_only(keys):
    """32 bytes, the same the next time, another one for another client; nobody else can read the file."""
    key = pseudonyms.key_of("Online Retail Ltd.")
    assert len(key) == 32
    assert pseudonyms.key_of("Online Retail Ltd.") == key
    assert pseudonyms.key_of("Somebody else") != key
    file = keys / "online-retail-ltd.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(keys.stat().st_mode) == 0o700
    assert sorted(one.name for one in keys.iterdir()) == ["online-retail-ltd.key", "somebody-else.key"]


def test_names_in_other_letters_do_not_share_a_key(keys):
    """Their slugs would be the same: empty."""
    assert pseudonyms.key_file("日本") != pseudonyms.key_file("中国")


def _key(name: str) -> bytes:
    return pseudonyms.key_of(name)


def test_processes_that_start_together_agree_on_the_key(keys):
    """All of them get the key that one of them made."""
    with multiprocessing.get_context("fork").Pool(4) as pool:
        found = pool.map(_key, ["one client"] * 16, chunksize=1)
    assert len(set(found)) == 1


def test_the_environment_can_give_the_key(keys, monkeypatch):
    """As hex digits or as a text; then no file is made."""
    monkeypatch.setenv(pseudonyms.KEY, "00ff" * 8)
    assert pseudonyms.key_of("any") == bytes.fromhex("00ff" * 8)
    monkeypatch.setenv(pseudonyms.KEY, "correct horse battery")
    assert pseudonyms.key_of("any") == b"correct horse battery"
    assert not keys.exists()


def test_a_short_key_is_refused_without_showing_it(keys, monkeypatch):
    """One line, with the length and not the letters."""
    monkeypatch.setenv(pseudonyms.KEY, "tooshort")
    with pytest.raises(SettingsError, match="16 characters or more, this has 8") as caught:
        pseudonyms.key_of("any")
    assert "tooshort" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "problem"), [("zzzz", "this is no key"), ("00ff", "incomplete"), ("", "incomplete")]
)
def test_a_broken_key_file_is_refused_without_showing_it(keys, content, problem):
    """Not replaced either: a new key would make other pseudonyms."""
    pseudonyms.key_of("any")
    (keys / "any.key").write_text(content)
    with pytest.raises(SettingsError, match=problem) as caught:
        pseudonyms.key_of("any")
    assert not content or content not in str(caught.value)
    assert (keys / "any.key").read_text() == content


def test_a_key_that_others_can_read_is_refused(keys):
    """With the command that mends it."""
    pseudonyms.key_of("any")
    (keys / "any.key").chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        pseudonyms.key_of("any")


def test_a_fingerprint_tells_keys_apart():
    """8 hex characters, not the pseudonym of anything a client's data would hold."""
    one, other = pseudonyms.fingerprint(SECRET), pseudonyms.fingerprint(SECRET + b"x")
    assert one != other
    assert len(one) == 8
    assert one == pseudonyms.fingerprint(SECRET)
