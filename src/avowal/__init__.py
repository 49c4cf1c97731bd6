"""avowal: proving who takes responsibility for an e-mail.

::

    import avowal

    for verdict in avowal.verify(octets):
        print(verdict.result, verdict.domain, verdict.explanation)

    if avowal.verdict(octets).authentic:
        print("from whom it says")

    fields = avowal.sign(octets, domain="example.com", selector="s1", key="s1.pem")

The names below are what programs need; they are imported when first used, so that a
program pays only for what it needs.
"""

from __future__ import annotations

TYPE_CHECKING = False  # not of typing, whose import would be all that `import avowal` costs
if TYPE_CHECKING:
    from typing import Any

    from avowal.arc.verdict import ChainVerification
    from avowal.calls.authenticate import aauthenticate, authenticate
    from avowal.calls.connection import TrustedHost
    from avowal.calls.email_message import wire_octets
    from avowal.calls.mailboxes import StoredMessage, messages
    from avowal.calls.seal import aseal, averify_chain, seal, verify_chain
    from avowal.calls.sign import asign, sign
    from avowal.calls.verdict import averdict, verdict
    from avowal.calls.verify import averify, verify
    from avowal.crypto.signing import AsyncSigningKey, PrivateKey, SigningKey
    from avowal.crypto.signing import generate as generate_key
    from avowal.dkim.intent import Intent
    from avowal.dkim.key import KeyRecord
    from avowal.dkim.reasons import Caution, Reason, Result
    from avowal.dkim.rules import Rules
    from avowal.dkim.signature import Signature
    from avowal.dkim.signer import Signer
    from avowal.dkim.verification import Evidence, Verification
    from avowal.dkim.verifications import Verifications
    from avowal.dkim.verifier import Verifier
    from avowal.dns.cache import Cached
    from avowal.dns.dnspython import DnsResolver
    from avowal.dns.recorder import Recorder, Replayer
    from avowal.dns.zone import Zone
    from avowal.errors import AvowalError, IntentError, KeyMaterialError, UsageError
    from avowal.examine.authentication import Authentication
    from avowal.examine.judgement import Authenticity, Ground, Hint, Judgement
    from avowal.keys.files import load_key, write_key
    from avowal.keys.records import record_text
    from avowal.limits import Limits
    from avowal.lookup import (
        Answer,
        AsyncResolver,
        Failure,
        Outcome,
        Question,
        Resolver,
        arun,
        run,
    )
    from avowal.message import Field, Header, Message

__version__ = "0.1.0"

_HOMES = {
    "asign": "calls.sign",
    "averify": "calls.verify",
    "sign": "calls.sign",
    "verify": "calls.verify",
    "aseal": "calls.seal",
    "averify_chain": "calls.seal",
    "seal": "calls.seal",
    "verify_chain": "calls.seal",
    "aauthenticate": "calls.authenticate",
    "authenticate": "calls.authenticate",
    "averdict": "calls.verdict",
    "verdict": "calls.verdict",
    "Authentication": "examine.authentication",
    "Authenticity": "examine.judgement",
    "Ground": "examine.judgement",
    "Hint": "examine.judgement",
    "Judgement": "examine.judgement",
    "TrustedHost": "calls.connection",
    "wire_octets": "calls.email_message",
    "StoredMessage": "calls.mailboxes",
    "messages": "calls.mailboxes",
    "ChainVerification": "arc.verdict",
    "Verifier": "dkim.verifier",
    "Verification": "dkim.verification",
    "Evidence": "dkim.verification",
    "Verifications": "dkim.verifications",
    "Result": "dkim.reasons",
    "Reason": "dkim.reasons",
    "Caution": "dkim.reasons",
    "Rules": "dkim.rules",
    "Signature": "dkim.signature",
    "KeyRecord": "dkim.key",
    "Signer": "dkim.signer",
    "Intent": "dkim.intent",
    "load_key": "keys.files",
    "write_key": "keys.files",
    "record_text": "keys.records",
    "generate_key": "crypto.signing:generate",
    "Cached": "dns.cache",
    "DnsResolver": "dns.dnspython",
    "Recorder": "dns.recorder",
    "Replayer": "dns.recorder",
    "Zone": "dns.zone",
    "PrivateKey": "crypto.signing",
    "SigningKey": "crypto.signing",
    "AsyncSigningKey": "crypto.signing",
    "Message": "message",
    "Header": "message",
    "Field": "message",
    "Question": "lookup",
    "Answer": "lookup",
    "AsyncResolver": "lookup",
    "Failure": "lookup",
    "Resolver": "lookup",
    "Outcome": "lookup",
    "run": "lookup",
    "arun": "lookup",
    "Limits": "limits",
    "AvowalError": "errors",
    "IntentError": "errors",
    "KeyMaterialError": "errors",
    "UsageError": "errors",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'avowal' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - with the first name that is used

    module, _, own = home.partition(":")
    value = getattr(import_module(f"avowal.{module}"), own or name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted((*globals(), *_HOMES))


__all__ = [
    "Answer",
    "AsyncResolver",
    "AsyncSigningKey",
    "Authentication",
    "Authenticity",
    "AvowalError",
    "Cached",
    "Caution",
    "ChainVerification",
    "DnsResolver",
    "Evidence",
    "Failure",
    "Field",
    "Ground",
    "Header",
    "Hint",
    "Intent",
    "IntentError",
    "Judgement",
    "KeyMaterialError",
    "KeyRecord",
    "Limits",
    "Message",
    "Outcome",
    "PrivateKey",
    "Question",
    "Reason",
    "Recorder",
    "Replayer",
    "Resolver",
    "Result",
    "Rules",
    "Signature",
    "Signer",
    "SigningKey",
    "StoredMessage",
    "TrustedHost",
    "UsageError",
    "Verification",
    "Verifications",
    "Verifier",
    "Zone",
    "aauthenticate",
    "arun",
    "aseal",
    "asign",
    "authenticate",
    "averdict",
    "averify",
    "averify_chain",
    "generate_key",
    "load_key",
    "messages",
    "record_text",
    "run",
    "seal",
    "sign",
    "verdict",
    "verify",
    "verify_chain",
    "wire_octets",
    "write_key",
]
