"""Pages from templates: every value that is printed passes `printable`, and is escaped.

That is the environment's doing, not a template's: a text that a template prints cannot hold a
control, a mark that turns the direction of writing, or markup.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import Response

from avowal.text import counted, printable

STATIC: Final[Mapping[str, str]] = {
    "avowal.css": "text/css; charset=utf-8",
    "avowal.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
_ACRONYMS: Final = frozenset(("arc", "dkim", "dmarc", "spf"))
# No script but our own file, no frame, no plug-in, nothing from anywhere else, no form elsewhere.
POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
FIELDS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not "no-referrer": browsers then send "Origin: null" with our own forms (Fetch §3.1).
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}


@lru_cache(maxsize=8)
def static(name: str) -> bytes:
    """Return one of our own files."""
    return files("avowal.web").joinpath("static", name).read_bytes()


def _versioned(name: str) -> str:
    """Return where a file is asked for: a new one under a new address."""
    return f"/static/{name}?v={sha256(static(name)).hexdigest()[:12]}"


def _printed(value: object) -> object:
    """What a template prints: text as one line that nothing obeys."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return printable(value)


def short(text: str, most: int) -> str:
    """Return the beginning of a text, with a mark where it goes on."""
    return text if len(text) <= most else text[: most - 1] + "…"


def said(text: str) -> str:
    """Return a sentence of a table with the capitals that it has where it stands alone."""
    word = text.partition(" ")[0]
    if word in _ACRONYMS:
        return word.upper() + text[len(word) :]
    return text if not word.isalpha() else text[:1].upper() + text[1:]


def size(octets: int) -> Markup:
    """Return a size as people say it; its unit stays on the line of the number."""
    for unit, length in (("MB", 1 << 20), ("kB", 1 << 10)):
        if octets >= length:
            return Markup("{:.1f}&nbsp;{}").format(octets / length, unit)
    return Markup("&nbsp;").join(counted(octets, "octet").split())


def lasting(seconds: int) -> str:
    """Return how much later something is, in the units that tell."""
    sign, left = ("−" if seconds < 0 else "+"), abs(seconds)
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if left >= 2 * length:
            return f"{sign}{left // length} {unit}"
    return f"{sign}{left} s"


@lru_cache(maxsize=1)
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("avowal.web"),
        autoescape=True,
        finalize=_printed,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {
        "short": short,
        "said": said,
        "size": size,
        "lasting": lasting,
        "counted": counted,
    }
    made.globals["asset"] = _versioned
    return made


def page(template: str, status: int = 200, /, **values: object) -> Response:
    """Return a page."""
    text = _environment().get_template(template).render(**values)
    return Response(text.encode("utf-8", "replace"), status, FIELDS, "text/html; charset=utf-8")
