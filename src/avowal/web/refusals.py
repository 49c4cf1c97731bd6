"""What a browser is told when it gets no page: what happened, and what to do."""

from __future__ import annotations

from http import HTTPStatus
from typing import NamedTuple


class Told(NamedTuple):
    """A status, what happened in a few words, and what to do."""

    status: HTTPStatus
    title: str
    hint: str


NO_SESSION = Told(
    HTTPStatus.FORBIDDEN,
    "This browser was not let in",
    "Open the link that avowal web printed in the terminal. It lets one browser in, once;"
    " then a new one is printed there.",
)
OTHER_HOST = Told(
    HTTPStatus.MISDIRECTED_REQUEST,
    "This is not its name",
    "Ask for it by the address that avowal web printed. Another name may be a trick of a page"
    " in your browser; if it is your own, start avowal web with --host NAME.",
)
OTHER_ORIGIN = Told(
    HTTPStatus.FORBIDDEN,
    "This came from another page",
    "Nothing was done. Forms count only when this inspector's own page sends them: load that"
    " page again and repeat it there.",
)
NOT_FOUND = Told(
    HTTPStatus.NOT_FOUND,
    "There is no such page",
    "Begin at the front page.",
)
FORGOTTEN = Told(
    HTTPStatus.GONE,
    "This message is not kept any more",
    "Messages are kept in memory only, so many and so long as the front page says. Give it again.",
)
METHOD = Told(HTTPStatus.METHOD_NOT_ALLOWED, "Not in this way", "Begin at the front page.")
TOO_LARGE = Told(
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "The message is too large",
    "Start avowal web with more --octets, or give the file to avowal explain.",
)
TOO_SLOW = Told(HTTPStatus.REQUEST_TIMEOUT, "The message did not come in time", "Try again.")
BUSY = Told(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "Other messages are being examined",
    "Try again in a few seconds.",
)
UNUSABLE = Told(
    HTTPStatus.UNPROCESSABLE_ENTITY,
    "This cannot be examined",
    "Give a whole message as it was delivered, header and body, or a bundle of this inspector.",
)
UNREADABLE = Told(
    HTTPStatus.NOT_FOUND,
    "The mailbox cannot be read",
    "Look at the path that avowal web was started with.",
)
UNREADABLE_CAPTURE = Told(
    HTTPStatus.NOT_FOUND,
    "This message cannot be read",
    "It was erased since, or encrypted for another key than that of --identity.",
)
FAILED = Told(
    HTTPStatus.INTERNAL_SERVER_ERROR,
    "The inspector has a fault",
    "See what it printed in the terminal, and tell us.",
)


class NoPage(Exception):
    """A request that gets none: `told` says why, `detail` what and where."""

    def __init__(self, told: Told, detail: str = "") -> None:
        super().__init__(detail or told.title)
        self.told = told
        self.detail = detail
