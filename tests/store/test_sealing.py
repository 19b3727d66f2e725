"""What is sealed comes back unchanged, shows nothing to someone who opens it, and a change is noticed."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playbook.errors import StoreError
from playbook.store.sealing import MARK, SALT_BYTES, seal, unseal


@given(st.binary(max_size=5_000))
def test_comes_back_unchanged(data):
    """Any bytes, empty ones included."""
    assert unseal(seal(data)) == data


def test_shows_nothing():
    """Neither the text nor its repetitions are to be seen, and the same text looks different each time."""
    text = b"patience_min 7.25\n" * 40
    first, second = seal(text), seal(text)
    assert b"patience" not in first
    assert first[len(MARK) :] != second[len(MARK) :]


@given(st.data())
def test_a_changed_byte_never_changes_the_answer(data):
    """Either it is noticed, or it was one of the few bits that compression does not use."""
    answer = b"the answer is 42" * 5
    sealed = bytearray(seal(answer))
    place = data.draw(st.integers(len(MARK), len(sealed) - 1))
    sealed[place] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(StoreError):
        assert unseal(bytes(sealed)) == answer


def test_a_changed_check_is_noticed():
    """The first byte behind mark and salt belongs to the hash."""
    sealed = bytearray(seal(b"the answer is 42"))
    sealed[len(MARK) + SALT_BYTES] ^= 1
    with pytest.raises(StoreError, match="was changed"):
        unseal(bytes(sealed))


def test_a_cut_file_is_noticed():
    """As a broken download leaves it."""
    with pytest.raises(StoreError, match="was changed"):
        unseal(seal(b"the answer is 42" * 5)[:-3])


def test_refuses_what_is_not_sealed():
    """A Parquet file put in its place, say."""
    with pytest.raises(StoreError, match="not a sealed file"):
        unseal(b"PAR1")
