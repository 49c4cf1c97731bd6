"""What an application is told about a message: is it really from whom it says?

`avowal.verdict` gives a `Judgement`; which evidence leads to which answer stands in
`avowal.examine.judgement_rows`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NoReturn, TypeAlias

from avowal.dkim.reasons import Caution
from avowal.enums import Word
from avowal.errors import TruthError
from avowal.mailbox import Problem

Voucher: TypeAlias = Literal["dkim", "arc", "spf"]


class Authenticity(Word):
    """The three answers, the least first; neither true nor false (TruthError)."""

    NOT_AUTHENTIC = "not-authentic", "it is not from the domain it shows, by that domain's word"
    CANNOT_TELL = "cannot-tell", "whether it is from the domain it shows cannot be told"
    AUTHENTIC = "authentic", "the domain it shows vouches for it"

    @property
    def rank(self) -> int:
        """0 for the least of the answers, 2 for AUTHENTIC."""
        return tuple(Authenticity).index(self)

    def __bool__(self) -> NoReturn:
        raise TruthError("an answer of three is neither true nor false: compare it")


class Ground(Word):
    """Why the answer is what it is."""

    SIGNED = "signed", "the author's domain signed the whole body and every field that matters"
    ARC = "arc", "trusted sealers saw it pass for the author's domain, and their chain validates"
    SPF = "spf", "the author's domain lets this client send; nothing of the content is covered"
    TOO_LARGE = "too-large", "the header goes beyond a limit: it was not judged as a whole"
    TOO_MANY_AUTHORS = "too-many-authors", "more author domains are shown than are asked about"
    NO_AUTHOR = "no-author", "no domain is shown as author"
    AMBIGUOUS = "ambiguous", "readers differ in whom they show as author"
    IMPERSONATES = "impersonates", "From also shows an address of another organization"
    PUBLIC_SUFFIX = "public-suffix", "a public suffix or a single label vouches for nobody"
    OLD = "old", "it is older than this program accepts, or its age cannot be told"
    WEAKLY_COVERED = "weakly-covered", "the signature covers less than what is shown, or has t=y"
    SPF_ONLY = "spf-only", "only the connection is authenticated, nothing of the content"
    DNS = "dns", "DNS does not answer for now"
    BROKEN = "broken", "a signature of the author's domain fails"
    UNALIGNED = "unaligned", "what passes speaks for other domains"
    UNSIGNED = "unsigned", "nothing that passes speaks for the author's domain"


class Hint(Word):
    """What may tell of a replay: a true message, sent on to somebody it was not meant for."""

    TO_UNSIGNED = "to-unsigned", "To is not signed: it may have been sent to somebody else first"
    CC_UNSIGNED = "cc-unsigned", "Cc is not signed: it may have been added"
    NOT_NAMED = "recipient-not-named", "neither To nor Cc names the recipient"
    NO_AGE = "age-unknown", "neither t= nor a signed Date tells how old it is"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The answer about one message, and what it rests on.

    What may be concluded from AUTHENTIC: the domain `domain` let these octets out, all of the
    body and the fields in `covered`.  No more than that.  It does not say which person wrote
    them: where many people share a domain (freemail), any of them may be behind any local
    part that their provider lets them use.  It does not say that the message was meant for
    you, or is new: a true message can be sent again to anybody (`hints`, `age`), so that what
    must not happen twice needs a memory of its Message-ID.  It does not say that the text is
    honest, or that whoever is quoted in it said so.  Act on `author`, never on the display
    name, and reply to Reply-To only where `reply_to_proven` is true.

    CANNOT_TELL is an answer of its own.  A program that acts on messages treats it as it
    treats NOT_AUTHENTIC, or asks a person; `temporary` says that asking again may help.

    `ground` is why, `row` the row of the table in docs/howto/is-it-really-from.md, `domain`
    (in A-labels) the author's domain that decided, None where no domain is shown.  `author`
    is the address, its domain in A-labels, None unless exactly one is shown; `authors` are
    all.  `display_name` is for people: whoever wrote the message chose it.

    For AUTHENTIC `by` is what vouches, and `covered` holds the lower-cased names of the
    fields that the domain signed: none of them for `spf`.  `age` is in seconds, by t= or the
    signed Date of the deciding signature; None where nothing tells.  `forwarded_by` are the
    sealers of an ARC chain that validates, the first one first: names, not yet trust.
    `warnings` are those on the deciding signature, `problems` what is unusual about From.
    """

    answer: Authenticity
    ground: Ground
    row: int
    domain: str | None = None
    author: str | None = None
    authors: tuple[str, ...] = ()
    display_name: str = ""
    by: Voucher | None = None
    covered: tuple[str, ...] = ()
    age: int | None = None
    reply_to_proven: bool = False
    forwarded_by: tuple[str, ...] = ()
    hints: tuple[Hint, ...] = ()
    warnings: tuple[Caution, ...] = ()
    problems: tuple[Problem, ...] = ()

    def __bool__(self) -> NoReturn:
        raise TruthError("a judgement is neither true nor false: ask for its .authentic")

    @property
    def authentic(self) -> bool:
        """Whether the answer is AUTHENTIC."""
        return self.answer is Authenticity.AUTHENTIC

    @property
    def temporary(self) -> bool:
        """Whether the same question may have another answer when DNS answers."""
        return self.ground is Ground.DNS

    @property
    def explanation(self) -> str:
        """One sentence for a person."""
        sentence = self.ground.sentence
        return sentence if self.domain is None else f"{self.domain}: {sentence}"
