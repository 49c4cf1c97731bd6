"""Sign a message that is an EmailMessage, and send the octets that were signed."""

from email.message import EmailMessage
from email.utils import localtime, make_msgid

import avowal
from avowal.testing import ED25519, record_for

message = EmailMessage()
message["From"] = "Alice <alice@example.com>"
message["To"] = "bob@example.net"
message["Subject"] = "Grüße"
message["Date"] = localtime()
message["Message-ID"] = make_msgid(domain="example.com")
message.set_content("From here on, lines begin with From.\n")

octets = avowal.wire_octets(message)  # CRLF, 7-bit, no ">From ", no Bcc
field = avowal.sign(octets, domain="example.com", selector="s1", key=ED25519)
signed = field + octets  # smtp.sendmail(sender, recipients, signed)

zone = {"s1._domainkey.example.com": record_for(ED25519)}
print([str(verdict.result) for verdict in avowal.verify(signed, zone)])
assert all(verdict.passed for verdict in avowal.verify(signed, zone))
