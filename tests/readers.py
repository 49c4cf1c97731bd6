"""How other programs read a From field: the reference readers of the law about authors.

Python's `email` stands for itself.  The rules of Go's net/mail and of Thunderbird's header
parser are written down here anew, from what they are known to accept and to show; two naive
readers stand for everybody who looks for an angle bracket or for the first ``@``.

Each reader takes the value of a field and returns the texts it would show behind an ``@``.
"""

from __future__ import annotations

import email
import email.utils
import inspect
import re
from collections.abc import Callable, Iterator
from email.headerregistry import HeaderRegistry
from email.policy import compat32

_FOLD = re.compile(r"\r\n([ \t])")
_STRICT = "strict" in inspect.signature(email.utils.getaddresses).parameters
_REGISTRY = HeaderRegistry()


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")


def _python_text(value: bytes) -> str:
    """The value as `email.message_from_bytes` hands it out: a fold is LF and white space."""
    return _FOLD.sub(r"\n\1", _text(value))


def _domains(addresses: Iterator[str] | list[str]) -> set[str]:
    return {address.rpartition("@")[2] for address in addresses if "@" in address}


# -- Python -------------------------------------------------------------------------------


def python_tolerant(value: bytes) -> set[str]:
    more = {"strict": False} if _STRICT else {}
    return _domains([pair[1] for pair in email.utils.getaddresses([_python_text(value)], **more)])


def python_strict(value: bytes) -> set[str]:
    if not _STRICT:
        return set()
    return _domains([pair[1] for pair in email.utils.getaddresses([_python_text(value)])])


def python_first(value: bytes) -> set[str]:
    return _domains([email.utils.parseaddr(_python_text(value))[1]])


def python_registry(value: bytes) -> set[str]:
    """Read as `email.policy.default` does; it raises for some fields, and then shows nothing."""
    try:
        addresses = _REGISTRY("From", _FOLD.sub(r"\1", _text(value))).addresses
        return _domains([address.addr_spec for address in addresses])
    except Exception:  # noqa: BLE001 - its faults are many and not ours
        return set()


def python_message(octets: bytes) -> list[bytes]:
    """Return the values of all From fields that Python's parser finds in a header section."""
    message = email.message_from_bytes(octets + b"\r\n", policy=compat32)
    values = [str(value) for name, value in message.raw_items() if name.lower() == "from"]
    return [value.encode("utf-8", "surrogateescape") for value in values]


# -- Go ------------------------------------------------------------------------------------


class _Refused(Exception):
    pass


