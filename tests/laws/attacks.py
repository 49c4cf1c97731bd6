"""What a stranger can add to a message: everything law L2 is about.

Each attack returns the case with the facts as they are then.  None of them makes a signature
or SPF pass for a domain that is shown.
"""

from __future__ import annotations

import random
import zlib
from dataclasses import replace
from typing import Any, Final

from tests.crafting import craft
from tests.laws.receivers import MOST_FIELDS, MOST_OCTETS
from tests.laws.world import (
    ATTACKER,
    BELOW,
    FULL,
    NOW,
    OTHER,
    TRUSTED,
    US,
    VICTIM,
    WEAK,
    Attack,
    Case,
    signed,
    zone_of,
)

import avowal
from avowal.authres import AuthenticationResults, MethodResult
from avowal.calls.seal import seal
from avowal.testing import ED25519, RSA_1024, record_for

CRLF: Final = b"\r\n"


def junk_field(rng: random.Random, case: Case) -> Case:
    """A field nobody reads."""
    name = rng.choice(("X-A", "Received", "List-Id", "Return-Path", "Comments", "X-" + "a" * 60))
    value = rng.choice(("x", "a@b", "; dkim=pass", "x" * 400, "=?utf-8?q?=00?="))
    return case.with_field("junk field", f"{name}: {value}\r\n".encode())


def forged_results(rng: random.Random, case: Case) -> Case:
    """Results in our name, or in one that looks like it."""
    name = rng.choice((US, US.upper(), f"(x) {US}", f"{US} (x)", f'"{US}"', "else.example"))
    claims = f"dmarc=pass header.from={VICTIM}; dkim=pass header.d={VICTIM}; spf=pass"
    return case.with_field(
        "forged results", f"Authentication-Results: {name}; {claims}\r\n".encode()
    )


def attackers_signature(rng: random.Random, case: Case) -> Case:
    """A signature of the attacker's that passes."""
    names = rng.choice(("from", "from:subject", "from:to:subject:date"))
    return case.but(
        "attacker's signature",
        octets=signed(case.octets, ATTACKER, names),
        passing=case.passing if case.beyond else case.passing | {ATTACKER},
        lawful=any(domain.endswith(ATTACKER) for domain in case.shown),
    )


def bad_signature(rng: random.Random, case: Case) -> Case:
    """Signatures that cannot pass: no key, a hanging key, nonsense, the victim's name misused."""
    domain = rng.choice((ATTACKER, OTHER, "co.example", "x" * 63 + ".example"))
    selector = rng.choice(("none", "hangs", "s"))
    field = (
        f"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d={domain}; s={selector};\r\n"
        f"\th=from; bh=YQ==; b=YQ==\r\n"
    )
    name = f"{selector}._domainkey.{domain}"
    hanging = case.hanging | {name} if selector == "hangs" else case.hanging
    count = rng.choice((1, 1, 3, 25))
    if count > 1:
        names = [f"{selector}{n}._domainkey.{domain}" for n in range(count)]
        hanging = hanging | set(names)
        field = "".join(field.replace(f"s={selector}", f"s={selector}{n}") for n in range(count))
    return case.with_field("bad signatures", field.encode(), hanging=hanging)


def victims_name_misused(rng: random.Random, case: Case) -> Case:
    """A signature in the victim's name by a key that does not exist."""
    field = (
        f"DKIM-Signature: v=1; a=rsa-sha256; d={rng.choice((VICTIM, BELOW))}; s=gone;"
        " h=from; bh=YQ==; b=YQ==\r\n"
    )
    return case.with_field("victim's name misused", field.encode())


def untrusted_chain(rng: random.Random, case: Case) -> Case:
    """A valid ARC set of a sealer nobody trusts, which claims that all was well."""
    results = AuthenticationResults(
        ATTACKER, (MethodResult("dmarc", "pass", properties=(("header.from", VICTIM),)),)
    )
    try:
        fields = seal(
            case.octets, zone_of(case), authserv_id=ATTACKER, domain=ATTACKER, selector="s",
            key=RSA_1024, results=results, now=NOW, line_ends="wire",
        )  # fmt: skip
    except avowal.AvowalError:
        return case
    return case.with_field("untrusted chain", fields)


def junk_chain(rng: random.Random, case: Case) -> Case:
    """ARC sets that ask for many names, which may hang."""
    count = rng.choice((1, 2, 8))
    fields, hanging = b"", set(case.hanging)
    for instance in range(1, count + 1):
        hanging.add(f"h{instance}._domainkey.{ATTACKER}")
        common = f"i={instance}; a=rsa-sha256; d={ATTACKER}; s=h{instance}"
        cv = "none" if instance == 1 else "pass"
        fields = (
            f"ARC-Seal: {common}; cv={cv}; t=1; b=YQ==\r\n"
            f"ARC-Message-Signature: {common}; c=relaxed/relaxed; h=from; bh=YQ==; b=YQ==\r\n"
            f"ARC-Authentication-Results: i={instance}; {US}; dmarc=pass header.from={VICTIM}\r\n"
        ).encode() + fields
    return case.with_field("junk chain", fields, hanging=frozenset(hanging))


