"""DKIM itself: signatures, key records, verifying and signing (RFC 6376)."""
