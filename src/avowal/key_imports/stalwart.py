"""Signatures of Stalwart: tables of its configuration (to 0.15), objects of its exports (0.16).

To 0.15 a signature is a table ``[signature."name"]`` of config.toml, or the same as flat keys
(``signature.name.domain``) in JSON; https://stalw.art/docs/0.15/mta/authentication/dkim/sign/.
Since 0.16 it is an object DkimSignature that points to a Domain, in the plan that
``stalwart-cli snapshot Domain DkimSignature --include-secrets`` writes or in the answer of a JMAP
call (https://stalw.art/docs/ref/object/dkim-signature/).
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from avowal.config.positions import find_places
from avowal.key_imports.key import ImportedKey, algorithm_of, fault, name_of

_Fields: TypeAlias = Mapping[str, object]
_FILE = re.compile(r"%\{file:([^{}]+)\}%")
_FLAT = re.compile(r"signature\.(.+)\.([a-z-]+)")
_KINDS = {"Dkim1RsaSha256": "rsa-sha256", "Dkim1Ed25519Sha256": "ed25519-sha256"}


def read_toml(text: str, file: str) -> tuple[ImportedKey, ...] | None:
    """Read a configuration in TOML; None where it is no TOML, or has no signatures.

    Raises ConfigError.
    """
    try:
        root: dict[str, object] = tomllib.loads(text)
    except (ValueError, RecursionError):  # TOMLDecodeError, or a number of too many digits
        return None
    tables = root.get("signature")
    if not isinstance(tables, dict):
        return None
    places = find_places(text, file)
    found = []
    for name, fields in tables.items():
        place = places.get(("signature", name))
        found.append(_key(name, fields, file, None if place is None else place.line))
    return tuple(found)


def read_json(text: str, file: str) -> tuple[ImportedKey, ...]:
    """Read an export in JSON.  Raises ConfigError."""
    try:
        root: object = json.loads(text)
    except json.JSONDecodeError as error:
        raise fault(file, error.lineno, f"no JSON: {error.msg}") from None
    except (ValueError, RecursionError):
        why = "nested too deep, or a number of too many digits"
        raise fault(file, None, f"no JSON that can be read: {why}") from None
    export = _Export(text, file)
    found = (*export.flat(root), *export.objects(root))
    if not found:
        raise fault(file, None, "no DKIM signatures in it", "export Domain and DkimSignature")
    return found


class _Export:
    """A JSON file, and where in it names stand."""

    def __init__(self, text: str, file: str) -> None:
        self._text, self._file = text, file

    def flat(self, root: object) -> Iterator[ImportedKey]:
        """Yield the signatures of flat keys, wherever they stand."""
        signatures: dict[str, dict[str, object]] = {}
        for each in _objects(root):
            for key, said in each.items():
                found = _FLAT.fullmatch(key)
                if found is not None:
                    signatures.setdefault(found[1], {})[found[2]] = said
        for name, fields in signatures.items():
            yield _key(name, fields, self._file, self._line(f"signature.{name}."))

    def objects(self, root: object) -> Iterator[ImportedKey]:
        """Yield the objects of 0.16."""
        domains: dict[str, str] = {}
        for each in _objects(root):
            for name, of in (*each.items(), (each.get("id"), each)):
                if isinstance(name, str) and isinstance(of, dict) and "@type" not in of:
                    domain = of.get("name")
                    if isinstance(domain, str):
                        domains[name] = domain
        named = {id(of): name for each in _objects(root) for name, of in each.items()}
        for each in _objects(root):
            kind = each.get("@type")
            if isinstance(kind, str) and kind in _KINDS and "selector" in each:
                name = str(named.get(id(each)) or each.get("id") or each["selector"])
                yield self._object(name, each, _KINDS[kind], domains)

    def _object(
        self, name: str, fields: _Fields, algorithm: str, domains: Mapping[str, str]
    ) -> ImportedKey:
        line = self._line(json.dumps(name))
        points_to = str(fields.get("domainId", "")).removeprefix("#")
        if points_to not in domains:
            hint = "export Domain as well as DkimSignature"
            raise fault(self._file, line, f"{name}: its domain {points_to!r} is not here", hint)
        secret = fields.get("privateKey")
        written: object = None
        if isinstance(secret, dict):
            path = secret.get("filePath")
            written = f"%{{file:{path}}}%" if isinstance(path, str) else secret.get("secret")
        said = {
            "domain": domains[points_to],
            "selector": fields["selector"],
            "algorithm": algorithm,
            "private-key": written,
        }
        return _key(name, said, self._file, line)

    def _line(self, text: str) -> int | None:
        at = self._text.find(text)
        return None if at < 0 else self._text.count("\n", 0, at) + 1


def _objects(root: object) -> Iterator[dict[str, object]]:
    """Yield every object of a JSON document."""
    waiting: list[object] = [root]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield one
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(reversed(one))


def _key(name: str, fields: object, file: str, line: int | None) -> ImportedKey:
    if not isinstance(fields, Mapping):
        raise fault(file, line, f"signature {name} is no table")
    domain, selector, secret = (fields.get(key) for key in ("domain", "selector", "private-key"))
    for key, said in (("domain", domain), ("selector", selector), ("private key", secret)):
        if not isinstance(said, str) or not said.strip():
            hint = "export with --include-secrets" if key == "private key" else None
            raise fault(file, line, f"signature {name} has no {key}", hint)
    secret = str(secret).strip()
    path = _FILE.fullmatch(secret)
    if path is None and (set(secret) == {"*"} or secret.startswith("%{")):
        why = f"signature {name}: the private key is not in the file"
        raise fault(file, line, why, "export the secrets, or name the key's own file")
    return ImportedKey(
        domain=name_of("domain", str(domain), file, line),
        selector=name_of("selector", str(selector), file, line),
        algorithm=algorithm_of(_text(fields.get("algorithm")), file, line),
        path=None if path is None else path[1],
        inline=secret if path is None else None,
        file=file,
        line=line,
    )


def _text(said: object) -> str | None:
    return said if isinstance(said, str) else None
