"""Everything that is known to happen to messages on their way: one row each.

The words, the prices and the frequencies are one table: the explanation, the manual's page
and the preflight read it.  `seen` counts proofs among 1,441 bodies and 475
headers of three lists (2019-2026), of signatures that no longer verified.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from avowal.valueclass import value


class Side(StrEnum):
    """What a step changes, or what an observation is about."""

    BODY = "body"
    HEADER = "header"
    KEY = "key"
    POLICY = "policy"
    WORDS = "words"


@value(kw_only=False)
class Step:
    """One thing that happens to messages.

    `sentence` says what was done, in the past; `by` who does it, and `by_lists` whether lists
    do, among others; `avoid` what the author, and `owner` what whoever runs the list or server
    can do.
    """

    name: str
    side: Side
    sentence: str
    by: str
    seen: int
    avoid: str = ""
    owner: str = ""
    by_lists: bool = False

    @property
    def observed(self) -> bool:
        """Whether DNS or the words of a text show it, and no equal hash."""
        return self.side not in {Side.BODY, Side.HEADER}


_LISTS = "mailing lists"
_FOOTER = "leave the footer out: List-Unsubscribe and its kin say the same (RFC 2369, RFC 8058)"
_ENCODING = "write text as quoted-printable or base64 with short lines: there is nothing to convert"
_RECODE = "pass the body on as it is, in the encoding it came in"
_CC = "do not sign Cc of mail to lists"
_NODUP = "leave Cc alone: do not take members with nodup out of it"
_MIME = "do not sign Content-Type and Content-Transfer-Encoding of mail to lists"

_ROWS = (
    Step("footer", Side.BODY, "lines were added at the end", _LISTS, 858, "", _FOOTER,
         by_lists=True),
    Step("footer-in-part", Side.BODY, "lines were added to a text part", "disclaimer programs", 0,
         "", "sign after the disclaimer is added, not before"),
    Step("banner", Side.BODY, "lines were added at the beginning", "security gateways", 0,
         "", "verify before the banner is added, and seal with ARC"),
    Step("unwrapped", Side.BODY, "the message became a part of a new multipart",
         "Mailman 2 and 3, with a footer for HTML or attachments", 357, "", _FOOTER, by_lists=True),
    Step("part-added", Side.BODY, "a part was added at the end", _LISTS, 9, "", _FOOTER,
         by_lists=True),
    Step("preamble", Side.BODY, "the text before the first part was changed",
         "Python's email package", 0, "", _RECODE),
    Step("inner-blank-line", Side.BODY, "an empty line was put behind an inner multipart",
         "Python's email package (Mailman)", 15, "", _RECODE, by_lists=True),
    Step("from-quoted", Side.BODY, '"From " at the start of a line became ">From "',
         "mailboxes", 2, "write such a line as quoted-printable (=46rom)", ""),
    Step("line-broken", Side.BODY, "a line was broken behind 998 octets, in the middle of a word",
         "Postfix and other servers (RFC 5321 §4.5.3.1.6)", 0,
         "write lines of at most 998 octets, or quoted-printable", _RECODE),
    Step("base64-was-plain", Side.BODY, "text that was 8bit or 7bit became base64",
         "Mailman with a charset of UTF-8", 174, _ENCODING, _RECODE, by_lists=True),
    Step("quoted-printable-was-plain", Side.BODY,
         "text that was 8bit or 7bit became quoted-printable",
         "servers whose next hop has no 8BITMIME", 19, _ENCODING, "announce 8BITMIME (RFC 6152)"),
    Step("was-quoted-printable", Side.BODY, "text that was quoted-printable is encoded otherwise",
         "Mailman", 116, "", _RECODE, by_lists=True),
    Step("was-base64", Side.BODY, "text that was base64 is encoded otherwise", "Mailman", 7, "",
         _RECODE, by_lists=True),
    Step("charset", Side.BODY, "text was converted to another charset", _LISTS, 0,
         "write UTF-8", _RECODE, by_lists=True),
    Step("part-quoted-printable-was-plain", Side.BODY,
         "parts that were 8bit or 7bit became quoted-printable",
         "Postfix and sendmail whose next hop has no 8BITMIME", 69, _ENCODING,
         "announce 8BITMIME (RFC 6152)"),
    Step("part-base64-was-plain", Side.BODY, "parts that were 8bit or 7bit became base64",
         "servers that convert", 0, _ENCODING, _RECODE),
    Step("part-was-quoted-printable", Side.BODY,
         "parts that were quoted-printable are encoded otherwise", "gateways", 0, "", _RECODE),
    Step("part-was-base64", Side.BODY, "parts that were base64 are encoded otherwise",
         "gateways", 0, "", _RECODE),
    Step("part-field-dropped", Side.BODY, "a field was taken out of a part's header",
         "Exchange, Mailman", 0, "", _RECODE, by_lists=True),
    Step("signature-dashes", Side.BODY, '"-- " lost its blank', "archives, pastes", 0, "", ""),
    Step("dots-doubled", Side.BODY, "dots at the start of lines were doubled (RFC 5321 §4.5.2)",
         "broken SMTP programs, copies from a session", 0, "", "take the dots away on receipt"),
    Step("dots-removed", Side.BODY, "dots at the start of lines were taken away",
         "broken SMTP programs", 0, "", "double the dots when sending"),
    Step("quoted-reply", Side.BODY, 'every line was quoted with "> "', "pastes, forwards", 0),
    Step("blanks-added", Side.BODY, "blanks at line ends are new", "pastes, editors", 0),
    Step("indented", Side.BODY, "every line was indented", "pastes", 0),
    Step("no-break-spaces", Side.BODY, "spaces became no-break spaces", "pastes, web mail", 0),
    Step("blank-behind-quote", Side.BODY, '"> " lost its blank', "editors, pastes", 0),
    Step("tabs-to-spaces", Side.BODY, "tabs became spaces", "pastes, terminals", 0),
    Step("lines-apart", Side.BODY, "an empty line was put behind each line",
         "wrong conversions, pastes", 0, "", "pass lines on as they came"),
    Step("line-ends-doubled", Side.BODY, "line ends became CR CR LF", "wrong conversions", 0),
    Step("line-ends-bare", Side.BODY, "line ends became CR alone", "wrong conversions", 0),
    Step("byte-order-mark", Side.BODY, "a byte order mark was put before the text",
         "editors, programs that convert", 0, "", _RECODE),
    Step("blanks-removed", Side.BODY, "blanks at line ends were taken away",
         "editors, mail filters", 0, "use c=relaxed for the body", _RECODE),
    Step("reflowed", Side.BODY, "lines of flowed text were put together (RFC 3676)",
         "Exchange, programs that convert", 0, "", _RECODE),
    Step("links-rewritten", Side.BODY, "links were led through a gateway",
         "Microsoft Safe Links, Proofpoint, Barracuda, Cisco, Symantec, Trend Micro, Sophos", 0, "",
         "verify before links are rewritten, and seal with ARC"),
    Step("subject-tag", Side.HEADER, "a tag was put into the Subject", _LISTS, 291, "",
         "leave the Subject alone: List-Id says which list it is (RFC 2919)", by_lists=True),
    Step("subject-prefix", Side.HEADER, "the tag and Re: were put in another order",
         "Mailman 3", 94, "", "leave the Subject alone", by_lists=True),
    Step("subject-marked", Side.HEADER, "words were put before the Subject",
         "spam filters, gateways", 0, "", "say it in a field of its own"),
    Step("respelled", Side.HEADER, "names or encoded words were spelled otherwise",
         "Mailman (formataddr), Exchange", 14, "", "pass fields on as they came", by_lists=True),
    Step("from-rewritten", Side.HEADER, "the author's address in From was replaced",
         "lists, for authors whose policy is quarantine or reject", 128,
         "", "change nothing that is signed: then From need not be rewritten", by_lists=True),
    Step("reply-to", Side.HEADER, "an address was added to Reply-To", _LISTS, 8, "",
         "leave Reply-To alone", by_lists=True),
    Step("sender", Side.HEADER, "Sender was replaced", _LISTS, 0, "do not sign Sender", "",
         by_lists=True),
    Step("content-type", Side.HEADER, "Content-Type was spelled otherwise", "Mailman", 59, _MIME,
         _RECODE, by_lists=True),
    Step("content-type-added", Side.HEADER, "Content-Type was added", _LISTS, 4,
         "write MIME-Version and Content-Type into every message", _RECODE, by_lists=True),
    Step("transfer-encoding", Side.HEADER, "Content-Transfer-Encoding was changed or added",
         "Mailman, servers that convert", 135, _MIME, _RECODE, by_lists=True),
    Step("mime-version", Side.HEADER, "MIME-Version was added or changed", _LISTS, 4,
         "write MIME-Version into every message", _RECODE, by_lists=True),
    Step("cc-order", Side.HEADER, "the addresses in Cc were put in another order",
         "Mailman 2", 95, _CC, _NODUP, by_lists=True),
    Step("cc-removed", Side.HEADER, "subscribers were taken out of Cc", "Mailman", 29, _CC,
         _NODUP, by_lists=True),
    Step("cc-author-added", Side.HEADER, "the author was added to Cc",
         "Mailman, where it rewrites From", 0, _CC, "change nothing that is signed", by_lists=True),
    Step("field-added", Side.HEADER, "a field was added that the signature names",
         "lists and servers", 8,
         "name in h= only what is there, and what nobody has reason to add", "", by_lists=True),
    Step("field-dropped", Side.HEADER, "a signed field was taken out",
         "servers, ezmlm (Reply-To)", 0, "do not sign X- fields and what is about one hop",
         "pass fields on", by_lists=True),
    Step("field-changed", Side.HEADER, "a signed field was changed", "Exchange", 0,
         "do not sign X- fields", "pass fields on as they came"),
    Step("date", Side.HEADER, "Date was written otherwise", "servers that tidy up", 0,
         "write Date by the letter of RFC 5322 §3.3", "pass Date on"),
    Step("references-cut", Side.HEADER, "References was cut", "servers, news gateways", 0,
         "do not sign References", "pass References on"),
    Step("refolded", Side.HEADER, "white space came into or out of a field by folding",
         "servers that fold long lines", 0, "use c=relaxed, and lines of at most 78",
         "fold at white space only"),
    Step("field-broken", Side.HEADER,
         "a field was broken behind 998 octets, in the middle of a word",
         "Postfix, for lists that unfold long fields (Mailman 3)", 12,
         "do not sign Cc of mail to lists", "fold fields again at white space", by_lists=True),
    Step("signature-refolded", Side.HEADER, "the DKIM-Signature itself was folded anew",
         "servers that fold long lines", 0, "use c=relaxed", "fold at white space only"),
    Step("signature-damaged", Side.HEADER, "b= of the signature was damaged",
         "forms of the web, quoted-printable where none belongs, quoting, hands", 0, "",
         "pass the DKIM-Signature on as it came"),
    Step("copied-field", Side.HEADER, "a field differs from its copy in z= of the signature",
         "lists and servers", 0, "", "pass fields on as they came", by_lists=True),
    Step("copy", Side.HEADER, "a field differs from that of another copy", "lists and servers", 0,
         by_lists=True),
    Step("key-wildcard", Side.KEY, "a wildcard in DNS answers in place of the key",
         "owners of domains", 0,
         "publish the key at its own name, and take the wildcard away: it answers for all", ""),
    Step("key-alias-dangling", Side.KEY, "the key's CNAME leads to a name without a record",
         "mail services that took a key away", 0, "take the CNAME out of DNS: whoever gets the "
         "name it leads to can sign for the domain", ""),
    Step("key-alias-other", Side.KEY, "the key's CNAME leads to a key that did not make b=",
         "mail services that rotated a key", 0,
         "ask the service that the name was delegated to which selector it signs with", ""),
    Step("not-aligned", Side.POLICY, "a signature passes for another domain than the author's",
         "mail services that sign with their own domain", 0,
         "sign with d= in the author's domain", ""),
    Step("strict-alignment", Side.POLICY,
         "a signature passes, and adkim=s asks for the author's very domain",
         "owners of domains", 0, "sign with d= as it stands in From, or take adkim=s out", ""),
    Step("policy-asks", Side.POLICY,
         "the author's domain asks receivers to quarantine or refuse what nothing vouches for",
         "owners of domains", 0, "let each way that mail of the domain takes sign for it", ""),
    Step("antivirus-note", Side.WORDS, "added text reads like the note of a virus scanner",
         "virus scanners", 0, "", "say it in a field, or sign behind the scanner"),
    Step("external-banner", Side.WORDS, "added text reads like a warning of mail from outside",
         "Exchange, gateways", 0, "", "verify before the banner is added, and seal with ARC"),
    Step("disclaimer", Side.WORDS, "added text reads like a disclaimer", "disclaimer programs",
         0, "", "sign after the disclaimer is added, not before"),
    Step("parts-filtered", Side.WORDS,
         "a filter took parts out, such as HTML: without them the signed body cannot be made again",
         "Mailman's content filter", 0, "write plain text to lists that take nothing else",
         "leave parts in, or seal with ARC before they are taken out"),
    Step("eight-bits-lost", Side.WORDS,
         "letters beyond ASCII were lost: the text is said to be 8bit, and nothing of it is",
         "servers and filters that know ASCII alone", 0, _ENCODING, "announce 8BITMIME (RFC 6152)"),
    Step("links-protected", Side.WORDS,
         "links lead through a gateway, and the signed body is not found",
         "Mimecast, whose links are tokens, and other gateways", 0, "",
         "verify before links are rewritten, and seal with ARC"),
)  # fmt: skip

REGISTRY: Mapping[str, Step] = MappingProxyType({step.name: step for step in _ROWS})
