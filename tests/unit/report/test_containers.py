"""What reports are wrapped in, by their first octets (RFC 9990 §3.5.2, RFC 1952)."""

from __future__ import annotations

import gzip
import io
import tracemalloc
import zipfile

import pytest
from tests.bombs import gzip_bomb, zipped

from avowal.report.arf import ReportFault
from avowal.report.containers import Damaged, expanded, kind_of
from avowal.report.limits import DEFAULT, ReportLimits

XML = b"<feedback>" + b"<!-- -->" * 100 + b"</feedback>"
SMALL = ReportLimits(compressed_octets=50_000, expanded_octets=100_000, ratio_from=10_000)


def opened(octets: bytes, limits: ReportLimits = DEFAULT) -> bytes:
    return b"".join(expanded(io.BytesIO(octets), limits=limits))


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(XML, id="as-it-is"),
        pytest.param(gzip.compress(XML), id="gzip"),
        pytest.param(gzip.compress(XML) + b"\r\n", id="gzip-and-a-line-end"),
        pytest.param(zipped(("r.xml", XML)), id="zip"),
        pytest.param(zipped(("r.xml", XML), method=zipfile.ZIP_STORED), id="zip-stored"),
        pytest.param(zipped(("a/", b""), ("a/r.xml", XML)), id="zip-with-a-folder"),
        pytest.param(zipped(("r.xml", XML), ("__MACOSX/r.xml", b"x")), id="zip-of-a-mac"),
    ],
)
def test_what_is_inside_comes_out(octets: bytes) -> None:
    assert opened(octets) == XML


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        pytest.param(b"", "empty", id="nothing"),
        pytest.param(b"\x00" * 100, "neither XML nor JSON", id="zeros"),
        pytest.param(b"Dear owner,", "neither XML nor JSON", id="text"),
        pytest.param(gzip.compress(gzip.compress(XML)), "compressed twice", id="nest"),
        pytest.param(gzip.compress(zipped(("r", XML))), "compressed twice", id="zip-in-gzip"),
        pytest.param(zipped(("r.xml.gz", gzip.compress(XML))), "compressed twice", id="in-zip"),
        pytest.param(zipped(("a", XML), ("b", XML)), "of 2 files", id="two"),
        pytest.param(zipped(), "of 0 files", id="none"),
        pytest.param(zipped(*[(str(n), b"") for n in range(21)]), "over 20 files", id="many"),
        pytest.param(zipped(("r", XML), method=zipfile.ZIP_LZMA), "method 14", id="lzma"),
    ],
)
def test_what_is_wrapped_otherwise_is_refused(octets: bytes, why: str) -> None:
    with pytest.raises(ReportFault, match=why):
        opened(octets)


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        pytest.param(b"<" * 100_001, "100000 octets expanded", id="as-it-is"),
        pytest.param(gzip.compress(XML + bytes(range(256)) * 400), "octets expanded", id="gzip"),
        pytest.param(gzip_bomb(16 << 20), "expands more than 300 times|expanded", id="gzip-bomb"),
        pytest.param(zipped(("r", b"<" * 10**6)), "octets expanded", id="zip-declares-it"),
        pytest.param(zipped(("r", b"<" * 90_000)), "more than 300 times", id="zip-bomb"),
        pytest.param(
            zipped(("r", b"<" * 50_001), method=zipfile.ZIP_STORED), "octets compressed", id="zip"
        ),
    ],
)
def test_beyond_a_limit_it_is_refused(octets: bytes, why: str) -> None:
    with pytest.raises(ReportFault, match=why):
        opened(octets, SMALL)


def test_ten_gigabytes_are_refused_before_they_are_there() -> None:
    bomb = gzip_bomb(10 << 30)
    tracemalloc.start()
    try:
        with pytest.raises(ReportFault, match="more than 300 times"):
            for _ in expanded(io.BytesIO(bomb)):
                pass
        assert tracemalloc.get_traced_memory()[1] < 2 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(gzip.compress(XML)[:-12], id="gzip-ends-early"),
        pytest.param(gzip.compress(XML)[:-6] + b"xxxxxx", id="gzip-other-sum"),
        pytest.param(zipped(("r", XML))[:60], id="zip-ends-early"),
    ],
)
def test_data_that_breaks_says_so(octets: bytes) -> None:
    with pytest.raises(Damaged):
        opened(octets)


@pytest.mark.parametrize(
    ("beginning", "kind"),
    [
        pytest.param(b"\xef\xbb\xbf\r\n <x", "xml", id="mark"),
        pytest.param("<x".encode("utf-16"), "xml", id="utf-16"),
        pytest.param(b' {"a"', "json", id="json"),
    ],
)
def test_the_kind_shows_at_the_beginning(beginning: bytes, kind: str) -> None:
    assert kind_of(beginning) == kind
