"""Stand-ins for providers that hand mail to programs: Gmail's API, Mailgun's route, SES over SNS.

Each speaks over HTTP as its public documentation says, and adds the fields that the provider adds
to a message on arrival.  What needs an account (OAuth, a certificate of Amazon's) is made here.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
import secrets
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

TOPIC = "arn:aws:sns:eu-west-1:123456789012:incoming-mail"
CERTIFICATE_URL = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123abcd.pem"
YES_URL = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=0123abcd"


def arrived(octets: bytes, *fields: bytes) -> bytes:
    """A message as a provider keeps it: with fields of its own above."""
    received = b"Received: from mx.example.com by inbound.example; Tue, 24 Nov 2026 16:00:01 +0000"
    return b"".join(line + b"\r\n" for line in (*fields, received)) + octets


# -- Gmail: GET /gmail/v1/users/me/messages --------------------------------------------------------


class Gmail(BaseHTTPRequestHandler):
    """A mailbox by Gmail's API, for whoever has the token."""

    mailbox: Mapping[str, bytes] = {}
    padded = True
    token = "ya29.token"
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        url = urllib.parse.urlsplit(self.path)
        asked = dict(urllib.parse.parse_qsl(url.query))
        folder, _, last = url.path.rpartition("/")
        if self.headers.get("Authorization") != f"Bearer {self.token}":
            self._answer(401, {"error": {"code": 401, "status": "UNAUTHENTICATED"}})
        elif url.path == "/gmail/v1/users/me/messages":
            rows = [{"id": one, "threadId": one} for one in self.mailbox]
            found = {"messages": rows} if rows else {}
            self._answer(200, {**found, "resultSizeEstimate": len(rows)})
        elif folder == "/gmail/v1/users/me/messages" and last in self.mailbox:
            self._answer(200, self._message(last, asked.get("format", "full")))
        else:
            self._answer(404, {"error": {"code": 404, "status": "NOT_FOUND"}})

    def _message(self, name: str, form: str) -> dict[str, Any]:
        octets = arrived(self.mailbox[name], b"Delivered-To: bob@example.net")
        raw = base64.urlsafe_b64encode(octets).decode()
        told = (
            {"raw": raw if self.padded else raw.rstrip("=")} if form == "raw" else {"payload": {}}
        )
        return {
            "id": name, "threadId": name, "labelIds": ["INBOX", "UNREAD"], "snippet": "At noon?",
            "historyId": "1001", "internalDate": "1795535201000", "sizeEstimate": len(octets),
            **told,
        }  # fmt: skip

    def _answer(self, status: int, told: dict[str, Any]) -> None:
        octets = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(octets)))
        self.end_headers()
        self.wfile.write(octets)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


# -- Mailgun: POST of a route that forwards to …/mime ----------------------------------------------


def mailgun_form(octets: bytes, key: str, at: float, subject: str = "Lunch") -> dict[str, str]:
    """The fields that Mailgun posts; its form is text, in UTF-8."""
    token, moment = secrets.token_hex(25), str(int(at))
    made = hmac.new(key.encode(), (moment + token).encode(), hashlib.sha256).hexdigest()
    whole = arrived(octets, b"X-Envelope-From: alice@example.com", b"X-Mailgun-Incoming: Yes")
    return {
        "recipient": "bob@example.net", "sender": "alice@example.com", "subject": subject,
        "from": "Alice <alice@example.com>", "X-Mailgun-Incoming": "Yes", "timestamp": moment,
        "token": token, "signature": made, "body-mime": whole.decode("utf-8", "replace"),
    }  # fmt: skip


def post_form(url: str, form: Mapping[str, str], *, in_parts: bool = False) -> int:
    """Post a form as a browser would, URL-encoded or in parts; return the status."""
    if not in_parts:
        octets, kind = urllib.parse.urlencode(form).encode(), "application/x-www-form-urlencoded"
        return post(url, octets, {"Content-Type": kind})
    boundary = secrets.token_hex(16)
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in form.items()
    ]
    octets = "".join([*parts, f"--{boundary}--\r\n"]).encode()
    return post(url, octets, {"Content-Type": f"multipart/form-data; boundary={boundary}"})


def post(url: str, octets: bytes, fields: Mapping[str, str]) -> int:
    """Post octets; return the status."""
    asked = urllib.request.Request(url, octets, dict(fields), method="POST")
    try:
        with urllib.request.build_opener().open(asked, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        refused.close()
        return refused.code


# -- SES: what a receipt rule tells by SNS ---------------------------------------------------------


def ses_notice(action: Mapping[str, str], **more: str) -> str:
    """What a receipt rule publishes: the text of the notice."""
    passed = {"status": "PASS"}
    told = {
        "notificationType": "Received",
        "mail": {"messageId": "d6iitobk75ur44p8", "source": "alice@example.com"},
        "receipt": {
            "timestamp": "2026-11-24T16:00:01.000Z", "processingTimeMillis": 222,
            "recipients": ["bob@example.net"], "spfVerdict": passed, "dkimVerdict": passed,
            "dmarcVerdict": {"status": "GRAY"}, "action": dict(action, topicArn=TOPIC),
        },
    }  # fmt: skip
    return json.dumps({**told, **more})


@dataclass
class Sns:
    """Signs notices as Amazon does, with a certificate of its own, and answers at its URLs."""

    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    opened: list[str] = field(default_factory=list)

    def notice(self, text: str, *, version: str = "1", **changed: str) -> bytes:
        """The body of a post that tells `text`; what is `changed` is so after it was signed."""
        return self._signed({"Type": "Notification", "Message": text}, version, changed)

    def question(self) -> bytes:
        """The body of the first post to a new URL."""
        asked = {"Type": "SubscriptionConfirmation", "Message": "You have chosen to subscribe"}
        return self._signed({**asked, "Token": "0123abcd", "SubscribeURL": YES_URL}, "1", {})

    def _signed(self, told: dict[str, str], version: str, changed: Mapping[str, str]) -> bytes:
        told |= {
            "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324", "TopicArn": TOPIC,
            "Timestamp": "2026-11-24T16:00:02.000Z",
        }  # fmt: skip
        signed = "".join(f"{name}\n{told[name]}\n" for name in sorted(told)).encode()
        digest = hashes.SHA256() if version == "2" else hashes.SHA1()
        signature = base64.b64encode(self.key.sign(signed, padding.PKCS1v15(), digest)).decode()
        told |= {"SignatureVersion": version, "Signature": signature}
        return json.dumps({**told, "SigningCertURL": CERTIFICATE_URL, **changed}).encode()

    def certificate(self) -> bytes:
        """The certificate of the key, as PEM."""
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns.amazonaws.com")])
        now = dt.datetime.fromtimestamp(time.time(), dt.UTC)
        made = x509.CertificateBuilder(
            issuer_name=name, subject_name=name, public_key=self.key.public_key(),
            serial_number=1, not_valid_before=now,
            not_valid_after=now + dt.timedelta(days=1),
        ).sign(self.key, hashes.SHA256())  # fmt: skip
        return made.public_bytes(serialization.Encoding.PEM)
