"""The closed list of what a verification may say: results, reasons, and warnings.

The reference page, `--json`, `explain` and the tests read these tables.
"""

from __future__ import annotations

from enum import StrEnum

from avowal.enums import Word


class Result(StrEnum):
    """The words of RFC 8601 §2.7.1 for one signature."""

    NONE = "none"
    PASS = "pass"  # noqa: S105 - a verdict
    FAIL = "fail"
    POLICY = "policy"
    NEUTRAL = "neutral"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


class Reason(StrEnum):
    """Why a signature did not pass: word, result, source, sentence.

    The result of syntax errors is `neutral` by the letter of RFC 8601 §2.7.1
    ("contained syntax errors or could not be processed").
    """

    result: Result
    source: str
    sentence: str

    def __new__(cls, word: str, result: Result, source: str, sentence: str) -> Reason:
        member = str.__new__(cls, word)
        member._value_ = word
        member.result = result
        member.source = source
        member.sentence = sentence
        return member

    # the signature as written
    SYNTAX = (
        "signature-syntax",
        Result.NEUTRAL,
        "RFC 6376 §6.1.1",
        "the signature field is malformed",
    )
    VERSION = (
        "incompatible-version",
        Result.NEUTRAL,
        "RFC 6376 §6.1.1",
        "the signature's v= is not 1",
    )
    MISSING_TAG = (
        "missing-tag",
        Result.NEUTRAL,
        "RFC 6376 §6.1.1",
        "the signature lacks a required tag",
    )
    DOMAIN_MISMATCH = (
        "domain-mismatch",
        Result.PERMERROR,
        "RFC 6376 §6.1.1",
        "the identity i= is not within the domain d=",
    )
    FROM_NOT_SIGNED = (
        "from-not-signed",
        Result.PERMERROR,
        "RFC 6376 §6.1.1",
        "the signature does not cover the From field",
    )
    ALGORITHM = (
        "unknown-algorithm",
        Result.NEUTRAL,
        "RFC 6376 §3.3.4",
        "the signature's algorithm is not known",
    )
    CANONICALIZATION = (
        "unknown-canonicalization",
        Result.NEUTRAL,
        "RFC 6376 §3.4",
        "the signature's canonicalization is not known",
    )
    QUERY = (
        "unknown-query-method",
        Result.NEUTRAL,
        "RFC 6376 §3.5 q=",
        "none of the signature's key query methods is known",
    )
    # the key
    KEY_UNAVAILABLE = (
        "key-unavailable",
        Result.TEMPERROR,
        "RFC 6376 §6.1.2 step 2",
        "the key could not be looked up for now",
    )
    NO_KEY = (
        "no-key",
        Result.PERMERROR,
        "RFC 6376 §6.1.2 step 3",
        "there is no key at the signature's selector",
    )
    KEY_SYNTAX = (
        "key-syntax",
        Result.PERMERROR,
        "RFC 6376 §6.1.2 step 5",
        "the key record is malformed",
    )
    KEY_HASH = (
        "inappropriate-hash",
        Result.PERMERROR,
        "RFC 6376 §6.1.2 step 6",
        "the key record does not allow the signature's hash",
    )
    KEY_REVOKED = (
        "key-revoked",
        Result.PERMERROR,
        "RFC 6376 §6.1.2 step 7",
        "the key has been revoked",
    )
    KEY_ALGORITHM = (
        "inappropriate-key-algorithm",
        Result.PERMERROR,
        "RFC 6376 §6.1.2 step 8",
        "the key is not of the type the signature's algorithm needs",
    )
    KEY_SERVICE = (
        "inappropriate-service",
        Result.PERMERROR,
        "RFC 6376 §3.6.1 s=",
        "the key is not meant for this service",
    )
    KEY_SUBDOMAIN = (
        "key-forbids-subdomain",
        Result.PERMERROR,
        "RFC 6376 §3.6.1 t=s",
        "the key forbids an identity in a subdomain",
    )
    KEY_GRANULARITY = (
        "key-granularity",
        Result.PERMERROR,
        "RFC 4871 §6.1.2 step 6",
        "the key is meant for other local parts (g=)",
    )
    # what the receiver's rules refuse
    KEY_TOO_SHORT = (
        "key-too-short",
        Result.POLICY,
        "RFC 8301 §3.2",
        "the key is too short to be trusted",
    )
    KEY_TOO_LONG = (
        "key-too-long",
        Result.POLICY,
        "RFC 6376 §8.4, RFC 4686 §4.1.6",
        "the key is longer than this receiver works with",
    )
    KEY_EXPONENT = (
        "key-exponent",
        Result.POLICY,
        "RFC 6376 §8.13",
        "the key's public exponent is unreasonable",
    )
    KEY_TESTING = (
        "key-testing",
        Result.POLICY,
        "RFC 6376 §3.6.1 t=y",
        "the domain is only testing this key",
    )
    KEY_UNPROTECTED = (
        "key-unprotected",
        Result.POLICY,
        "RFC 6376 §8.5",
        "the key is not protected by DNSSEC",
    )
    KEY_RECOVERED = (
        "key-recovered",
        Result.POLICY,
        "RFC 6376 §3.6",
        "the signature fits a key found again from mail, which nobody saw in DNS",
    )
    HISTORIC_ALGORITHM = (
        "historic-algorithm",
        Result.POLICY,
        "RFC 8301 §3.1",
        "the signature's algorithm must not be relied upon any more",
    )
    HISTORIC_PROTOCOL = (
        "historic-protocol",
        Result.POLICY,
        "RFC 6376 §6.1.1",
        "the signature verifies by a protocol that DKIM replaced",
    )
    EXPIRED = (
        "expired",
        Result.PERMERROR,  # RFC 6376 §6.1.1: PERMFAIL, and time will not mend it
        "RFC 6376 §6.1.1",
        "the signature has expired",
    )
    TOO_OLD = (
        "too-old",
        Result.POLICY,
        "RFC 6376 §8.6",
        "the signature is older than this receiver accepts",
    )
    FUTURE = (
        "signed-in-future",
        Result.POLICY,
        "RFC 6376 §3.5 t=",
        "the signature claims to be made in the future",
    )
    UNACCEPTABLE_DOMAIN = (
        "unacceptable-domain",
        Result.POLICY,
        "RFC 6376 §6.1.1",
        "this receiver accepts no signature of such a domain",
    )
    REQUIRED_FIELD = (
        "required-field-unsigned",
        Result.POLICY,
        "RFC 6376 §6.1.1",
        "a field this receiver wants signed is not covered",
    )
    ADDED_FIELD = (
        "added-field",
        Result.POLICY,
        "RFC 6376 §8.15",
        "a field of a signed name stands in the message unsigned",
    )
    REPEATED_FIELD = (
        "repeated-field",
        Result.POLICY,
        "RFC 5322 §3.6, RFC 6376 §8.15",
        "a field that may stand once is repeated, unsigned and with another value",
    )
    UNSIGNED_CONTENT = (
        "unsigned-content",
        Result.POLICY,
        "RFC 6376 §6.1.3, §8.2",
        "octets were added behind the signed part of the body",
    )
    TOO_MANY_SIGNATURES = (
        "too-many-signatures",
        Result.POLICY,
        "RFC 6376 §6.1",
        "the message carries more signatures than this receiver checks",
    )
    TOO_LARGE = (
        "too-large",
        Result.POLICY,
        "RFC 4686 §4.1.6",
        "the signature or the header is larger than this receiver reads",
    )
    # the message itself
    BODY_LENGTH = (
        "body-too-short",
        Result.FAIL,
        "RFC 6376 §3.5 l=",
        "the body is shorter than the signed length",
    )
    BODY_HASH = (
        "body-hash",
        Result.FAIL,
        "RFC 6376 §6.1.3 step 3",
        "the body is not the one that was signed",
    )
    SIGNATURE = (
        "signature",
        Result.FAIL,
        "RFC 6376 §6.1.3 step 4",
        "the signed fields, or the signature, were changed",
    )


