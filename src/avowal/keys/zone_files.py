"""Key records as files that others bring into DNS: a zone include, octoDNS, external-dns.

Each file is written as a whole, beside and renamed, and only if something changes.  It holds
all records that this host publishes for the zone, and nothing else: it is ours.
"""

from __future__ import annotations

import errno
import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from avowal import paths
from avowal.keys.publishing import Publication, PublishError
from avowal.keys.records import txt_line

Render: TypeAlias = Callable[[Mapping[str, str], int], str]
_MODE: Final = 0o644  # public records
_MOST_OCTETS: Final = 16 << 20  # of a file that is compared
_MARK: Final = "written by avowal: changes here are lost"
_RELOAD_SECONDS: Final = 60


class ZoneFile:
    """Keeps a file as `render` writes it; then runs `reload`, a command, if there is one."""

    def __init__(
        self, path: str, render: Render, *, ttl: int = 3600, reload: Sequence[str] = ()
    ) -> None:
        self._path = path
        self._render = render
        self._ttl = ttl
        self._reload = tuple(reload)

    def publish(
        self, changes: Mapping[str, str | None], standing: Mapping[str, str]
    ) -> Publication:
        """Write all that stands.  Raises PublishError."""
        del changes
        octets = self._render(dict(sorted(standing.items())), self._ttl).encode()
        try:
            if octets == _there(self._path):
                return Publication(written=True, told=f"{self._path} is as it has to be")
            paths.replace(self._path, octets, _MODE)
        except OSError as error:
            raise PublishError(f"{self._path}: {error.strerror or error}") from None
        if not self._reload:
            return Publication(written=True, told=f"wrote {self._path}; the zone is not reloaded")
        self._run()
        return Publication(written=True, told=f"wrote {self._path} and ran {self._reload[0]}")

    def _run(self) -> None:
        try:
            ran = subprocess.run(  # noqa: S603 - the operator's own command, without a shell
                self._reload, capture_output=True, timeout=_RELOAD_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PublishError(f"wrote {self._path}, but {self._reload[0]}: {error}") from None
        if ran.returncode:
            said = ran.stderr.decode("utf-8", "replace").strip().splitlines()
            why = said[-1] if said else f"status {ran.returncode}"
            raise PublishError(f"wrote {self._path}, but {self._reload[0]}: {why}")


def _there(path: str) -> bytes | None:
    try:
        return paths.read(path, _MOST_OCTETS)
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.EFBIG}:
            return None
        raise


def zone_include(records: Mapping[str, str], ttl: int) -> str:
    """Write lines for ``$INCLUDE`` in a zone file (RFC 1035 §5.1); the serial stays yours."""
    lines = [txt_line(name, text, ttl=ttl) for name, text in records.items()]
    return "\n".join([f"; {_MARK}", *lines, ""])


def octodns(zone: str) -> Render:
    """Return what writes a zone of octoDNS's YamlProvider: names relative, ``;`` escaped."""

    def render(records: Mapping[str, str], ttl: int) -> str:
        lines = [f"# {_MARK}", "---"]
        for name, text in records.items():
            relative = name.removesuffix(f".{zone}")
            value = json.dumps(text.replace("\\", "\\\\").replace(";", "\\;"))
            lines += [
                f"{json.dumps(relative)}:",
                f"  ttl: {ttl}",
                "  type: TXT",
                f"  value: {value}",
            ]
        return "\n".join([*lines, ""]) if records else f"# {_MARK}\n--- {{}}\n"

    return render


def dns_endpoint(metadata_name: str) -> Render:
    """Return what writes one DNSEndpoint of Kubernetes' external-dns, for ``kubectl apply``."""

    def render(records: Mapping[str, str], ttl: int) -> str:
        lines = [
            f"# {_MARK}",
            "apiVersion: externaldns.k8s.io/v1alpha1",
            "kind: DNSEndpoint",
            "metadata:",
            f"  name: {json.dumps(metadata_name)}",
            "spec:",
            "  endpoints:" if records else "  endpoints: []",
        ]
        for name, text in records.items():
            lines += [
                f"    - dnsName: {json.dumps(name)}",
                f"      recordTTL: {ttl}",
                "      recordType: TXT",
                f"      targets: [{json.dumps(text)}]",
            ]
        return "\n".join([*lines, ""])

    return render