class _Go:
    """net/mail's ParseAddressList: one error, and the whole list is refused."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def take(self, mark: str) -> bool:
        found = self.peek() == mark
        self.at += found
        return found

    def space(self) -> None:
        while self.peek() and self.peek() in " \t":
            self.at += 1

    def comments(self) -> None:
        self.space()
        while self.take("("):
            depth = 1
            while depth:
                mark = self.peek()
                if not mark:
                    raise _Refused
                self.at += 2 if mark == "\\" else 1
                depth += {"(": 1, ")": -1}.get(mark, 0)
            self.space()

    def addresses(self) -> list[str]:
        found: list[str] = []
        while True:
            self.space()
            if self.take(","):
                continue
            found += self.address(group=True)
            self.comments()
            if not self.peek():
                return found
            if not self.take(","):
                raise _Refused
            self.space()
            if not self.peek():
                return found

    def address(self, *, group: bool) -> list[str]:
        self.space()
        start = self.at
        try:
            spec = self.spec()
        except _Refused:
            self.at = start
        else:
            self.comments()
            return [spec]
        if self.peek() != "<":
            self.phrase()
        self.space()
        if group and self.take(":"):
            return self.group()
        if not self.take("<"):
            raise _Refused
        spec = self.spec()
        if not self.take(">"):
            raise _Refused
        return [spec]

    def group(self) -> list[str]:
        found: list[str] = []
        self.space()
        if self.take(";"):
            return found
        while True:
            self.space()
            found += self.address(group=False)
            self.comments()
            if self.take(";"):
                return found
            if not self.take(","):
                raise _Refused

    def spec(self) -> str:
        self.space()
        local = self.quoted() if self.peek() == '"' else self.atom(permissive=False)
        if not self.take("@"):
            raise _Refused
        self.space()
        if self.peek() == "[":
            end = self.text.find("]", self.at)
            if end < 0:
                raise _Refused
            literal, self.at = self.text[self.at : end + 1], end + 1
            return f"{local}@{literal}"
        return f"{local}@{self.atom(permissive=False)}"

    def phrase(self) -> None:
        words = 0
        while True:
            if words:
                self.comments()
            self.space()
            start = self.at
            try:
                self.quoted() if self.peek() == '"' else self.atom(permissive=True)
            except _Refused:
                self.at = start
                break
            words += 1
        if not words:
            raise _Refused

    def quoted(self) -> str:
        self.at += 1
        start = self.at
        while (mark := self.peek()) != '"':
            if not mark or (ord(mark) < 32 and mark != "\t") or "\udc80" <= mark <= "\udcff":
                raise _Refused
            self.at += 2 if mark == "\\" else 1
        self.at += 1
        return self.text[start : self.at - 1]

    def atom(self, *, permissive: bool) -> str:
        start = self.at
        while (mark := self.peek()) and "!" <= mark != "\x7f" and mark not in '()<>[]:;@\\,"':
            if "\udc80" <= mark <= "\udcff":
                raise _Refused
            self.at += 1
        found = self.text[start : self.at]
        if not found:
            raise _Refused
        if not permissive and (found[0] == "." or found[-1] == "." or ".." in found):
            raise _Refused
        return found


def go(value: bytes) -> set[str]:
    try:
        return _domains(_Go(_FOLD.sub(r"\1", _text(value)).strip(" \t\r\n")).addresses())
    except _Refused:
        return set()


# -- Thunderbird ---------------------------------------------------------------------------

_BIRD = re.compile(r'[:,;<>@()]|"(?:[^"\\]|\\.)*"?|\[[^\]]*\]?|[^\s:,;<>@()"\[]+|\s+', re.DOTALL)


def thunderbird(value: bytes) -> set[str]:  # noqa: C901 - one branch a mark
    """Read as its tolerant parser does: words collect until a mark says what they were."""
    shown: list[str] = []
    name = address = ""
    in_angle = after = gap = False
    depth = 0
    for found in _BIRD.finditer(_text(value)):
        token = found[0]
        if depth or token == "(":
            depth += {"(": 1, ")": -1}.get(token, 0)
        elif token.isspace():
            gap = True
            continue
        elif after and token not in {",", ";"}:
            pass  # what follows a closing angle bracket is let be
        elif token == "<":
            if in_angle:
                name, address = address or name, ""
            in_angle = True
        elif token == ">":
            in_angle, after = False, True
        elif token == "@":
            if not in_angle:
                name, address, in_angle = "", name, True
            address += "@"
        elif token in {",", ";"}:
            shown.append(address)
            name = address = ""
            in_angle = after = False
        elif token == ":":
            name = ""
        else:
            word = re.sub(r"\\(.)", r"\1", token.strip('"')) if token[0] == '"' else token
            space = " " if gap and word[:1] != "." else ""
            if in_angle:
                address += (space if address and address[-1] != "@" else "") + word
            else:
                name += (space if name else "") + word
        gap = False
    return _domains([*shown, address])


# -- anybody -------------------------------------------------------------------------------


_QUOTED = r'"(?:[^"\\]|\\.)*"'


def _without_comments(text: str) -> str:
    kept, depth, at = [], 0, 0
    while at < len(text):
        quoted = None if depth else re.compile(_QUOTED, re.DOTALL).match(text, at)
        token = quoted[0] if quoted else text[at : at + 1 + (depth > 0 and text[at] == "\\")]
        at += len(token)
        if token == "(" and (depth or _closes(text, at)):
            depth += 1
        elif depth:
            depth -= token == ")"
        else:
            kept.append(token)
    return "".join(kept)


def _closes(text: str, at: int) -> bool:
    depth = 1
    while at < len(text) and depth:
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        at += 1 + (text[at] == "\\")
    return not depth


def _without_display(text: str) -> str:
    """Blank comments and the quoted strings in front of an angle bracket."""
    tokens = re.findall(rf"\\\\.|{_QUOTED}|.", _without_comments(text), re.DOTALL)
    marks = [token for token in tokens if token in set("<>@,")]
    kept = []
    for token in tokens:
        if token in set("<>@,"):
            marks.pop(0)
        display = len(token) > 1 and marks[:1] == ["<"]
        kept.append(" " if display else token)
    return "".join(kept)


def every_angle(value: bytes) -> set[str]:
    return _domains(re.findall(r"<([^<>]*)>", _without_display(_text(value))))


def first_sign(value: bytes) -> set[str]:
    """Show what follows the first ``@`` as far as it looks like a name."""
    found = re.search(r"@([\w.-]+)", _without_display(_text(value)))
    return {found[1].strip(".")} if found else set()


READERS: dict[str, Callable[[bytes], set[str]]] = {
    "python-tolerant": python_tolerant,
    "python-strict": python_strict,
    "python-first": python_first,
    "python-registry": python_registry,
    "go": go,
    "thunderbird": thunderbird,
    "every-angle": every_angle,
    "first-sign": first_sign,
}
