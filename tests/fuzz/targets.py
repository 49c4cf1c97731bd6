"""What is fuzzed: each target takes any octets and raises for a broken promise only.

The promises are the three sentences of `avowal.errors`, each tried on a whole message and on
the same message octet by octet: verifying raises nothing for any octets and any answers, signing
raises only UsageError, a parser raises only its SyntaxFault.  The first octets of an input
choose the circumstances; what they mean stands at each target.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from types import ModuleType
from typing import Any, BinaryIO, NamedTuple, cast

from avowal import _fast, _pure, canonical, quoted
from avowal.calls.sign import sign
from avowal.calls.verify import verify
from avowal.crypto import publickey
from avowal.crypto.signing import parse_private_key
from avowal.dkim.intent import Intent
from avowal.dkim.key import KeyRecord, KeyRecordFault
from avowal.dkim.legacy import DomainKeysVerifier
from avowal.dkim.reasons import Reason, Result
from avowal.dkim.rules import PROFILES, Rules
from avowal.dkim.signature import Signature, SignatureFault
from avowal.dkim.verification import Verification
from avowal.errors import KeyMaterialError, SyntaxFault, UsageError
from avowal.line_ends import LineEnds
from avowal.lookup import NO_DATA, NO_NAME, Answer, Failure, Question, run
from avowal.message import Field, Header, Message
from avowal.names import DomainName, Identity, NameFault
from avowal.taglist import FWS, TagList, TagListFault
from avowal.testing import ED25519, RSA_1024, Zone, record_for

NOW = 1_800_000_000
CUT = b"\n--\n"  # between what surrounds a message and the message
RULES: tuple[Rules, ...] = tuple(PROFILES.values())
LINE_ENDS: tuple[LineEnds, ...] = ("auto", "wire", "stored")
KEYS = {"e": ED25519, "r": RSA_1024}
ZONE = Zone({f"{s}._domainkey.example.com": record_for(key) for s, key in KEYS.items()})


class Says:
    """A resolver with one answer to everything."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def resolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        return (self.answer,) * len(questions)


