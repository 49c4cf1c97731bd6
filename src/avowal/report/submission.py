"""Handing a finished mail to a mail server, and telling refusals from failures for now.

TLS is used where the server offers it (RFC 9990 §3.5, RFC 3207); its certificate is not looked
at, for a relay is a server of ours and the network beyond is its concern.  Where TLS is asked
for, the certificate is checked, and a password is shown to nobody else.
"""

from __future__ import annotations

import smtplib
import ssl
from contextlib import ExitStack
from typing import Literal, NamedTuple, TypeAlias

from avowal.errors import ConfigError, PeerError
from avowal.report.delivery import SECONDS, SendingRelay
from avowal.report.report_sending import MailRefused

Encryption: TypeAlias = Literal["offered", "starttls", "tls"]
_OWN = ("localhost", "127.0.0.1", "::1")


class Login(NamedTuple):
    """Whom SMTP AUTH names (RFC 4954)."""

    user: str
    password: str

    def __repr__(self) -> str:
        return f"Login({self.user!r}, ***)"


class Submission:
    """Speaks SMTP with one server; each mail has a connection of its own."""

    def __init__(
        self,
        relay: str,
        hostname: str,
        *,
        encryption: Encryption = "offered",
        login: Login | None = None,
    ) -> None:
        """Take ``HOST:PORT``, and the name for EHLO.  Raises ConfigError.

        A password leaves this machine under a checked certificate only.
        """
        place = SendingRelay(relay)
        self._host, self._port, self._hostname = place.host, place.port, hostname
        self._encryption, self._login = encryption, login
        if login is not None and encryption == "offered" and self._host not in _OWN:
            raise ConfigError(
                "a password would go out without TLS that is checked",
                key="aggregate.relay_tls", hint='set it to "starttls", or to "tls" for port 465',
            )  # fmt: skip

    def __call__(self, recipient: str, octets: bytes, /, *, sender: str = "") -> None:
        """Hand over one mail under an envelope sender.  Raises MailRefused, PeerError."""
        try:
            with self._connected() as server:
                server.sendmail(sender, [recipient], octets)
        except smtplib.SMTPAuthenticationError as error:
            raise PeerError(f"{self._host}: the login is refused: {error.smtp_code}") from None
        except (smtplib.SMTPConnectError, smtplib.SMTPHeloError) as error:  # of us, not of a mail
            raise PeerError(f"{self._host}: refuses to talk: {error.smtp_code}") from None
        except smtplib.SMTPRecipientsRefused as error:
            code, said = next(iter(error.recipients.values()))
            raise _fault(code, said) from None
        except smtplib.SMTPSenderRefused as error:  # of ours, not of the recipient
            why = f"the envelope sender is refused: {error.smtp_code}"
            raise PeerError(f"{self._host}: {why}") from None
        except smtplib.SMTPResponseException as error:
            raise _fault(error.smtp_code, error.smtp_error) from None
        except smtplib.SMTPException as error:
            raise PeerError(f"{self._host}: {error}") from None
        except OSError as error:
            raise PeerError(f"{self._host}: {error.strerror or error}") from None

    def _connected(self) -> smtplib.SMTP:
        """Connect, encrypt, log in.  Raises SMTPException and OSError."""
        with ExitStack() as ending:
            server = self._opened()
            ending.callback(server.close)
            server.ehlo()
            if self._encryption == "starttls":
                server.starttls(context=ssl.create_default_context())
            elif self._encryption == "offered" and server.has_extn("starttls"):
                server.starttls(context=_unverified())
            if self._login is not None:
                server.login(*self._login)
            ending.pop_all()  # it is the caller's now
        return server

    def _opened(self) -> smtplib.SMTP:
        if self._encryption == "tls":
            return smtplib.SMTP_SSL(
                self._host, self._port, local_hostname=self._hostname, timeout=SECONDS,
                context=ssl.create_default_context(),
            )  # fmt: skip
        return smtplib.SMTP(self._host, self._port, local_hostname=self._hostname, timeout=SECONDS)


def _fault(code: int, said: bytes | str) -> PeerError:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    told = f"{code} {' '.join(text.split())}"
    return MailRefused(told) if 500 <= code < 600 else PeerError(told)


def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
