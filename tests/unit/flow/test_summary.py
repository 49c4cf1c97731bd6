from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from avowal.flow.summary import cautions, explain

Make = Callable[[str], Any]

KEY = '[keys.main]\ndomain = "example.com"\nselector = "ed"\ninline = "ed"\n'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param("", "Listens at inet:8891@localhost and signs and verifies.", id="listener"),
        pytest.param(
            '[[listeners]]\nsocket = "unix:/a"\nrole = "verify"\n',
            "Listens at unix:/a and verifies.", id="role",
        ),
        pytest.param(
            "", "Mail is ours when the client authenticated, or it comes from 127.0.0.0/8 and ::1.",
            id="ours",
        ),
        pytest.param("", "Nothing is signed: there are no keys.", id="no-keys"),
        pytest.param(
            KEY,
            "Ours from example.com is signed with key main (d=example.com, s=ed, ed25519-sha256).",
            id="key",
        ),
        pytest.param(
            KEY + '[[signing.rules]]\nfrom = "*"\nkeys = ["main"]\n',
            "Ours from * is signed with key main (d=example.com, s=ed, ed25519-sha256) "
            "(signing.rules[1]).",
            id="rule",
        ),
        pytest.param(
            '[results]\nauthserv_id = "mx.example"\nwrite = "signed"\n',
            "Results are written in the name of mx.example, where there are signatures.",
            id="results",
        ),
        pytest.param(
            KEY + '[[signing.resign]]\nto = "a@b.example"\nkeys = ["main"]\n',
            "Mail to a@b.example is signed again with key main (d=example.com, s=ed, "
            "ed25519-sha256) if it verifies (signing.resign[1]).",
            id="signed-again",
        ),
        pytest.param(
            KEY + '[[signing.resign]]\nsender = "bees@b.example"\nkeys = ["main"]\n',
            "Ours sent by bees@b.example is signed with key main (d=example.com, s=ed, "
            "ed25519-sha256) (signing.resign[1]).",
            id="list",
        ),
        pytest.param(
            KEY + '[arc]\nseal = "main"\nrecipients = ["a@b.example"]\n',
            "Mail for a@b.example is sealed with key main (d=example.com, s=ed, ed25519-sha256).",
            id="seal",
        ),
        pytest.param(
            '[arc]\ntrusted_sealers = ["b.example"]\n',
            "A failing DMARC policy is not applied where b.example saw a pass and sealed it.",
            id="trusted-sealers",
        ),
        pytest.param(
            "",
            "A message is held in quarantine when this message is beyond what can be checked safely"
            " (actions.security).",
            id="default-actions",
        ),
        pytest.param(
            '[actions]\nsecurity = "accept"\n',
            "Every message is accepted, whatever verifying says.",
            id="no-actions",
        ),
        pytest.param(
            '[actions]\nsyntax = "reject"\n',
            "A message is rejected when no DKIM signature can be read (actions.syntax).",
            id="action",
        ),
        pytest.param(
            "dry_run = true\n",
            "Changes nothing: this is a dry run, which only logs what it would do.", id="dry-run",
        ),
    ],
)  # fmt: skip
def test_a_plan_is_explained(site: Make, text: str, sentence: str) -> None:
    assert sentence in list(explain(site(text).plan))


@pytest.mark.parametrize(
    ("text", "beginning", "line"),
    [
        pytest.param(
            '[actions]\nsyntax = "tempfail"\n', "actions.syntax", 2,
            id="tempfail-for-what-will-not-change",
        ),
        pytest.param(
            '[actions]\nno_signature = "reject"\n', "actions.no_signature", 2,
            id="reject-unsigned-mail",
        ),
        pytest.param('[results]\nremove = "none"\n', "results.remove", 2, id="forgeries-stay"),
        pytest.param(
            "[verifying]\naccept_historic = true\n", "verifying: rsa-sha1", 2, id="sha1"
        ),
        pytest.param(
            "[signing]\nbody_length_limit = 5\n", "signing.body_length_limit", 2, id="open-bodies"
        ),
        pytest.param(
            '[keys.old]\ndomain = "example.com"\nselector = "s"\ninline = "short"\n',
            "keys.old: 1024 bits", 1, id="short-key",
        ),
    ],
)  # fmt: skip
def test_what_is_rarely_meant_is_pointed_out(
    site: Make, text: str, beginning: str, line: int
) -> None:
    [(caution, place)] = cautions(site(text).plan)
    assert caution.startswith(beginning)
    assert place is not None
    assert place.line == line


def test_the_defaults_call_for_no_caution(site: Make) -> None:
    assert list(cautions(site(KEY).plan)) == []
