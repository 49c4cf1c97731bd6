"""Handing a finished mail to a mail server, and telling refusals from failures for now.

The envelope sender is empty: what bounces comes to nobody (RFC 5321 §6.1).  TLS is used where
the server offers it (RFC 9990 §3.5, RFC 3207); its certificate is not looked at, for a relay is
a server of ours and the network beyond is its concern.
"""

from __future__ import annotations

import smtplib
import ssl

from avowal.errors import PeerError
from avowal.report.delivery import SECONDS, SendingRelay
from avowal.report.report_sending import MailRefused


class Submission:
    """Speaks SMTP with one server; each mail has a connection of its own."""

    def __init__(self, relay: str, hostname: str) -> None:
        """Take ``HOST:PORT``, and the name for EHLO.  Raises ConfigError."""
        place = SendingRelay(relay)
        self._host, self._port, self._hostname = place.host, place.port, hostname

    def __call__(self, recipient: str, octets: bytes) -> None:
        """Hand over one mail.  Raises MailRefused, PeerError."""
        try:
            with smtplib.SMTP(
                self._host, self._port, local_hostname=self._hostname, timeout=SECONDS
            ) as server:
                server.ehlo()
                if server.has_extn("starttls"):
                    server.starttls(context=_unverified())
                server.sendmail("", [recipient], octets)
        except smtplib.SMTPRecipientsRefused as error:
            code, said = next(iter(error.recipients.values()))
            raise _fault(code, said) from None
        except smtplib.SMTPResponseException as error:
            raise _fault(error.smtp_code, error.smtp_error) from None
        except smtplib.SMTPException as error:
            raise PeerError(f"{self._host}: {error}") from None
        except OSError as error:
            raise PeerError(f"{self._host}: {error.strerror or error}") from None


def _fault(code: int, said: bytes | str) -> PeerError:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    told = f"{code} {' '.join(text.split())}"
    return MailRefused(told) if 500 <= code < 600 else PeerError(told)


def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
