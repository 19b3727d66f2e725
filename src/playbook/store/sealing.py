"""Sealed files: a check can read them, someone who opens them sees noise.

This keeps answers out of sight, not secret: whoever has the playbook can run its checks, and so could unseal.
"""

from __future__ import annotations

import hashlib
import os
import zlib

from playbook.errors import StoreError

MARK = b"playbook-sealed-1\n"
SALT_BYTES = 16
CHECK_BYTES = 8


def _stream(salt: bytes, size: int) -> bytes:
    return hashlib.shake_256(MARK + salt).digest(size)


def _xor(data: bytes, stream: bytes) -> bytes:
    return (int.from_bytes(data, "big") ^ int.from_bytes(stream, "big")).to_bytes(len(data), "big")


def seal(data: bytes) -> bytes:
    """Return `data` compressed and masked with a fresh salt.

    Examples
    --------
    >>> unseal(seal(b"the answer"))
    b'the answer'
    """
    salt = os.urandom(SALT_BYTES)
    body = hashlib.sha256(data).digest()[:CHECK_BYTES] + zlib.compress(data)
    return MARK + salt + _xor(body, _stream(salt, len(body)))


def unseal(sealed: bytes) -> bytes:
    """Return what was sealed.

    Raises
    ------
    StoreError
        When the bytes are not a sealed file, or were changed.
    """
    if not sealed.startswith(MARK):
        raise StoreError("not a sealed file: copy the participant folder again")
    salt, masked = sealed[len(MARK) :][:SALT_BYTES], sealed[len(MARK) + SALT_BYTES :]
    body = _xor(masked, _stream(salt, len(masked)))
    try:
        data = zlib.decompress(body[CHECK_BYTES:])
    except zlib.error:
        data = b""
    if hashlib.sha256(data).digest()[:CHECK_BYTES] != body[:CHECK_BYTES]:
        raise StoreError("a sealed file was changed: copy the participant folder again")
    return data
