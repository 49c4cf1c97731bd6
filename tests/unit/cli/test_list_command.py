"""``avowal list``: run as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import avowal
from avowal import authres
from avowal.message import Message
from avowal.testing import ED25519, RSA_2048, Zone, message, record_for, tamper

NOW = 1_800_000_000
ZONE = {
    "a._domainkey.example.com": record_for(ED25519),
    "l._domainkey.lists.example": record_for(RSA_2048),
}
STRICT = {**ZONE, "_dmarc.example.com": "v=DMARC1; p=reject"}
POST = avowal.sign(message(), domain="example.com", selector="a", key=ED25519, now=NOW) + message()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "zone.json").write_text(json.dumps(ZONE))
    (tmp_path / "strict.json").write_text(json.dumps(STRICT))
    (tmp_path / "post.eml").write_bytes(POST)
    (tmp_path / "footer.txt").write_text("-- \nbees\n")
    (tmp_path / "l.pem").write_bytes(RSA_2048.pem())
    (tmp_path / "l.pem").chmod(0o600)
    return tmp_path


def avowal_list(place: Path, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "avowal", "list", *arguments, "--at", str(NOW)]
    return subprocess.run(command, cwd=place, input=given, capture_output=True, check=False)


PIPE = ("pipe", "-l", "bees@lists.example", "-d", "lists.example", "-s", "l", "-k", "l.pem")
CHANGING = (*PIPE, "--subject-tag", "[bees]", "--footer", "footer.txt")


def results(octets: bytes) -> dict[str | None, str]:
    return {v.domain: str(v.result) for v in avowal.verify(octets, Zone(ZONE), now=NOW)}


def test_the_advice_names_the_decision_first(place: Path) -> None:
    done = avowal_list(place, "advise", "--footer", "--zone", "strict.json", "post.eml")
    lines = done.stdout.decode().splitlines()
    assert lines[0] == "signature of example.com: pass, breaks: the whole body is signed"
    assert lines[1].startswith("keep-body: ")
    assert done.returncode == 0


def test_the_habits_can_be_read_off_a_copy(place: Path) -> None:
    sent = avowal_list(place, *CHANGING, "--zone", "zone.json", given=POST).stdout
    (place / "sent.eml").write_bytes(sent)
    done = avowal_list(
        place, "advise", "--seen", "sent.eml", "--zone", "strict.json", "--json", "post.eml"
    )
    assert json.loads(done.stdout)["advice"][0]["why"] == (
        "example.com publishes p=reject, and Subject is signed"
    )


def test_an_unsigned_post_under_a_strict_policy_is_refused(place: Path) -> None:
    done = avowal_list(place, "advise", "--zone", "strict.json", given=message())
    assert done.stdout.startswith(b"refuse: ")
    assert done.returncode == 1


def test_a_post_without_changes_keeps_the_author_s_signature(place: Path) -> None:
    done = avowal_list(place, *PIPE, "--zone", "zone.json", given=POST)
    assert results(done.stdout) == {"lists.example": "pass", "example.com": "pass"}


def test_a_changed_post_carries_the_list_s_signature_and_its_record(place: Path) -> None:
    done = avowal_list(place, *CHANGING, "--zone", "zone.json", given=POST)
    assert results(done.stdout) == {"lists.example": "pass", "example.com": "fail"}
    assert b"dkim=pass" in done.stdout


@pytest.mark.parametrize(
    ("zone", "how", "expected"),
    [
        ("zone.json", "auto", b" Alice <alice@example.com>"),
        ("strict.json", "auto", b' "Alice via bees" <bees@lists.example>'),
        ("zone.json", "always", b' "Alice via bees" <bees@lists.example>'),
        ("strict.json", "never", b" Alice <alice@example.com>"),
    ],
)
def test_from_is_rewritten_where_the_policy_makes_it_necessary(
    place: Path, zone: str, how: str, expected: bytes
) -> None:
    done = avowal_list(place, *CHANGING, "--zone", zone, "--rewrite-from", how, given=POST)
    (author,) = Message.parse(done.stdout).header.named(b"from")
    assert author.value == expected


def test_a_refused_post_is_not_written(place: Path) -> None:
    done = avowal_list(place, *PIPE, "--refuse", "--zone", "strict.json", given=message())
    assert (done.stdout, done.returncode) == (b"", 1)
    assert b"p=reject" in done.stderr


def test_a_stored_post_comes_out_with_its_line_ends(place: Path) -> None:
    stored = POST.replace(b"\r\n", b"\n")
    done = avowal_list(place, *CHANGING, "--zone", "zone.json", given=stored)
    assert b"\r" not in done.stdout
    assert results(done.stdout)["lists.example"] == "pass"


# -- sealing -----------------------------------------------------------------------------


def chain(octets: bytes) -> avowal.ChainVerification:
    return avowal.verify_chain(octets, Zone(ZONE), now=NOW)


@pytest.mark.parametrize("rounds", [1, 2], ids=["a first set", "a second set"])
def test_a_post_is_sealed_last(place: Path, rounds: int) -> None:
    sent = POST
    for _ in range(rounds):
        sent = avowal_list(place, *CHANGING, "--seal", "--zone", "zone.json", given=sent).stdout
    assert chain(sent).passed
    assert chain(sent).sealers == ("lists.example",) * rounds
    assert Message.parse(sent).header.names[:3] == [
        b"arc-seal", b"arc-message-signature", b"arc-authentication-results"
    ]  # fmt: skip
    assert results(sent)["lists.example"] == "pass"


def test_a_post_with_thousands_of_signatures_is_sealed(place: Path) -> None:
    given = b"DKIM-Signature: x\r\n" * 4000 + POST
    sent = avowal_list(place, *CHANGING, "--seal", "--zone", "zone.json", given=given).stdout
    assert chain(sent).passed
    assert sent.count(b"DKIM-Signature: x\r\n") == 4000


def test_the_seal_holds_the_results_that_were_recorded(place: Path) -> None:
    done = avowal_list(place, *CHANGING, "--seal", "--zone", "zone.json", given=POST)
    (sealed,) = (arc_set.results.results for arc_set in chain(done.stdout).chain.sets)
    assert sealed is not None
    recorded = authres.read(done.stdout, trusted={"lists.example"}).results
    assert sealed.results == recorded
    assert {(r.method, r.result) for r in recorded} == {
        ("dkim", "pass"), ("dmarc", "none"), ("arc", "none")
    }  # fmt: skip


def test_a_broken_chain_is_told_and_not_continued(place: Path) -> None:
    """RFC 8617 section 5.1.3."""
    sent = avowal_list(place, *CHANGING, "--seal", "--zone", "zone.json", given=POST).stdout
    done = avowal_list(place, *PIPE, "--seal", "--zone", "zone.json", given=tamper(sent))
    assert done.returncode == 0
    assert b"not sealed: " in done.stderr
    assert done.stdout.count(b"ARC-Seal:") == 1
    assert b"arc=fail" in done.stdout


def test_spf_is_checked_and_recorded_where_the_client_is_told(place: Path) -> None:
    arguments = ("--client", "192.0.2.1", "--mail-from", "<a@example.com>")
    done = avowal_list(place, *PIPE, *arguments, "--zone", "zone.json", given=POST)
    assert b"spf=none smtp.mailfrom=example.com" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        pytest.param(("--client", "nobody"), "is no IP address", id="a client that is none"),
        pytest.param(("--footer", "none.txt"), "No such file", id="no footer"),
        pytest.param(("-s", "m"), "one --selector belongs to each --key", id="a selector too many"),
        pytest.param(("--subject-tag", "[a\nb]"), "is no tag", id="a tag of two lines"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    place: Path, arguments: tuple[str, ...], why: str
) -> None:
    done = avowal_list(place, *PIPE, *arguments, "--zone", "zone.json", given=POST)
    assert done.returncode == 2
    assert why in done.stderr.decode()
    assert done.stdout == b""
    assert b"Traceback" not in done.stderr


# -- what a copy shows ---------------------------------------------------------------------

HEAD, BODY = POST.split(b"\r\n\r\n", 1)


@pytest.mark.parametrize(
    ("copy", "why"),
    [
        pytest.param(POST, None, id="the same"),
        pytest.param(b"List-Id: <bees.lists.example>\r\n" + POST, None, id="a field on top"),
        pytest.param(
            HEAD + b"\r\n\r\n>From here\r\n" + BODY, "the whole body is signed", id="a line more"
        ),
        pytest.param(POST.replace(b"noon", b"ten"), "the body is not", id="another word"),
        pytest.param(HEAD + b"\r\n\r\n", "the body is not", id="an emptied body"),
        pytest.param(
            POST.replace(b"Subject: Lunch", b"Subject: Dinner"), "Subject is signed", id="a field"
        ),
        pytest.param(message(), "the list takes it out", id="the signature removed"),
        pytest.param(
            HEAD.replace(b"text/plain", b"text/html") + b"\r\n\r\n<p>ad</p>" + BODY,
            "breaks: ",
            id="a banner in HTML",
        ),
    ],
)
def test_the_copy_is_verified(place: Path, copy: bytes, why: str | None) -> None:
    """RFC 6376 §3.4, §6.1.3: what survives is told by verifying, not by guessing."""
    (place / "sent.eml").write_bytes(copy)
    done = avowal_list(
        place, "advise", "--seen", "sent.eml", "--zone", "zone.json", given=POST
    ).stdout.decode()
    first = done.splitlines()[0]
    if why is None:
        assert first == "signature of example.com: pass, survives"
        assert "\npass: " in done
    else:
        assert first.startswith("signature of example.com: pass, breaks: ")
        assert why in first
        assert "no signature suffers" not in done


# -- alignment decides whether From may stay -------------------------------------------------


def signed(octets: bytes, domain: str, names: tuple[bytes, ...]) -> bytes:
    return avowal.sign(
        octets, domain=domain, selector="a", key=ED25519, names=names, oversigned=(), now=NOW
    )


@pytest.mark.parametrize(
    ("record", "stays"),
    [
        pytest.param("v=DMARC1; p=reject", True, id="relaxed: one organization"),
        pytest.param("v=DMARC1; p=reject; adkim=s", False, id="strict: not the same name"),
    ],
)
def test_from_stays_where_an_aligned_signature_survives(
    place: Path, record: str, stays: bool
) -> None:
    """RFC 9989 §4.4: the signature of a sibling that the tag leaves alone speaks for the author."""
    octets = message(From="ann@sub.example.com")
    octets = signed(octets, "sub.example.com", (b"from", b"subject")) + octets
    octets = signed(octets, "mail.example.com", (b"from", b"date")) + octets
    keys = {f"a._domainkey.{n}.example.com": record_for(ED25519) for n in ("sub", "mail")}
    zone = {**ZONE, **keys, "_dmarc.example.com": record}
    (place / "z.json").write_text(json.dumps(zone))
    done = avowal_list(place, *PIPE, "--subject-tag", "[bees]", "--zone", "z.json", given=octets)
    (author,) = Message.parse(done.stdout).header.named(b"from")
    assert (author.value == b" ann@sub.example.com") is stays


# -- posts that come dressed ----------------------------------------------------------------

FROM_LINE = b"From alice@example.com Sun Nov 29 15:00:00 2026\n"


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_a_from_line_is_passed_through_and_signed_by_nobody(place: Path, ending: bytes) -> None:
    """procmail and Postfix's pipe(8) write one; it is the envelope, not the message."""
    line = FROM_LINE.replace(b"\n", ending)
    done = avowal_list(
        place, *PIPE, "--zone", "zone.json", given=line + POST.replace(b"\r\n", ending)
    )
    assert done.stdout.startswith(line + b"DKIM-Signature:")
    assert results(done.stdout[len(line) :]) == {"lists.example": "pass", "example.com": "pass"}


