"""Every option is read by someone: changed alone, it changes the plan or what works by it.

What the compiler alone reads has to change the compiled plan.  Whatever else is read is read by
those who treat messages, prepare the daemon or run it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from types import FunctionType
from typing import Any

import msgspec
import pytest
from msgspec import structs
from tests.inspecting import inspected

import avowal
from avowal import app
from avowal.config.model import Configuration
from avowal.config.schema import choices, dotted_names, entries, kind, struct_in
from avowal.config.toml import parse
from avowal.crypto.signing import PrivateKey
from avowal.flow.decide import decide
from avowal.flow.plan import Plan
from avowal.flow.transaction import SmtpAuthentication, Transaction
from avowal.message import Message
from avowal.testing import ED25519, Zone, record_for

NOW = 1_700_000_000
_PEM = ED25519.pem().decode()
BASE = f"""
listeners = [{{socket = "inet:8891@localhost"}}]
[keys.main]
domain = "example.com"
selector = "s1"
inline = '''{_PEM}'''
[keys.other]
domain = "example.net"
selector = "s2"
inline = '''{_PEM}'''
[[signing.rules]]
from = "example.com"
keys = ["main"]
identity = "@%"
[[signing.resign]]
to = "list@example.com"
keys = ["main"]
[[signing.rewrites]]
pattern = "inner"
replacement = "outer"
[policies]
generations = ["2026", "adsp"]
[arc]
verify = true
seal = "main"
[events]
store = "sqlite:events.db"
[aggregate]
sender = "dmarc@example.com"
key = "main"
[[reputation.limits]]
assertion = "spam"
rating = 0.5
[actions]
malformed = "reject"
"""
ZONE = Zone({"s1._domainkey.example.com": record_for(ED25519)})
MESSAGES = (
    b"Authentication-Results: x; none\r\nFrom: a@example.net\r\nDKIM-Signature: v=1\r\n\r\n",
    (
        b"From: a@example.com\r\nTo: b@example.org\r\nSubject: s\r\nSender: a@example.net\r\n"
        b"X-Identity: a@example.com\r\n\r\nbody\r\n" + b"a long line " * 90 + b"\r\n"
    ),
    (
        b"From: a@example.net\r\nTo: list@example.com\r\nDate: now\r\n"
        b"DKIM-Signature: v=1; a=ed25519-sha256; d=example.com; s=s1; h=from; bh=YQ==; b=YQ==\r\n"
        b"SmtpAuthentication-Results: mx.example.com; dkim=pass\r\n\r\nbody\r\n"
    ),
    b"Subject: nobody\r\n\r\n",
)
_HANDED_OVER = (
    "mode", "listeners", "server", "log", "dns", "limits", "reports", "reputation", "events",
    "explanations", "capture",
)  # fmt: skip
_ELSEWHERE = {  # read where no message here comes by: in which module
    "keys.NAME.file": "key_files.py",
    "keys.NAME.inline": "key_files.py",
    "keys.NAME.credential": "key_files.py",
    "keys.NAME.private": "key_files.py",
    "signing.key_store": "stored_keys.py",
    "keys.NAME.password_file": "key_files.py",
    "signing.rules_table": "rule_tables.py",
    "extensions.key_services": "extensions.py",
    "extensions.algorithms": "extensions.py",
    "signing.require_safe_keys": "app.py",
    "signing.require_published": "app.py",
    "signing.publication_file": "app.py",
    "signing.atps_hash": "flow/signing.py",
    "arc.verify": "flow/compiler.py",
    "signing.resign.sender": "flow/signing_tables.py",
    "signing.rewrites.pattern": "flow/compiler.py",
    "signing.rewrites.replacement": "flow/compiler.py",
    "reputation.limits.assertion": "flow/policies.py",
    "reputation.limits.rating": "flow/policies.py",
    "reputation.limits.confidence": "flow/policies.py",
    "actions.tag_field": "flow/edits.py",
    "reports.copy_to": "flow/feedback.py",
    "events.keep_days": "cli/reporting.py",
    "aggregate.relay_tls": "cli/reporting.py",
    "aggregate.relay_user": "cli/reporting.py",
    "aggregate.relay_password_file": "cli/reporting.py",
    "aggregate.bounces": "cli/reporting.py",
    "failure_reports.most_per_domain": "stores/failure_tables.py",
    "failure_reports.most_per_day": "stores/failure_tables.py",
    "failure_reports.hold": "cli/reports_failures.py",
    "events.keep_counts_days": "cli/reporting.py",
    **{
        f"aggregate.{name}": "cli/reporting.py"
        for name in (
            "organization",
            "sender",
            "contact",
            "key",
            "relay",
            "excluded",
            "per_minute",
            "connections",
        )
    },
}
_OTHER = {  # options whose other value is not made from their type
    "signing.canonicalization": "simple/simple",
    "signing.rules.from": "example.org",
    "signing.omitted_names": ["Subject"],
    "verifying.accept_testing": False,
    "actions.tag_field": "X-Other",
    "reports.copy_to": "a@example.com",
    "signing.signed_names": ("From", "To"),
    "verifying.unacceptable_domains": ("evil.example",),
    "policies.generations": ("2015",),
    "policies.deciding": ("adsp",),
    "keys.NAME.domain": "example.org",
    "keys.NAME.algorithm": "ed25519-sha256",
    "signing.rules.keys": ("other",),
    "signing.resign.keys": ("other",),
    "arc.seal": "other",
    "origin.macros": {"{x}": ("y",)},
    "origin.internal_hosts": ("10.0.0.0/8",),
}


def _base() -> Configuration:
    return parse(BASE.encode()).configuration


# -- who reads an option -------------------------------------------------------------------


class _Reading:
    """Configurations that note which of their options are read, by dotted name."""

    def __init__(self) -> None:
        self.read: set[str] = set()

    def of(self, value: Any, path: str = "") -> Any:
        type_ = type(value)
        names = {field.name: field.encode_name for field in structs.fields(type_)}

        def read(one: Any, name: str) -> Any:
            if name in names:
                self.read.add(f"{path}.{names[name]}".lstrip("."))
            return object.__getattribute__(one, name)

        body = {"__getattribute__": read, "__module__": __name__}
        noting = type(type_)(f"Noting{type_.__name__}", (type_,), body, frozen=True, kw_only=True)
        return noting(**{f.name: self._below(value, f, path) for f in structs.fields(type_)})

    def _below(self, value: Any, field: Any, path: str) -> Any:
        below = object.__getattribute__(value, field.name)
        name = f"{path}.{field.encode_name}".lstrip(".")
        container, inner = struct_in(field.type)
        if inner is None:
            return below
        if container is dict:
            return {key: self.of(one, f"{name}.NAME") for key, one in below.items()}
        if container is tuple:
            return tuple(self.of(one, name) for one in below)
        return self.of(below, name)


def _read_by_messages() -> set[str]:
    """Return what is read when messages are treated by a plan that is compiled already."""
    reading = _Reading()
    plan = app.plan(reading.of(_base()))
    reading.read.clear()
    local = Transaction(
        received_at=NOW, hostname="mx.example.com", recipients=(b"b@example.org",), queue_id="Q",
        sender=b"a@example.com",
    )  # fmt: skip
    stranger = replace(
        local, client=ip_address("192.0.2.1"), recipients=(b"list@example.com",),
        sender=b"x@example.net", helo=b"mx.example.net", daemon_name="MTA",
    )  # fmt: skip
    login = replace(stranger, auth=SmtpAuthentication("PLAIN", "a"), recipients=())
    for octets in MESSAGES:
        read = Message.parse(octets)
        for transaction in (local, stranger, login):
            decide(inspected(plan, transaction, read.header, [read.body], ZONE, now=NOW))
    return reading.read


def _read_by_the_daemon() -> set[str]:
    """Return what the sources of the daemon read of the tables that it is handed whole."""
    root = Path(avowal.__file__).parent
    sources = [root / "app.py", root / "reputation" / "background.py"]
    text = "".join(path.read_text() for path in [*sources, *(root / "milter").glob("*.py")])
    read = set(re.findall(r"\.([a-z_]+)\b", text))
    return {n for n in dotted_names() if n.partition(".")[0] in _HANDED_OVER and _last(n) in read}


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _read_elsewhere() -> set[str]:
    root = Path(avowal.__file__).parent
    return {
        name
        for name, module in _ELSEWHERE.items()
        if re.search(rf"\.{_last(name)}\b", (root / module).read_text())
    }


# -- what a plan is ------------------------------------------------------------------------


def _shape(value: Any, seen: tuple[int, ...] = ()) -> Any:
    """Return what a compiled plan holds as something that can be compared."""
    if id(value) in seen or isinstance(value, FunctionType | type | PrivateKey):
        return type(value).__name__
    seen = (*seen, id(value))
    if isinstance(value, Mapping):
        return sorted((repr(key), _shape(one, seen)) for key, one in value.items())
    if isinstance(value, list | tuple):
        return [_shape(one, seen) for one in value]
    if isinstance(value, frozenset | set):
        return sorted(map(repr, value))
    if isinstance(value, msgspec.Struct) or not hasattr(type(value), "__slots__"):
        return repr(value) if not callable(value) else type(value).__name__
    names = [f.name for f in fields(value)] if is_dataclass(value) else type(value).__slots__
    if isinstance(names, str) or not names:
        return repr(value)
    return [(name, _shape(getattr(value, name, None), seen)) for name in names]


def _compiled(configuration: Configuration) -> Any:
    plan: Plan = app.plan(configuration)
    return [
        (field.name, _shape(getattr(plan, field.name)))
        for field in fields(plan)
        if field.name not in {"configuration", "places", "load"}
    ]


def _changed(name: str) -> Configuration:
    """Return the base with one option changed."""
    return msgspec.convert(_with(msgspec.to_builtins(_base()), name), Configuration)


def _with(tables: dict[str, Any], name: str) -> dict[str, Any]:
    type_: Any = Configuration
    at: Any = tables
    *above, last = name.split(".")
    for part in above:
        if part == "NAME":
            at = at["main"]
            continue
        type_ = struct_in(_field(type_, part).type)[1]
        at = at[part]
        at = at[0] if isinstance(at, list | tuple) else at
    field = _field(type_, last)
    at[last] = _OTHER[name] if name in _OTHER else _another(field.type, at.get(last))
    return tables


def _another(annotation: Any, value: Any) -> Any:
    """Return another value of an option's type."""
    words = choices(annotation)
    if words:
        return next(word for word in words if word != value)
    for candidate in (
        not value if isinstance(value, bool) else True, 5000, 70, 0.25, ["x.example"], "X-Other",
        {"x": ["y"]},
    ):  # fmt: skip
        try:
            msgspec.convert(candidate, annotation)
        except msgspec.ValidationError:
            continue
        if candidate != value:
            return candidate
    raise AssertionError(annotation)


@pytest.fixture(scope="module")
def read() -> set[str]:
    return _read_by_messages() | _read_by_the_daemon() | _read_elsewhere()


@pytest.fixture(scope="module")
def compiled() -> Any:
    return _compiled(_base())


@pytest.mark.parametrize("name", dotted_names())
def test_an_option_changed_alone_is_seen(name: str, read: set[str], compiled: Any) -> None:
    if name not in read:
        assert _compiled(_changed(name)) != compiled


def _lists() -> Iterator[tuple[str, Any]]:
    """Yield the lists of texts of the model by dotted name, with their types."""
    for table in dotted_names():
        type_: Any = Configuration
        *above, last = table.split(".")
        for part in (part for part in above if part != "NAME"):
            type_ = struct_in(_field(type_, part).type)[1]
        field = _field(type_, last)
        if kind(field.type) == "list of strings":
            yield table, field.type


def _field(type_: Any, name: str) -> Any:
    return next(f for f in structs.fields(type_) if f.encode_name == name)


LISTS = dict(_lists())


@pytest.mark.parametrize("name", LISTS)
def test_a_list_declares_how_its_entries_are_compiled(name: str) -> None:
    assert entries(LISTS[name]) is not None