class Dripping:
    """A file whose reads are short."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = iter(pieces)

    def read(self, _: int = -1) -> bytes:
        return next(self._pieces, b"")


def in_pieces(octets: bytes, number: int) -> list[bytes]:
    """Cut octets one by one, or, three times out of four, at two places."""
    if number % 4 == 0:
        return [octets[at : at + 1] for at in range(len(octets))]
    first, second = sorted((number * 7 % (len(octets) + 1), number * 31 % (len(octets) + 1)))
    return [piece for piece in (octets[:first], octets[first:second], octets[second:]) if piece]


def dripping(octets: bytes, number: int) -> BinaryIO:
    return cast("BinaryIO", Dripping(in_pieces(octets, number)))


def expect(held: bool, promise: str) -> None:
    """An assert that -O keeps."""
    if not held:
        raise AssertionError(promise)


def parts(octets: bytes, control: int) -> tuple[list[int], bytes, bytes]:
    """Cut an input: numbers that choose, what surrounds the message, the message."""
    numbers = list(octets[:control].ljust(control, b"\0"))
    around, cut, message = octets[control:].partition(CUT)
    return (numbers, around, message) if cut else (numbers, b"", around)


# --- verifying ----------------------------------------------------------------------------


def answer_of(number: int, around: bytes) -> Answer:
    answers = (
        Answer.found(*around.split(b"\0")),
        Answer.found(*around.split(b"\0"), secure=True),
        Answer.found(record_for(ED25519).encode()),
        Answer.found(record_for(RSA_1024).encode(), around),
        NO_NAME,
        NO_DATA,
        Answer.found(),
        Answer.failed(tuple(Failure)[number % len(Failure)]),
    )
    return answers[number % len(answers)]


def looked_at(verdicts: tuple[Verification, ...]) -> None:
    """Read everything a verdict offers: what is computed late must not raise either."""
    for verdict in verdicts:
        expect(verdict.passed == (verdict.result is Result.PASS), "a pass is a pass")
        expect(verdict.reason is None or isinstance(verdict.reason, Reason), "a reason of the list")
        str((verdict.explanation, verdict.identity, verdict.domain, verdict.selector, verdict))
        if verdict.signature is not None:
            str((verdict.signature.copied_fields, verdict.signature.other_tags))
        if verdict.salvage is not None:
            str(verdict.salvage.as_text())


def settled(verdicts: tuple[Verification, ...]) -> tuple[Verification, ...]:
    """Leave out how far behind l= the body was looked at: that is as long as it was fed."""
    return tuple(
        dataclasses.replace(
            v, evidence=v.evidence and dataclasses.replace(v.evidence, body_octets=0)
        )
        for v in verdicts
    )


def verifying(octets: bytes) -> None:
    """Octet 0: the answers; 1: rules, line ends; 2: where to cut.  Records, cut, message."""
    (first, second, third), around, message = parts(octets, 3)
    resolver = Says(answer_of(first, around))
    rules = RULES[second % len(RULES)]
    line_ends = LINE_ENDS[second // 4 % len(LINE_ENDS)]
    options: dict[str, Any] = {"now": NOW, "rules": rules, "line_ends": line_ends}
    whole = verify(message, resolver, **options)
    looked_at(whole)
    pieces = verify(dripping(message, third), resolver, **options)
    expect(settled(pieces) == settled(whole), "cutting changes nothing")


def domainkeys(octets: bytes) -> None:
    """The same for DomainKeys, in wire form."""
    (first, second, third), around, octets = parts(octets, 3)
    resolver = Says(answer_of(first, around))
    message = Message.parse(octets)
    verdicts = []
    for chunks in ([message.body], in_pieces(message.body, third)):
        verifier = DomainKeysVerifier(message.header, rules=RULES[second % len(RULES)])
        keys = run(verifier.keys(), resolver)
        for chunk in chunks:
            verifier.feed(chunk)
        verdicts.append(verifier.finish(keys))
    looked_at(verdicts[0])
    expect(verdicts[0] == verdicts[1], "cutting changes nothing")


# --- signing ------------------------------------------------------------------------------


def intent_of(number: int, around: bytes) -> Intent:
    """Make an intent; names from the surroundings where there are any."""
    texts = [text.decode("utf-8", "surrogateescape") for text in around.split(b"\0")]
    intent = Intent(
        domain="example.com",
        selector="e" if number & 1 else "r",
        key=KEYS["e" if number & 1 else "r"],
        header_canon="simple" if number & 2 else "relaxed",
        body_canon="simple" if number & 4 else "relaxed",
        lifetime=60 if number & 8 else None,
        copy_fields=bool(number & 16),
        body_length=bool(number & 32),
        oversigned=frozenset() if number & 64 else frozenset((b"from", b"to", b"x-y")),
    )
    if not around:
        return intent
    fields = ("domain", "selector", "identity")
    changes: dict[str, Any] = dict(zip(fields, texts, strict=False))
    if len(texts) > 3:
        changes["other_tags"] = tuple((text, around) for text in texts[3:])
    return dataclasses.replace(intent, **changes)


def signed(source: bytes | BinaryIO, intent: Intent, **options: Any) -> bytes | str:
    """Return the field, or the text of the error."""
    try:
        return sign(source, intent, now=NOW, **options)
    except UsageError as error:
        return f"{type(error).__name__}: {error}"


def signing(octets: bytes) -> None:
    """Octet 0: the intent; 1: structure, line ends; 2: where to cut.  Names, cut, message."""
    (first, second, third), around, message = parts(octets, 3)
    intent = intent_of(first, around)
    options: dict[str, Any] = {
        "accept_malformed": bool(second & 1),
        "line_ends": "wire" if second & 2 else "auto",
    }
    field = signed(message, intent, **options)
    pieces = signed(dripping(message, third), intent, **options)
    expect(pieces == field, "cutting changes nothing")
    if isinstance(field, str) or around:
        return
    if options["line_ends"] != "wire":
        message = b"\r\n".join(message.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"))
    verdicts = verify(field + message, ZONE, now=NOW, line_ends="wire")
    expect(verdicts[0].passed, f"what we sign verifies: {verdicts[0].explanation}")


# --- parsers ------------------------------------------------------------------------------


class Parser(NamedTuple):
    """One parser, the one fault it may raise, and what holds for its results."""

    parse: Callable[[bytes], Any]
    fault: type[Exception]
    holds: Callable[[bytes, Any], bool] = lambda octets, result: True


def _tags_are_in_place(octets: bytes, tags: TagList) -> bool:
    return all(octets[tag.start : tag.stop].strip(FWS) == tag.value for tag in tags)


def _name_again(octets: bytes, name: DomainName) -> bool:
    again = DomainName.parse(name.ascii.encode())
    return name.text.encode() == octets and again.ascii == name.ascii and again.same_as(name)


def _identity_again(octets: bytes, identity: Identity) -> bool:
    return identity.local_part + b"@" + identity.domain.text.encode() == octets


def _signature_again(octets: bytes, signature: Signature) -> bool:
    cut = signature.unsigned_field
    return TagList.parse(cut.value).get("b") == b""


def _wire_form(octets: bytes, made: Message) -> bool:
    return made.body.count(b"\n") == made.body.count(b"\r\n")


def _header_again(octets: bytes, header: Header) -> bool:
    return header.octets in (octets, octets + b"\r\n") or not octets


PARSERS: tuple[Parser, ...] = (
    Parser(TagList.parse, TagListFault, _tags_are_in_place),
    Parser(TagList.salvage, AssertionError, _tags_are_in_place),
    Parser(quoted.decode, quoted.QuotedFault, lambda o, r: quoted.decode(quoted.encode(r)) == r),
    Parser(DomainName.parse, NameFault, _name_again),
    Parser(Identity.parse, NameFault, _identity_again),
    Parser(KeyRecord.parse, KeyRecordFault, lambda o, r: r.octets == o),
    Parser(
        lambda octets: Signature.parse(Field(b"DKIM-Signature:" + octets, 14)),
        SignatureFault,
        _signature_again,
    ),
    Parser(
        lambda octets: Signature.parse(Field(b"DKIM-Signature:" + octets, 14), drafts=True),
        SignatureFault,
    ),
    Parser(Header.parse, AssertionError, _header_again),
    Parser(Message.from_stored, AssertionError, _wire_form),
    Parser(publickey.rsa_public_key, publickey.PublicKeyFault, lambda o, r: r.bits > 0),
    Parser(publickey.ed25519_public_key, publickey.PublicKeyFault, lambda o, r: r.bits == 256),
    Parser(parse_private_key, KeyMaterialError, lambda o, r: r.bits > 0),
)  # fmt: skip


def parsing(octets: bytes) -> None:
    """Octet 0 chooses the parser, the rest is for it."""
    parser = PARSERS[octets[0] % len(PARSERS)] if octets else PARSERS[0]
    octets = octets[1:]
    try:
        result = parser.parse(octets)
    except parser.fault as fault:
        if isinstance(fault, SyntaxFault):
            expect(0 <= fault.offset <= len(octets) + 1, f"{fault} lies within the input")
        elif isinstance(fault, AssertionError):
            raise
        return
    expect(parser.holds(octets, result), f"what was read holds: {result!r}")


# --- canonical forms ----------------------------------------------------------------------


_FORMS = {**canonical.DOMAINKEYS_BODY_FORMS, **canonical.BODY_FORMS}


def _form(name: str, chunks: list[bytes]) -> bytes:
    made: list[bytes] = []
    form = _FORMS[name](lambda octets: made.append(bytes(octets)))
    for chunk in chunks:
        form.feed(chunk)
    form.finish()
    return b"".join(made)


def _outcome(twin: ModuleType, name: str, *args: Any) -> object:
    try:
        result = getattr(twin, name)(*args)
    except (ValueError, LookupError) as error:
        return type(error), error.args
    return bytes(result) if isinstance(result, memoryview) else result


def _scanned(twin: ModuleType, octets: bytes) -> object:
    """What a header's index says, which itself differs from twin to twin."""
    found = twin.scan_header(octets, 1 << 20, len(octets) % 99)
    if found is None:
        return None
    index, *rest = found
    lists = twin.listed_header(index)
    names = (*lists[1], *lists[1][::2], b"none")
    places = [twin.places_of(index, name) for name in names]
    at = len(octets) % 5
    signed = [
        _outcome(twin, "signed_fields", index, names, at, relaxed) for relaxed in (True, False)
    ]
    return lists, rest, places, signed


