"""rspamd's dkim_signing module: which key signs for which domain.

A file of it, or what ``rspamadm configdump dkim_signing`` prints, with ``-j`` or without.
Read are the ``domain`` section, ``selector_map``, ``path_map``, ``path`` and ``selector``, as
its manual tells them (https://rspamd.com/doc/modules/dkim_signing.html).  Where ``try_fallback``
is on, as by default, rspamd signs for every domain that has a key file by the template: those
files are looked for on this host.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from avowal import paths
from avowal.key_imports import ucl
from avowal.key_imports.key import ImportedKey, fault, name_of
from avowal.key_imports.ucl import Entry, Section

_MAX_MAP = 16 << 20  # octets of a map; a line is some 60
_SELECTOR = "dkim"  # rspamd's own, where the file says none
_TRUE = frozenset(("true", "yes", "on", "1"))
_ELSEWHERE = {
    "use_redis": "export the keys from Redis into files",
    "use_vault": "export the keys from Vault into files",
}
_SECTION = re.compile(r'^[ \t]*"?domain"?[ \t]*[:=]?[ \t]*\{', re.MULTILINE)
_MARKS = re.compile(r"\bdkim_signing\b|\$domain\b|\$selector\b|\bselector_map\b|\bpath_map\b")


def is_ours(text: str) -> bool:
    """Whether a text looks like a configuration of the module."""
    return _MARKS.search(text) is not None or _SECTION.search(text) is not None


def read(text: str, file: str) -> tuple[ImportedKey, ...]:
    """Read the file of the module.  Raises ConfigError."""
    root = ucl.parse(text, file)
    for entry in root.all("dkim_signing"):
        if isinstance(entry.value, Section):
            root = Section((*root.entries, *entry.value.entries))
    return tuple(_Module(root, file).keys())


class _Module:
    """The settings of the module on their way to keys."""

    def __init__(self, root: Section, file: str) -> None:
        self._root, self._file = root, file
        for name, hint in _ELSEWHERE.items():
            entry = root.last(name)
            if entry is not None and str(entry.value).lower() in _TRUE:
                raise fault(file, entry.line, f"{name}: the keys are in no file", hint)
        self._path = self._text(root, "path")
        self._selector = self._text(root, "selector") or (_SELECTOR, 0)

    def keys(self) -> Iterator[ImportedKey]:
        """Yield the keys of sections, then of maps, then those that only stand on disk."""
        named: set[str] = set()
        for found in (*self._of_sections(), *self._of_maps()):
            named.add(str(found.domain))
            yield found
        fallback = self._text(self._root, "try_fallback")
        if fallback is not None and fallback[0].lower() not in _TRUE:
            return
        for found in self._of_template():
            if str(found.domain) not in named:
                yield found

    def _of_sections(self) -> Iterator[ImportedKey]:
        for entry in self._root.all("domain"):
            if not isinstance(entry.value, Section):
                raise fault(self._file, entry.line, "domain is no section", "domain { ... }")
            for of_domain in entry.value.entries:
                if not isinstance(of_domain.value, Section):
                    raise fault(self._file, of_domain.line, f"{of_domain.key} is no section")
                yield from self._of_domain(of_domain.key, of_domain, of_domain.value)

    def _of_domain(self, domain: str, entry: Entry, section: Section) -> Iterator[ImportedKey]:
        listed = [each for several in section.all("selectors") for each in _listed(several)]
        for one in listed or [section]:
            if not isinstance(one, Section):
                raise fault(self._file, entry.line, "an entry of selectors is no section")
            path = self._text(one, "path") or self._text(section, "path") or self._path
            selector = self._text(one, "selector") or self._selector
            where = self._text(one, "path") or self._text(one, "selector") or ("", entry.line)
            if path is None:
                raise fault(self._file, entry.line, f"{domain}: no path says where the key is")
            yield self._key(domain, selector[0], path[0], self._file, where[1])

    def _of_maps(self) -> Iterator[ImportedKey]:
        selectors, at = self._map("selector_map")
        files, of_files = self._map("path_map")
        sections = {one.key for e in self._root.all("domain") if isinstance(e.value, Section)
                    for one in e.value.entries}  # fmt: skip
        for domain in dict.fromkeys((*selectors, *files)):
            selector, line = selectors.get(domain, (self._selector[0], 0))
            path, line_of_path = files.get(domain, (self._path[0] if self._path else "", 0))
            place = (at, line) if domain in selectors else (of_files, line_of_path)
            if domain in sections:
                why = f"{domain} has a section domain {{ }} besides: rspamd takes parts of both"
                raise fault(*place, why, "keep one of them")
            if not path:
                raise fault(*place, f"{domain}: neither path_map nor path says where its key is")
            yield self._key(domain, selector, path, *place)

    def _of_template(self) -> Iterator[ImportedKey]:
        """Look on this host for the keys that the template of paths fits."""
        if self._path is None:
            return
        selector, (written, line) = self._selector[0], self._path
        template = written.replace("$selector", selector)
        if "$domain" not in template:
            yield self._key(None, selector, template, self._file, line)
            return
        first, *others = map(re.escape, template.split("$domain"))
        fits = re.compile(first + "([^/]+)" + "\\1".join(others))
        for path in sorted(glob.glob(glob.escape(template).replace("$domain", "*"))):  # noqa: PTH207
            found = fits.fullmatch(path)
            if found is not None:
                yield self._key(found[1], selector, path, self._file, line)

    def _key(
        self, domain: str | None, selector: str, path: str, file: str, line: int
    ) -> ImportedKey:
        filled = path.replace("$selector", selector).replace("$domain", domain or "$domain")
        if "$" in filled:
            raise fault(file, line, f"{path}: a variable of rspamd", "write the path out")
        return ImportedKey(
            domain=None if domain is None else name_of("domain", domain, file, line),
            selector=name_of("selector", selector, file, line),
            path=filled,
            file=file,
            line=line or None,
        )

    def _text(self, section: Section, key: str) -> tuple[str, int] | None:
        """Return a setting and its line."""
        entry = section.last(key)
        if entry is None:
            return None
        if not isinstance(entry.value, str):
            raise fault(self._file, entry.line, f"{key} is no text")
        return entry.value, entry.line

    def _map(self, key: str) -> tuple[Mapping[str, tuple[str, int]], str]:
        """Read a map: lines of a domain and a value; its path."""
        found = self._text(self._root, key)
        if found is None:
            return {}, self._file
        written, line = found
        if "://" in written.removeprefix("file://") or "$" in written:
            hint = "copy it into a file and name that"
            raise fault(self._file, line, f"{key}: {written} is no file of this host", hint)
        path = str(Path(self._file).parent / written.removeprefix("file://"))
        try:
            octets = paths.read(path, _MAX_MAP)
        except OSError as error:
            raise fault(self._file, line, f"{key}: {path}: {error.strerror or error}") from None
        return dict(_rows(octets, path)), path


def _rows(octets: bytes, path: str) -> Iterator[tuple[str, tuple[str, int]]]:
    for number, line in enumerate(octets.decode("utf-8", "surrogateescape").split("\n"), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if len(words) != 2:
            raise fault(path, number, "a line of this map is: domain value")
        yield words[0].lower(), (words[1].strip("\"'"), number)


def _listed(entry: Entry) -> tuple[ucl.Value, ...]:
    """Return the entries of a list, which may be one section without brackets."""
    return entry.value if isinstance(entry.value, tuple) else (entry.value,)