def further_author(rng: random.Random, case: Case) -> Case:
    """Another author in the field, whose domain may say anything or nothing."""
    domain = rng.choice((ATTACKER, "nowhere.example", f"deep.{ATTACKER}", OTHER))
    if case.octets.count(b"Anna <") != 1 or b"\r\nFrom: Anna" not in b"\r\n" + case.octets:
        return case
    before = rng.random() < 0.5
    mailbox = f"Eve <eve@{domain}>".encode()
    start = case.octets.index(b"From: Anna") + len(b"From: ")
    end = case.octets.index(CRLF, start)
    old = case.octets[start:end]
    new = mailbox + b", " + old if before else old + b", " + mailbox
    octets = case.octets[:start] + new + case.octets[end:]
    hanging = case.hanging
    zone = dict(case.zone)
    how = rng.choice(("as is", "hangs", "broken", "none", "servfail"))
    if how == "hangs" and domain != OTHER:
        hanging = hanging | {f"_dmarc.{domain}", f"_dmarc.{ATTACKER}", domain}
    if domain != OTHER and how in ("none", "broken", "servfail"):
        zone[f"_dmarc.{domain}"] = {
            "none": "v=DMARC1; p=none", "broken": "v=DMARC1; p=whatever", "servfail": "SERVFAIL",
        }[how]  # fmt: skip
    return case.but(
        f"further author {domain} ({how})", octets=octets, zone=zone, hanging=hanging,
        shown=case.shown | {domain}, passing=frozenset(), authentic=False,
    )  # fmt: skip


def many_authors(rng: random.Random, case: Case) -> Case:
    """So many long author domains that asking for all of them is too much."""
    if not case.octets.startswith(b"From: Anna"):
        return case
    domains = [f"{'a.' * 6}n{n}.{ATTACKER}" for n in range(rng.choice((9, 12)))]
    mailboxes = ", ".join(f"e@{domain}" for domain in domains)
    octets = b"From: " + mailboxes.encode() + b", " + case.octets.removeprefix(b"From: ")
    hanging = case.hanging
    if rng.random() < 0.5:
        hanging = hanging | {f"_dmarc.{domain}" for domain in domains}
    return case.but(
        "many authors", octets=octets, hanging=hanging, shown=case.shown | set(domains),
        passing=frozenset(), authentic=False, doubted=len(domains) >= 10,
    )  # fmt: skip


def second_from(rng: random.Random, case: Case) -> Case:
    """Another From field, above or below."""
    field = f"From: Eve <eve@{rng.choice((ATTACKER, OTHER))}>\r\n".encode()
    domain = field.split(b"@")[1].split(b">")[0].decode()
    below = rng.random() < 0.5
    head, _, body = case.octets.partition(b"\r\n\r\n")
    octets = head + CRLF + field + CRLF + body if below else field + case.octets
    return case.but(
        "second From", octets=octets, shown=case.shown | {domain}, passing=frozenset(),
        authentic=False,
    )  # fmt: skip


def flood(rng: random.Random, case: Case) -> Case:
    """Fields beyond a limit, above the author or below."""
    if rng.random() < 0.5:
        junk = b"".join(b"X-%d: y\r\n" % n for n in range(MOST_FIELDS + 5))
    else:
        junk = b"X: " + b"z" * (MOST_OCTETS + 10) + CRLF
    extra = b""
    shown = case.shown
    if rng.random() < 0.4:
        extra = f"From: Eve <eve@{ATTACKER}>\r\n".encode()
        shown = shown | {ATTACKER}
    if rng.random() < 0.5:
        octets = junk + extra + case.octets
    else:
        head, _, body = case.octets.partition(b"\r\n\r\n")
        octets = head + CRLF + junk + extra + CRLF + body
    return case.but("flood", octets=octets, shown=shown, passing=frozenset(), beyond=True)


def body_changed(rng: random.Random, case: Case) -> Case:
    """Octets of the body, which break every signature."""
    head, blank, body = case.octets.partition(b"\r\n\r\n")
    other = b"<%x>\r\n" % zlib.crc32(case.octets)  # no body that was signed before
    new = rng.choice((body + b"more\r\n", b"more\r\n" + body, other))
    return case.but("body changed", octets=head + blank + new, passing=frozenset(), authentic=False)


