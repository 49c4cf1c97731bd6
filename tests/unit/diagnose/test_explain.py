"""diagnose.explain: the split is certain, and what is called proven hashes to what was signed."""

from __future__ import annotations

import base64
import quopri
from collections.abc import Sequence

import pytest

import avowal
from avowal.crypto.algorithms import ALGORITHMS
from avowal.crypto.signing import PrivateKey
from avowal.diagnose.budget import Effort
from avowal.diagnose.explain import Explainer, explain
from avowal.diagnose.explanation import Explanation, KeyState, PartState
from avowal.diagnose.keys_at_hand import KeyAtHand
from avowal.diagnose.surroundings import Surroundings
from avowal.dkim.key import KeyRecord
from avowal.dkim.rules import STRICT
from avowal.message import Header, Message
from avowal.names import DomainName, Selector
from avowal.testing import ED25519, RSA_1024, RSA_2048, message, record_for

NAME = "s1._domainkey.example.com"
ED_NAME = "ed._domainkey.example.com"
ZONE = {NAME: record_for(RSA_2048), ED_NAME: record_for(ED25519)}
TEXT = "Dear all,\r\n\r\nShall we meet at noon?\r\n\r\nAlice\r\n"
FOOTER = b"_______________________\r\nfood mailing list\r\nfood@lists.example\r\n"
UMLAUTS = "Grüße aus Köln, wo es schön ist.\r\nBis Dienstag!\r\n"


def signed(
    octets: bytes,
    *,
    key: PrivateKey = RSA_2048,
    selector: str = "s1",
    forms: tuple[str, str] = ("relaxed", "relaxed"),
) -> bytes:
    field = avowal.sign(
        octets,
        domain="example.com",
        selector=selector,
        key=key,
        header_canon=forms[0],
        body_canon=forms[1],
    )
    return field + octets


def explained(octets: bytes, zone: dict[str, str] = ZONE) -> tuple[Explanation, ...]:
    parsed = Message.parse(octets)
    return explain(parsed, avowal.verify(octets, zone, line_ends="wire"))


def only(octets: bytes, zone: dict[str, str] = ZONE) -> Explanation:
    (one,) = explained(octets, zone)
    return one


def test_a_signature_that_passes_needs_no_explanation() -> None:
    one = only(signed(message(TEXT)))
    assert (one.passed, one.explained, one.body) == (True, False, PartState.INTACT)


# -- the split -----------------------------------------------------------------------------------


def test_a_changed_body_leaves_key_and_header_proven() -> None:
    one = only(signed(message(TEXT)).replace(b"noon", b"six"))
    assert (one.key, one.header, one.body) == (
        KeyState.PROVEN, PartState.INTACT, PartState.CHANGED,
    )  # fmt: skip


def test_a_changed_header_leaves_key_and_body_proven() -> None:
    one = only(signed(message(TEXT)).replace(b"Subject: Lunch", b"Subject: Supper"))
    assert (one.key, one.header, one.body) == (
        KeyState.PROVEN, PartState.CHANGED, PartState.INTACT,
    )  # fmt: skip


def test_another_key_is_told_from_a_change() -> None:
    octets = signed(message(TEXT), key=RSA_1024)
    one = only(octets)
    assert (one.key, one.header, one.body) == (
        KeyState.LENGTH, PartState.UNKNOWN, PartState.INTACT,
    )  # fmt: skip


def test_a_damaged_b_is_no_change_of_header_or_body() -> None:
    octets = signed(message(TEXT))
    at = octets.index(b"b=", octets.index(b"bh=") + 4) + 8
    damaged = octets[:at] + (b"A" if octets[at : at + 1] != b"A" else b"B") + octets[at + 1 :]
    one = only(damaged)
    assert (one.key, one.header) == (KeyState.OTHER, PartState.UNKNOWN)


def test_a_key_that_is_gone_leaves_the_body_to_be_explained() -> None:
    one = only(signed(message(TEXT)) + FOOTER, {})
    assert (one.key, one.header, one.body) == (
        KeyState.MISSING, PartState.UNKNOWN, PartState.RESTORED,
    )  # fmt: skip
    assert not one.explained  # that bh= is the signer's is not proven


