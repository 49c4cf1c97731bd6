"""The names of header fields that tell nothing about whoever wrote them."""

from __future__ import annotations

USUAL_FIELDS = frozenset(
    b"from to cc subject date message-id reply-to sender in-reply-to references mime-version"
    b" content-type content-transfer-encoding content-id content-description"
    b" content-disposition content-language resent-date resent-from resent-to resent-cc"
    b" resent-sender resent-message-id list-id list-help list-unsubscribe list-subscribe"
    b" list-post list-owner list-archive list-unsubscribe-post autocrypt feedback-id"
    b" dkim-signature received return-path precedence user-agent x-mailer".split()
)