def test_nothing_behind_a_from_line_is_no_message(place: Path) -> None:
    done = avowal_list(place, *PIPE, "--zone", "zone.json", given=FROM_LINE)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"empty" in done.stderr


def test_a_post_of_a_rewriting_list_passes(place: Path) -> None:
    """Google Groups writes X-Original-From."""
    octets = message(X_Original_From="Ann <ann@example.net>")
    given = avowal.sign(octets, domain="example.com", selector="a", key=ED25519, now=NOW) + octets
    done = avowal_list(place, *CHANGING, "--zone", "strict.json", given=given)
    assert done.returncode == 0
    assert b'From: "Alice via bees" <bees@lists.example>\r\n' in done.stdout


def test_a_footer_that_cannot_go_into_the_text_is_told(place: Path) -> None:
    octets = message(content_type="text/plain; charset=utf-16")
    done = avowal_list(place, *CHANGING, "--zone", "zone.json", given=octets)
    assert b"nothing can be put behind text in utf-16" in done.stderr


# -- whose posts are taken ------------------------------------------------------------------

ADSP = {**ZONE, "_adsp._domainkey.example.com": "dkim=all"}
OTHERS = avowal.sign(
    message(), domain="lists.example", selector="l", key=RSA_2048, now=NOW
) + message()  # fmt: skip