class Caution(Word):
    """What a stricter receiver elsewhere may dislike in a signature that is fine here."""

    SHORT_KEY = ("short-key", "the RSA key has fewer than 2048 bits (RFC 8301 §3.2)")
    LONG_KEY = ("long-key", "many receivers refuse RSA keys over 4096 bits (RFC 8301 §3.2)")
    EXPONENT = ("exponent", "the RSA exponent is not 65537 (RFC 6376 §3.3.2)")
    TESTING = ("testing", "the key record says t=y: treat as unsigned (RFC 6376 §3.6.1)")
    BODY_LENGTH = ("body-length", "l= leaves the end of the body open (RFC 6376 §8.2)")
    NO_TIMESTAMP = ("no-timestamp", "there is no t= (recommended, RFC 6376 §3.5)")
    HISTORIC_ALGORITHM = ("historic-algorithm", "rsa-sha1 must not be used (RFC 8301 §3.1)")
    SEVERAL_FROM = ("several-from", "the message has several From fields (RFC 5322 §3.6)")
    SUBJECT_UNSIGNED = ("subject-unsigned", "the Subject field is not signed (RFC 6376 §5.4)")
    TO_UNSIGNED = ("to-unsigned", "the To field is not signed (RFC 6376 §5.4)")
    DATE_UNSIGNED = ("date-unsigned", "the Date field is not signed (RFC 6376 §5.4)")
    CONTENT_TYPE_UNSIGNED = (
        "content-type-unsigned",
        "Content-Type is not signed: the body can be made to look different (RFC 6376 §8.2)",
    )
    DUPLICATE_FIELDS = ("duplicate-fields", "fields that may stand once repeat (RFC 5322 §3.6)")
    DRAFT = ("draft", "no bh=: a draft of 2005 (draft-allman-dkim-base-01 §3.8, -00 §3.4)")
    NOWSP = ("nowsp", "all white space may have changed (draft-allman-dkim-base-00 §3.4.2)")
    SIGNS_TRACE = ("signs-trace", "fields that change in transit are signed (RFC 6376 §5.4)")
    SIGNS_SIGNATURES = (
        "signs-signatures",
        "DKIM-Signature is in h=: a later signature or a reordering breaks it (§8.12)",
    )
    SEVERAL_RECORDS = ("several-records", "several key records at one name (RFC 6376 §3.6.2.2)")
    KEY_LINE_BREAK = (
        "key-line-break",
        "the key record holds a line break that is no fold (RFC 6376 §2.8, §3.6.1)",
    )
    KEY_FORM = ("key-form", "the key is encoded in an uncommon form (RFC 6376 §3.6.1, RFC 8463)")
    UNDERSCORE = ("underscore", "a name holds an underscore (RFC 5321 §4.1.2)")
    UNKNOWN_TAGS = ("unknown-tags", "the signature holds tags nobody registered")
    FUTURE_TIMESTAMP = ("future-timestamp", "t= lies in the future (RFC 6376 §3.5)")
    GRANULARITY = ("granularity", "the key record holds g=, which RFC 6376 dropped")
    BARE_LINE_BREAKS = ("bare-line-breaks", "bare CR or LF in the header (RFC 5322 §2.2)")
    NO_FROM = ("no-from", "the message has no From field (RFC 5322 §3.6)")
    NO_DATE = ("no-date", "the message has no Date field (RFC 5322 §3.6)")
    EIGHT_BIT = ("eight-bit", "8-bit octets: a relay may convert the message (RFC 6376 §5.3)")
    MALFORMED_LINES = ("malformed-lines", "the header holds lines that are no fields")
    LONG_LINES = ("long-lines", "a line is over 998 octets: MTAs break it (RFC 5322 §2.1.1)")