def forms(octets: bytes) -> None:
    """Both twins agree on any octets, and a body form does not see where it is cut."""
    colon = octets.find(b":")
    split = _fast.split_header(octets)
    places = list(range(len(split[0])))
    for name, args in (
        ("split_header", (octets,)),
        ("split_header", (octets, len(octets) % 5)),
        ("relax_body", (octets,)),
        ("bare_lf", (octets,)),
        ("bare_break", (octets,)),
        ("lf_to_crlf", (octets,)),
        ("breaks_to_crlf", (octets,)),
        ("column_after", (octets, len(octets) % 5, 1 + len(octets) % 41)),
        ("relax_field", (octets, colon)),
        ("relax_field", (octets, len(octets) // 2)),
        ("relax_fields", (*split, [at for at in places if split[2][at] >= 0])),
        ("relax_fields", (*split, places)),
        ("index_names", (split[1],)),
        (
            "select_places",
            (_fast.index_names(split[1])[0], (*split[1], *split[1][::2]), colon, len(places)),
        ),
        ("final_line_ends", (octets,)),
        ("base64_octets", (octets,)),
        ("no_fold", (octets,)),
        ("tag_list", (octets, len(octets) % 9)),
        ("tag_list", (octets, 64)),
        ("tag_place", (octets, "a")),
    ):
        expect(_outcome(_fast, name, *args) == _outcome(_pure, name, *args), f"twins: {name}")
    expect(_scanned(_fast, octets) == _scanned(_pure, octets), "twins: scan_header")
    for name in ("simple", "relaxed", "nofws"):
        whole = _form(name, [octets])
        pieces = _form(name, in_pieces(octets, len(octets)))
        expect(pieces == whole, f"{name}: cutting changes nothing")
        expect(_form(name, [whole]) == whole, f"{name}: canonical stays canonical")


TARGETS: dict[str, Callable[[bytes], None]] = {
    "verify": verifying,
    "domainkeys": domainkeys,
    "sign": signing,
    "parsers": parsing,
    "forms": forms,
}