def test_a_retired_key_explains_and_is_named() -> None:
    octets = signed(message(TEXT)) + FOOTER
    algorithm = ALGORITHMS["rsa-sha256"]
    record = KeyRecord.parse(record_for(RSA_2048).encode())

    def retired(domain: DomainName, selector: Selector) -> Sequence[KeyAtHand]:
        return (KeyAtHand(record.public_key(algorithm), "recovered"),)

    (one,) = explain(Message.parse(octets), avowal.verify(octets, {}), retired=retired)
    assert (one.explained, one.key_source, one.passed) == (True, "recovered", False)


# -- what is proven ------------------------------------------------------------------------------


def changed(*pairs: tuple[bytes, bytes], end: bytes = b"") -> bytes:
    octets = signed(message(TEXT, to="food@lists.example", cc="Carol <carol@example.org>"))
    for old, new in pairs:
        assert old in octets
        octets = octets.replace(old, new, 1)
    return octets + end


@pytest.mark.parametrize(
    ("octets", "steps"),
    [
        pytest.param(changed(end=FOOTER), {"footer"}, id="a footer"),
        pytest.param(
            changed((b"Subject: ", b"Subject: [food] ")), {"subject-tag"}, id="a subject tag"
        ),
        pytest.param(
            changed((b"Subject: ", b"Subject: [food] "), end=FOOTER),
            {"subject-tag", "footer"},
            id="both",
        ),
        pytest.param(
            changed((b"Dear all", b"EXTERNAL MAIL\r\n\r\nDear all")), {"banner"}, id="a banner"
        ),
        pytest.param(
            changed((b"Carol <carol", b'"Carol" <carol')), {"respelled"}, id="a name in quotes"
        ),
        pytest.param(
            changed(
                (b"From: Alice <alice@example.com>", b"From: Alice via food <food@lists.example>"),
                (b"To: ", b"Reply-To: Alice <alice@example.com>\r\nTo: "),
            ),
            {"from-rewritten", "field-added"},
            id="From rewritten",
        ),
    ],
)  # fmt: skip
def test_what_lists_do_is_undone(octets: bytes, steps: set[str]) -> None:
    one = only(octets)
    assert one.explained
    assert {step.name for step in one.steps} >= steps - {"field-added"}
    assert one.original is not None
    assert one.changes is not None
    assert one.changes.undo(Message.parse(octets)).octets == one.original.octets
    assert avowal.verify(one.original.octets, ZONE, line_ends="wire")[0].passed


def wired(octets: bytes) -> bytes:
    return octets.replace(b"\n", b"\r\n")


def quoted_printable(text: str) -> bytes:
    return wired(quopri.encodestring(text.replace("\r\n", "\n").encode()))


def recoded(encoding: str, body: bytes) -> bytes:
    octets = signed(message(UMLAUTS, content_transfer_encoding="8bit"))
    head, _, _ = octets.partition(b"\r\n\r\n")
    head = head.replace(
        b"Content-Transfer-Encoding: 8bit", b"Content-Transfer-Encoding: " + encoding.encode()
    )
    return head + b"\r\n\r\n" + body


@pytest.mark.parametrize(
    ("octets", "step"),
    [
        pytest.param(
            recoded("base64", wired(base64.encodebytes(UMLAUTS.encode() + FOOTER))),
            "base64-was-plain",
            id="base64",
        ),
        pytest.param(
            recoded(
                "quoted-printable",
                quopri.encodestring(UMLAUTS.encode().replace(b"\r\n", b"\n")).replace(
                    b"\n", b"\r\n"
                ),
            ),
            "quoted-printable-was-plain",
            id="quoted-printable",
        ),
    ],
)
def test_text_that_was_encoded_anew_is_proven(octets: bytes, step: str) -> None:
    one = only(octets)
    assert one.explained
    assert one.body_steps == (step,)
    assert one.header_steps == ("transfer-encoding",)


def test_quoted_printable_is_written_again_as_its_writer_did() -> None:
    text = ("Grüße aus Köln, wo es schön ist und die Zeilen lang sind: " * 3).strip() + "\r\n"
    quoted = quoted_printable(text)
    octets = signed(message(quoted, content_transfer_encoding="quoted-printable"))
    head = octets.partition(b"\r\n\r\n")[0].replace(b"quoted-printable", b"8bit")
    one = only(head + b"\r\n\r\n" + text.encode() + FOOTER)
    assert one.body_steps == ("was-quoted-printable",)
    assert one.signed_body == quoted


