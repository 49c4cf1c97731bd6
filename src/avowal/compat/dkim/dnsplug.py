"""What programs look for in ``dkim.dnsplug``: the default `dnsfunc`."""

from __future__ import annotations

from avowal.compat.dkim.questions import get_txt, get_txt_async

__all__ = ["get_txt", "get_txt_async"]
