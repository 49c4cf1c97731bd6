"""Finding out why signatures failed, and keeping messages that did: `explanations`, `capture`."""

from __future__ import annotations

from typing import Annotated, Literal

from avowal.config.options import FieldName, Positive, Table, option


class Explanations(Table, frozen=True, kw_only=True):
    """Why signatures of verified mail failed, found out when the message has its answer."""

    make: Annotated[
        bool,
        option(
            "Whether to find out why signatures fail, in a process of its own beside each worker."
        ),
    ] = False
    seconds: Annotated[
        int, option("How long one message may take.", unit="seconds", ge=1, le=60)
    ] = 3
    most_octets: Annotated[
        Positive,
        option(
            "How large a message may be that is explained or captured: its body is kept from the "
            "first octet on.",
            unit="octets",
        ),
    ] = 1 << 20
    memory: Annotated[
        Positive,
        option(
            "How much of bodies may be kept at a time; what is beyond it is neither explained "
            "nor captured.",
            unit="octets per worker",
        ),
    ] = 32 << 20
    field: Annotated[
        FieldName | None,
        option(
            "A field that says what was found, such as `X-DKIM-Explanation`; those in incoming "
            "mail are removed.  A message whose signature fails then waits for it."
        ),
    ] = None
    wait: Annotated[
        int,
        option("How long such a message waits for its field.", unit="milliseconds", ge=1, le=5000),
    ] = 500


class Capture(Table, frozen=True, kw_only=True):
    """Messages whose author's signature failed, encrypted for whoever looks into it."""

    directory: Annotated[
        str | None,
        option(
            "Where to keep them, a file for each; unset: nowhere.  Only the user of the daemon "
            "should be able to enter it."
        ),
    ] = None
    recipients: Annotated[
        tuple[str, ...],
        option("Public keys of age (`age1…`, or SSH's) that may read them.", entries="texts"),
    ] = ()
    keep: Annotated[
        Literal["unexplained", "failed"],
        option("Which: those that `explanations` could not explain, or all."),
    ] = "unexplained"
    most_files: Annotated[
        int, option("How many files are kept; then no more.", unit="files", ge=1, le=100_000)
    ] = 1000
    most_octets: Annotated[
        Positive, option("How much they may take together; then no more.", unit="octets")
    ] = 100 << 20
    days: Annotated[int, option("When a file is erased.", unit="days", ge=1, le=3650)] = 14
