"""An e-mail backend for Django that signs: Django's own for SMTP, and nothing else changes.

::

    EMAIL_BACKEND = "avowal.contrib.django.EmailBackend"
    AVOWAL = {"domain": "example.com", "selector": "s1", "key": "/etc/avowal/s1.pem"}

`AVOWAL` is one mapping or a list of them, one for each signature: `domain`, `selector`, `key`
(the path of its file, PEM octets, or a key) and the options of `avowal.Intent`.  Of several the
ones sign that belong to the author's domain.  `AVOWAL_RELAY = "ses"` is for Amazon SES.
"""

from __future__ import annotations

import smtplib
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache, partial
from typing import TypeGuard

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.mail.backends import smtp
from django.core.signals import setting_changed

from avowal.calls.sign import intent_of
from avowal.contrib.outgoing import OutgoingSigner
from avowal.contrib.smtp import SMTP, SMTP_SSL
from avowal.dkim.intent import Intent
from avowal.dkim.intent_options import IntentOptions
from avowal.errors import UsageError
from avowal.members import refuse_other

__all__ = ["EmailBackend"]

_NAMES = ("AVOWAL", "AVOWAL_RELAY")


class EmailBackend(smtp.EmailBackend):
    """Django's SMTP backend over connections that sign what they send.

    Raises ImproperlyConfigured, when mail is sent first, for settings that cannot sign.
    """

    @property
    def connection_class(self) -> Callable[..., smtplib.SMTP]:
        """What Django opens a connection with."""
        return partial(SMTP_SSL if self.use_ssl else SMTP, signer=_signer())


@lru_cache(maxsize=1)
def _signer() -> OutgoingSigner:
    """Make the signer of the settings; keys are read once."""
    given: object = None
    relay: str | None = None
    with suppress(AttributeError):
        given = settings.AVOWAL
    with suppress(AttributeError):
        relay = settings.AVOWAL_RELAY
    try:
        return OutgoingSigner(map(_intent, _entries(given)), relay=relay)
    except (UsageError, TypeError) as error:
        raise ImproperlyConfigured(f"AVOWAL: {error}") from error


def _entries(given: object) -> tuple[object, ...]:
    entries = (given,) if isinstance(given, Mapping) else given
    if not entries or not isinstance(entries, tuple | list):
        raise UsageError("say with what to sign: domain, selector and key")
    return tuple(entries)


def _intent(entry: object) -> Intent:
    refuse_other("an entry", entry, Mapping, what="a mapping of domain, selector and key")
    assert isinstance(entry, Mapping)  # noqa: S101 - for the type checker
    options = dict(entry)
    domain, selector, key = (options.pop(name, None) for name in ("domain", "selector", "key"))
    if key is None:
        raise UsageError("an entry without key")
    if not _are_options(options):
        unknown = min(options.keys() - IntentOptions.__annotations__.keys(), key=str)
        raise UsageError(f"{unknown!r} is no option of an Intent")
    return intent_of(domain, selector, key, options)


def _are_options(given: Mapping[str, object]) -> TypeGuard[IntentOptions]:
    """Whether these are names of options; `Intent` looks at the values."""
    return given.keys() <= IntentOptions.__annotations__.keys()


def _forget(*, setting: str, **_: object) -> None:
    if setting in _NAMES:
        _signer.cache_clear()


setting_changed.connect(_forget)