def test_whoever_signed_is_known_whatever_policy_the_domain_has(place: Path) -> None:
    (place / "adsp.json").write_text(json.dumps(ADSP))
    advice = avowal_list(place, "advise", "--zone", "adsp.json", given=POST)
    assert (advice.returncode, advice.stdout.splitlines()[1][:6]) == (0, b"pass: ")
    done = avowal_list(place, *PIPE, "--refuse", "--zone", "adsp.json", given=POST)
    assert (done.returncode, done.stdout != b"") == (0, True)


@pytest.mark.parametrize(
    ("given", "zone", "status"),
    [
        pytest.param(POST, ZONE, 0, id="signed by the author's domain"),
        pytest.param(tamper(POST), ZONE, 1, id="failing"),
        pytest.param(message(), ZONE, 1, id="unsigned"),
        pytest.param(OTHERS, ZONE, 1, id="signed by somebody else alone"),
        pytest.param(POST, {**ZONE, "a._domainkey.example.com": None}, 3, id="while DNS is silent"),
    ],
)
def test_a_list_may_require_that_the_author_s_domain_sent_it(
    place: Path, given: bytes, zone: dict[str, str | None], status: int
) -> None:
    """RFC 6377 §5.6; as the daemon's unauthenticated_post does."""
    silent = [name for name, record in zone.items() if record is None]
    known = {name: record for name, record in zone.items() if record is not None}
    (place / "z.json").write_text(
        json.dumps({**known, **{name: {"TXT": "TIMEOUT"} for name in silent}})
    )
    done = avowal_list(place, *PIPE, "--require", "--zone", "z.json", given=given)
    assert done.returncode == status
    assert (done.stdout == b"") is (status != 0)


def test_a_post_that_has_the_tag_already_is_left_as_it_is(place: Path) -> None:
    """What survives is seen, not guessed from the options: From stays under p=reject."""
    octets = message(subject="=?utf-8?q?Re=3A_=5Bbees=5D_Lunch?=")
    given = avowal.sign(octets, domain="example.com", selector="a", key=ED25519, now=NOW) + octets
    done = avowal_list(
        place, *PIPE, "--subject-tag", "[bees]", "--zone", "strict.json", given=given
    )
    assert results(done.stdout) == {"lists.example": "pass", "example.com": "pass"}
    assert b"From: Alice <alice@example.com>" in done.stdout


def test_what_others_signed_of_the_results_field_counts_too(place: Path) -> None:
    """The list's own record breaks a signature that covers Authentication-Results."""
    octets = message(authentication_results="other.example; none")
    names = (b"from", b"subject", b"authentication-results")
    given = signed(octets, "example.com", names) + octets
    done = avowal_list(place, *PIPE, "--zone", "strict.json", given=given)
    assert b'From: "Alice via bees" <bees@lists.example>' in done.stdout