def repeated_field(rng: random.Random, case: Case) -> Case:
    """A second field of a name that may stand once, with another value."""
    name = rng.choice(("Subject", "To", "Date", "Reply-To", "Content-Type", "Message-ID"))
    return case.with_field("repeated field", f"{name}: other\r\n".encode())


def outside_silence(rng: random.Random, case: Case) -> Case:
    """DNS outside the authors' own trees that stops answering."""
    names = {f"_dmarc.{ATTACKER}", ATTACKER, f"s._domainkey.{ATTACKER}", f"_dmarc.{OTHER}", OTHER}
    names = {n for n in names if not any(n.endswith(shown) for shown in case.shown)}
    return case.but("outside silence", hanging=case.hanging | rng.choice((names, {ATTACKER})))


OTHERWISE: Final = (
    "<eve@{eve}..{victim}>", "<eve@{eve},{victim}>", "<eve@{eve}\\.{victim}>",
    "<eve@{eve}[.{victim}]>", '"anna@{victim}", <eve@{eve}>', "<@{eve}:anna@{victim}>",
    "Eve <eve@{eve}>\0<anna@{victim}>", "<eve@{eve}>\r<anna@{victim}>",
)  # fmt: skip


def author_read_otherwise(rng: random.Random, case: Case) -> Case:
    """A From field in which one reader sees the attacker and another one the victim."""
    if not case.octets.startswith(b"From: Anna") or len(case.shown) != 1:
        return case
    (victim,) = case.shown
    value = rng.choice(OTHERWISE).format(eve=ATTACKER, victim=victim)
    _, end, rest = case.octets.partition(CRLF)
    return case.but(
        "author read otherwise", octets=b"From: " + value.encode() + end + rest,
        shown=case.shown | {ATTACKER}, passing=frozenset(), authentic=False,
        unclear=not value.startswith("<@"),  # a route is grammar: all readers find its address
    )  # fmt: skip


def appended_behind_length(rng: random.Random, case: Case) -> Case:
    """Text behind the part of the body that the victim's l= covers."""
    body = case.octets.partition(b"\r\n\r\n")[2]
    length = len(body) if body.strip() else 0
    octets = signed(case.octets, VICTIM, rng.choice((WEAK, FULL)), length=length)
    return case.but(
        "appended behind l=", octets=octets + b"<b>pay</b>\r\n", passing=frozenset(),
        authentic=False,
    )  # fmt: skip


def expired_signature(rng: random.Random, case: Case) -> Case:
    """A signature of the victim's that was good until an hour ago."""
    made = {"d": VICTIM, "s": "s", "h": WEAK, "t": str(NOW - 7200), "x": str(NOW - 3600)}
    del rng
    return case.but("expired signature", octets=craft(case.octets, ED25519, tags=made))


def key_of_another_service(rng: random.Random, case: Case) -> Case:
    """A signature, or a trusted sealer's chain, by a key that is not for mail (s=tlsrpt)."""
    owner = rng.choice((VICTIM, TRUSTED))
    name = f"tls._domainkey.{owner}"
    zone = {**case.zone, name: record_for(RSA_1024) + "; s=tlsrpt"}
    case = case.but("key of another service", zone=zone)
    if owner == VICTIM:
        made = {"d": VICTIM, "s": "tls", "h": WEAK}
        return replace(case, octets=craft(case.octets, RSA_1024, tags=made))
    passed = [
        MethodResult("dmarc", "pass", properties=(("header.from", one),)) for one in case.shown
    ]
    try:
        fields = seal(
            case.octets, zone_of(case), authserv_id=TRUSTED, domain=TRUSTED, selector="tls",
            key=RSA_1024, results=AuthenticationResults(TRUSTED, tuple(passed)), now=NOW,
            line_ends="wire",
        )  # fmt: skip
    except avowal.AvowalError:
        return case
    return replace(case, octets=fields + case.octets)


ATTACKS: Final[tuple[Attack, ...]] = (
    junk_field, forged_results, attackers_signature, bad_signature, victims_name_misused,
    untrusted_chain, junk_chain, further_author, many_authors, second_from, flood, body_changed,
    repeated_field, outside_silence, author_read_otherwise, appended_behind_length,
    expired_signature, key_of_another_service,
)  # fmt: skip


def attacked(rng: random.Random, case: Case) -> Case:
    """Return the case after one attack."""
    return rng.choice(ATTACKS)(rng, case)


def facts(case: Case) -> dict[str, Any]:
    """What to look at when a law fails."""
    return {
        "made by": case.made_by,
        "shown": sorted(case.shown),
        "passing": sorted(case.passing),
        "spf": (str(case.client), case.sender, case.spf_passes),
        "hanging": sorted(case.hanging),
        "octets": case.octets.decode("utf-8", "replace"),
        "zone": {name: value for name, value in case.zone.items() if name.startswith("_dmarc")},
    }
