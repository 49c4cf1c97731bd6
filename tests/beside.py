"""The same configuration and mail for OpenDKIM and for avowal-opendkim, side by side."""

from __future__ import annotations

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from tests.milters import AVOWAL, OPENDKIM, Milter
from tests.mta.session import Outcome, Transaction

from avowal.testing import ED25519, RSA_1024, RSA_2048, record_for

ALWAYS = "Background No\nRequireSafeKeys No\n"
LOGGED = "Syslog yes\nSyslogSuccess yes\nLogWhy yes\nLogResults yes\n"
KEYS = {
    "s1": record_for(RSA_1024),
    "long": record_for(RSA_2048),
    "ed": record_for(ED25519),
    "revoked": "v=DKIM1; p=",
    "testing": record_for(RSA_1024, flags=("y",)),
    "strict": record_for(RSA_1024, flags=("s",)),
    "version": record_for(RSA_1024).replace("DKIM1", "DKIM2"),
    "sha1only": record_for(RSA_1024, hashes=("sha1",)),
    "nohash": record_for(RSA_1024, hashes=("sha512",)),
    "web": record_for(RSA_1024, services=("web",)),
    "othertype": "v=DKIM1; k=other; p=AAAA",
    "garbage": "hello world",
    "nokey": "v=DKIM1; k=rsa",
}
FILES = {
    "rsa.pem": RSA_2048.pem().decode(),
    "other.pem": RSA_1024.pem().decode(),
    "ed.pem": ED25519.pem().decode(),
    "keys": "".join(f"{s}._domainkey.example.com {record}\n" for s, record in KEYS.items()),
    "table": (
        "k1 example.com:s1:@DIR@/rsa.pem\nk2 %:s2:@DIR@/other.pem\n"
        "broken example.com:s\nrelative example.com:s3:./rsa.pem\n"
        "named.example %:named:@DIR@/rsa.pem\npercent.example %:named:@DIR@/rsa.pem\n"
        "k3 %:s3:@DIR@/rsa.pem\n"
    ),
}


def shown(outcome: Outcome) -> list[str]:
    """What a milter said, without what the clock decides."""
    lines = [f"{outcome.answer} to {chr(outcome.command)}"]
    for modification in outcome.modifications:
        text = re.sub(r"(?<=[ t])t=\d{10}", "t=T", str(modification))
        text = re.sub(r"b=[^;']{60,}", "b=B", text)  # see test_writes_signatures_octet_for_octet
        # What is not in the signature is named by hand: OpenDKIM's a= of a refused one is a guess.
        text = re.sub(r"header\.a=\S+", "header.a=…", text) if "permerror" in text else text
        lines.append(re.sub(r"\bx=\d{10}", "x=X", text))
    return lines


def log_of(milter: Milter) -> list[str]:
    kept = [line for line in milter.lines if "(args: " not in line and "terminating" not in line]
    return [re.sub(r" SSL error:.*", " SSL ", line) for line in kept if not line.startswith("SSL ")]


def play(
    program: tuple[str, ...],
    conf: str,
    files: Mapping[str, str],
    mail: Mapping[str, Transaction],
    *,
    logged: bool,
) -> tuple[dict[str, list[str]], list[str]]:
    text = ALWAYS + (LOGGED if logged else "") + conf
    milter = Milter(program, text, {**FILES, **files}, logged=logged)
    try:
        milter.wait()
        said = {name: shown(*milter.play(one)) for name, one in mail.items()}
    finally:
        milter.stop()
    return said, log_of(milter)


def compare(conf: str, mail: Mapping[str, Transaction], *, logged: bool, **files: str) -> None:
    with ThreadPoolExecutor(2) as both:
        (theirs, their_log), (ours, our_log) = both.map(
            lambda program: play(program, conf, files, mail, logged=logged), (OPENDKIM, AVOWAL)
        )
    assert ours == theirs
    assert our_log == [re.sub(r"/srv/milter-\w+", "@DIR@", line) for line in their_log]