def test_a_message_that_was_wrapped_is_taken_out_again() -> None:
    octets = signed(message(TEXT, content_transfer_encoding="7bit"))
    head, _, body = octets.partition(b"\r\n\r\n")
    inner = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
    head = head.replace(
        b"Content-Type: text/plain; charset=utf-8", b'Content-Type: multipart/mixed; boundary="x"'
    )
    wrapped = (
        head + b"\r\n\r\n--x\r\n" + inner + body + b"\r\n--x\r\n"
        b"Content-Type: text/plain\r\n\r\n" + FOOTER + b"--x--\r\n"
    )
    one = only(wrapped)
    assert one.explained
    assert one.body_steps == ("unwrapped",)
    assert one.signed_body == body


def test_cc_without_a_subscriber_is_proven_when_the_text_names_him() -> None:
    octets = signed(
        message(
            "Carol <carol@example.org> wrote:\r\n> Hello\r\n",
            cc="Dave <dave@example.net>, Carol <carol@example.org>",
        )
    ).replace(b", Carol <carol@example.org>", b"", 1)
    one = only(octets)
    assert one.header_steps == ("cc-removed",)


def test_mailman_2_shuffles_cc() -> None:
    cc = [f"P{n} <p{n}@example.net>" for n in range(5)]
    octets = signed(message(TEXT, cc=", ".join(cc)))
    octets = octets.replace(", ".join(cc).encode(), ", ".join([*cc[3:], *cc[:3]]).encode())
    octets = octets.replace(b"\r\n\r\n", b"\r\nX-Mailman-Version: 2.1.29\r\n\r\n", 1)
    assert only(octets).header_steps == ("cc-order",)


def test_the_order_of_many_addresses_is_lost_for_good_and_said_so() -> None:
    cc = [f"P{n} <p{n}@example.net>" for n in range(11)]
    octets = signed(message(TEXT, cc=", ".join(cc)))
    octets = octets.replace(", ".join(cc).encode(), ", ".join([*cc[6:], *cc[:6]]).encode())
    octets = octets.replace(b"\r\n\r\n", b"\r\nX-Mailman-Version: 2.1.29\r\n\r\n", 1) + FOOTER
    one = only(octets)
    assert (one.cc_order_lost, one.header, one.body) == (
        True, PartState.CHANGED, PartState.RESTORED,
    )  # fmt: skip


def test_another_copy_of_the_message_gives_the_order_back() -> None:
    cc = [f"P{n} <p{n}@example.net>" for n in range(11)]
    intact = signed(message(TEXT, cc=", ".join(cc)))
    octets = intact.replace(", ".join(cc).encode(), ", ".join([*cc[6:], *cc[:6]]).encode())
    around = Surroundings()
    around.take(Message.parse(intact).header, copies=True)
    (one,) = Explainer(around=around).explain(Message.parse(octets), avowal.verify(octets, ZONE))
    assert one.header_steps == ("copy",)


def test_the_twin_of_a_solved_signature_is_solved() -> None:
    octets = message(TEXT, to="food@lists.example")
    octets = signed(signed(octets), key=ED25519, selector="ed")
    octets = octets.replace(b"Subject: ", b"Subject: [food] ") + FOOTER
    first, second = explained(octets)
    assert (first.verification.algorithm, first.explained) == ("ed25519-sha256", True)
    assert second.explained
    assert first.key is KeyState.PROVEN


def test_ed25519_alone_is_solved_by_likely_changes() -> None:
    octets = signed(message(TEXT), key=ED25519, selector="ed")
    one = only(octets.replace(b"Subject: ", b"Subject: [food] ") + FOOTER)
    assert one.explained


@pytest.mark.parametrize(
    "form", [("simple", "simple"), ("simple", "relaxed"), ("relaxed", "simple")], ids="/".join
)
def test_other_canonicalizations_are_explained(form: tuple[str, str]) -> None:
    octets = signed(message(TEXT), forms=form)
    assert only(octets.replace(b"Subject: ", b"Subject: [food] ") + FOOTER).explained


def test_where_nothing_was_changed_the_verdict_explains() -> None:
    octets = signed(message(TEXT))
    zone = {NAME: record_for(RSA_2048) + "; t=y"}
    (verdict,) = avowal.verify(octets, zone, rules=STRICT)
    (one,) = explain(Message.parse(octets), (verdict,))
    assert (verdict.reason, one.explained, one.original) == ("key-testing", True, None)


