"""A real PostgreSQL server for tests: made in a temporary folder, reached by a socket in it, gone afterwards."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pwd

DEBIAN = Path("/usr/lib/postgresql")  # Debian and Ubuntu keep the server's programs off the PATH
USER, PASSWORD = "facilitator", "open-sesame-4711"
FAST = "-c fsync=off -c full_page_writes=off -c shared_buffers=64MB"  # nothing here has to outlive a crash


def programs() -> Path | None:
    """Return the folder of the newest PostgreSQL server on this machine, if there is one."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    found = [folder for folder in DEBIAN.glob("*/bin") if (folder / "initdb").is_file()]
    return max(found, key=lambda folder: float(re.sub(r"[^\d.]", "", folder.parent.name) or 0), default=None)


@contextmanager
def serve(programs: Path) -> Iterator[str]:
    """Start a server of its own and yield the address of its empty database; stop it at the end."""
    home = Path(tempfile.mkdtemp(prefix="pg-"))  # short: the path of a socket has 107 characters at most
    owner = _owner()
    data, log = home / "data", home / "log"
    (home / "password").write_text(PASSWORD, encoding="ascii")
    if owner:
        for path in (home, home / "password"):
            os.chown(path, owner.pw_uid, owner.pw_gid)
    control = [programs / "pg_ctl", "--pgdata", data, "--wait", "--silent"]
    options = f"-k {home} -c listen_addresses='' {FAST}"
    try:
        _run(
            [programs / "initdb", "--pgdata", data, "--username", USER, "--pwfile", home / "password"]
            + ["--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync"],
            owner,
        )
        _run([*control, "--log", log, "--options", options, "start"], owner)
        try:
            yield f"postgresql://{USER}:{PASSWORD}@/postgres?host={home}"
        finally:
            _run([*control, "--mode", "immediate", "stop"], owner)
    finally:
        shutil.rmtree(home)


def _owner() -> pwd.struct_passwd | None:
    """Return whose server it is: PostgreSQL refuses to run as root."""
    import pwd  # not on every machine

    if os.geteuid() != 0:
        return None
    users = {user.pw_name: user for user in pwd.getpwall()}
    return users.get("postgres") or users["nobody"]


def _run(command: list[str | Path], owner: pwd.struct_passwd | None) -> None:
    # Not captured by a pipe: the server that pg_ctl leaves behind would hold it open for ever.
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
            user=owner.pw_uid if owner else None,
            group=owner.pw_gid if owner else None,
            extra_groups=[] if owner else None,
        )
        if done.returncode:
            output.seek(0)
            raise RuntimeError(f"{command[0]}: {output.read().decode(errors='replace')}")
