"""Database servers of our own on loopback, for as long as a test needs one."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from tests.mailloop import free_port

_PATIENCE = 60.0  # seconds until a server takes connections
_AS_NOBODY = ("setpriv", "--reuid", "nobody", "--clear-groups", "--")


def unprivileged() -> tuple[str, ...]:
    """Database servers refuse to run as root."""
    return _AS_NOBODY if os.geteuid() == 0 else ()


def _postgresql_program(name: str) -> str | None:
    """Find a program that Debian keeps out of PATH, of the newest version there is."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=_version)
    return str(found[-1]) if found else shutil.which(name)


def _version(path: Path) -> float:
    return float(path.parts[-3])


@contextmanager
def directory() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="database-"))
    if os.geteuid() == 0:
        shutil.chown(made, "nobody")
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextmanager
def serving(
    command: list[str], url: str, first: Callable[[Any], None] = lambda _: None
) -> Iterator[None]:
    """Run a server until its first connection works; end it afterwards."""
    server = subprocess.Popen(
        [*unprivileged(), *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    sqlalchemy = pytest.importorskip("sqlalchemy")
    engine = sqlalchemy.create_engine(url)
    try:
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                with engine.begin() as connection:
                    first(connection)
                break
            except sqlalchemy.exc.OperationalError:
                if time.monotonic() > until or server.poll() is not None:
                    raise
                time.sleep(0.1)
        yield
    finally:
        engine.dispose()
        server.send_signal(signal.SIGINT)  # PostgreSQL: at once, whoever is connected
        server.terminate()
        with suppress(subprocess.TimeoutExpired):
            server.wait(_PATIENCE)
        server.kill()
        server.wait()


class PostgresServer:
    """PostgreSQL on one port, stopped and started again over the same data."""

    def __init__(self, place: Path) -> None:
        """Make the data below a directory that its user can reach.  Skips without PostgreSQL."""
        initdb, server = _postgresql_program("initdb"), _postgresql_program("postgres")
        if initdb is None or server is None:
            pytest.skip("not installed: postgresql (tests/system-packages.txt)")
        data, self.port = str(place / "data"), free_port()
        subprocess.run(
            [*unprivileged(), initdb, "-D", data, "-U", "avowal", "-A", "trust", "--no-sync",
             "-E", "UTF8"],
            check=True, capture_output=True, cwd=place,
        )  # fmt: skip
        self._command = [*unprivileged(), server, "-D", data, "-p", str(self.port),
                         "-h", "127.0.0.1", "-k", "", "-F"]  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"postgresql://avowal@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start it; it may take a moment until it takes connections."""
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """Stop it: SIGQUIT as a crash, SIGINT with a goodbye to whoever is connected."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(_PATIENCE)
            self._process = None


@contextmanager
def postgresql(first: Callable[[Any], None] = lambda _: None) -> Iterator[int]:
    """Run PostgreSQL; give its port."""
    initdb, server = _postgresql_program("initdb"), _postgresql_program("postgres")
    if initdb is None or server is None:
        pytest.skip("not installed: postgresql (tests/system-packages.txt)")
    with directory() as place:
        data, port = str(place / "data"), free_port()
        subprocess.run(
            [*unprivileged(), initdb, "-D", data, "-U", "avowal", "-A", "trust", "--no-sync",
             "-E", "UTF8"],
            check=True, capture_output=True, cwd=place,
        )  # fmt: skip
        command = [server, "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", "", "-F"]
        url = f"postgresql+psycopg://avowal@127.0.0.1:{port}/postgres"
        with serving(command, url, first):
            yield port


_CLICKHOUSE = """<yandex><logger><level>none</level></logger><tcp_port>{port}</tcp_port>
<listen_host>127.0.0.1</listen_host><path>{data}/</path><tmp_path>{data}/tmp/</tmp_path>
<mark_cache_size>67108864</mark_cache_size><users_config>{users}</users_config><timezone>UTC</timezone>
<default_profile>default</default_profile><default_database>default</default_database></yandex>"""
_CLICKHOUSE_USERS = """<yandex><profiles><default/></profiles><quotas><default/></quotas><users>
<default><password/><networks><ip>127.0.0.1</ip></networks><profile>default</profile>
<quota>default</quota></default></users></yandex>"""


@contextmanager
def clickhouse() -> Iterator[int]:
    """Run ClickHouse; give its port."""
    program = shutil.which("clickhouse-server")
    if program is None:
        pytest.skip("not installed: clickhouse-server (tests/system-packages.txt)")
    driver = pytest.importorskip("clickhouse_driver", reason="not installed (extra: clickhouse)")
    with directory() as place:
        port, users = free_port(), place / "users.xml"
        users.write_text(_CLICKHOUSE_USERS)
        configuration = place / "config.xml"
        configuration.write_text(_CLICKHOUSE.format(port=port, data=place / "data", users=users))
        server = subprocess.Popen(
            [*unprivileged(), program, f"--config-file={configuration}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=place,
        )  # fmt: skip
        try:
            until = time.monotonic() + _PATIENCE
            while True:
                client = driver.Client("127.0.0.1", port=port)
                try:
                    client.execute("SELECT 1")
                    break
                except (driver.errors.Error, OSError, EOFError):
                    if time.monotonic() > until or server.poll() is not None:
                        raise
                    time.sleep(0.1)
                finally:
                    client.disconnect()
            yield port
        finally:
            server.kill()  # what it has is thrown away
            server.wait()