# -- what proves nothing -------------------------------------------------------------------------


def test_an_empty_body_fits_before_any_text_and_proves_nothing() -> None:
    one = only(signed(message("")) + b"Send money.\r\n")
    assert (one.signed_nothing, one.body, one.explained) == (True, PartState.CHANGED, False)


def test_a_body_of_empty_lines_proves_nothing() -> None:
    octets = signed(message("\r\n\r\n"), forms=("simple", "simple"))
    assert not only(octets + b"Send money.\r\n").explained


def test_what_is_explained_is_no_pass() -> None:
    octets = changed(end=FOOTER)
    assert only(octets).explained
    assert not avowal.verify(octets, ZONE)[0].passed


def test_nothing_is_searched_beyond_the_effort() -> None:
    octets = changed((b"Subject: Lunch", b"Subject: Supper"))
    one = explain(Message.parse(octets), avowal.verify(octets, ZONE), effort=Effort(candidates=50))[
        0
    ]
    assert (one.limits, one.explained) == (("candidates",), False)


def test_time_that_is_up_ends_the_search() -> None:
    octets = changed((b"Dear all", b"Dear none"))
    explainer = Explainer(deadline=lambda: lambda: True)
    (one,) = explainer.explain(Message.parse(octets), avowal.verify(octets, ZONE))
    assert "time" in one.limits


def test_a_limit_on_bodies_is_named() -> None:
    octets = changed((b"Dear all", b"Dear none"))
    one = explain(Message.parse(octets), avowal.verify(octets, ZONE), effort=Effort(lines=3))[0]
    assert one.limits == ("lines",)


def test_no_more_signatures_are_searched_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("avowal.diagnose.explain.MOST_EXPLAINED", 0)
    one = only(changed((b"Subject: ", b"Subject: [food] ")))
    assert (one.header, one.explained) == (PartState.CHANGED, False)


def test_equal_signatures_are_searched_once() -> None:
    octets = message(TEXT)
    octets = signed(octets).removesuffix(octets) * 12 + octets
    found = explained(octets.replace(b"Subject: ", b"Subject: [food] "))
    assert [one.explained for one in found] == [True] * 12
    assert [one.candidates for one in found][1:] == [0] * 11


def test_a_list_is_learned_from_proofs() -> None:
    explainer = Explainer()
    head = b"\r\nList-Id: <food.lists.example>\r\n\r\n"
    octets = changed(end=FOOTER).replace(b"\r\n\r\n", head, 1)
    explainer.explain(Message.parse(octets), avowal.verify(octets, ZONE))
    octets = changed((b"Subject: ", b"Subject: [food] ")).replace(b"\r\n\r\n", head, 1)
    explainer.explain(Message.parse(octets), avowal.verify(octets, ZONE))
    assert explainer.profiles.of("food.lists.example").steps["subject-tag"] == 1
    explainer.profiles.forget("food.lists.example")
    assert not explainer.profiles.of("food.lists.example").steps


def test_no_octets_make_it_raise() -> None:
    octets = changed((b"Content-Type: text/plain", b'Content-Type: multipart/mixed; boundary="'))
    for body in (b"", b"\r\n", b"--\r\n--\r\n", b"=\r\n=3D=", b"\x00\r\r\n\n", b"--" * 50):
        parsed = Message(Message.parse(octets).header, body)
        explain(parsed, avowal.verify(parsed.octets, ZONE, line_ends="wire"))
    assert explain(Message(Header.of([]), b""), ()) == ()


@pytest.mark.parametrize(
    "charset",
    [
        pytest.param(b"undefined", id="a-codec-that-always-fails"),
        pytest.param(b'"utf-8\0"', id="nul"),
        pytest.param(b"idna", id="a-codec-of-names"),
        pytest.param(b"../x", id="a-path"),
        pytest.param(b"\xfc", id="not-ascii"),
    ],
)
def test_a_charset_that_is_none_is_no_codec_to_look_up(charset: bytes) -> None:
    """A stranger names it: explaining raises nothing, whatever stands there."""
    octets = signed(message(UMLAUTS).replace(b"charset=utf-8", b"charset=" + charset))
    assert charset in octets
    assert not only(octets.replace("schön".encode(), b"schoen")).explained
