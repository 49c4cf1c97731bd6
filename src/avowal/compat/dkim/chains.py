"""ARC as dkimpy does it: seals in its layout, verdicts in its shape.

Three things differ on purpose: a chain whose newest seal says cv=fail is left alone (RFC 8617
§5.1 step 2), one that is malformed is not continued as if it were whole (§5.1.3), and neither
Authentication-Results nor ARC fields are signed (§4.1.2).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, ClassVar

from avowal.arc.chain import ArcSet, Chain
from avowal.arc.fields import MOST_INSTANCES, NAMES
from avowal.arc.layout import Alphabetical, Folded
from avowal.arc.reasons import ChainReason, ChainStatus, SealRefused
from avowal.arc.sealer import Sealer
from avowal.arc.verdict import ChainVerification
from avowal.authres.model import AuthenticationResults, MethodResult
from avowal.authres.reader import read
from avowal.authres.writer import one_line
from avowal.calls.examine import examine
from avowal.canonical import relaxed_field
from avowal.compat.dkim.chainreasons import reason_text
from avowal.compat.dkim.domainsigner import DomainSigner
from avowal.compat.dkim.faults import DKIMException, ParameterError
from avowal.compat.dkim.layout import fold, until_signature
from avowal.compat.dkim.octets import Octets, Text, joined, octets
from avowal.compat.dkim.questions import Asked, get_txt
from avowal.compat.dkim.util import note
from avowal.crypto.signing import parse_private_key
from avowal.dkim.intent import Intent
from avowal.dkim.layout import Tags
from avowal.errors import IntentError, KeyMaterialError
from avowal.examine.findings import Receiver, Want
from avowal.message import CRLF, Field, Header

_ORDER = ("i", "cv", "a", "c", "d", "s", "t", "h", "bh")
ChainAnswer = tuple[bytes | None, list[dict[str, Any]], str]
"""Chain status (None for a chain that has ended), a dictionary per set, newest first, and why."""


def _results(results: AuthenticationResults, instance: int) -> Field:
    """Write the results one a line, without comments."""
    lines = [one_line(replace(result, comment=None)) for result in results.results]
    start = b"ARC-Authentication-Results: i=%d; " % instance
    return Field.of(start + b";\r\n ".join((results.authserv_id.encode(), *lines)))


class _Spaced(Folded):
    """dkimpy's order of tags, its spaces and its folds."""

    def signed_names(
        self, header: Header, names: Sequence[bytes], oversigned: Collection[bytes]
    ) -> tuple[bytes, ...]:
        """List the names as they are given: the caller has counted them."""
        return tuple(names)

    def unsigned(self, field_name: bytes, tags: Tags) -> tuple[bytes, bytes, int]:
        """Write the field up to ``b=``."""
        values = {name: b"".join(tokens) for name, tokens in tags}
        if "h" in values:
            values["h"] = b" : ".join(values["h"].split(b":"))
        specs = [b"%s=%s" % (name.encode(), values[name]) for name in _ORDER if name in values]
        text, column = until_signature(field_name, specs)
        return text, b"", column

    def results(self, results: AuthenticationResults, instance: int) -> Field:
        """Write them one a line."""
        return _results(results, instance)

    def base64(self, text: bytes, column: int) -> bytes:
        """Fold the signature behind ``b=``."""
        return fold(text, namelen=column)


class _Standard(Alphabetical):
    """One line, tags in the order of the alphabet: what `standardize` asks for."""

    signed_names = _Spaced.signed_names

    def results(self, results: AuthenticationResults, instance: int) -> Field:
        """Write them one a line."""
        return _results(results, instance)


class ARC(DomainSigner):
    """Seals a message, or validates its chain."""

    ARC_HEADERS: ClassVar[tuple[bytes, ...]] = tuple(reversed(NAMES))

    def sign(  # noqa: PLR0917 - dkimpy's order
        self,
        selector: Text,
        domain: Text,
        privkey: Text,
        srv_id: Text,
        include_headers: Iterable[Text] | None = None,
        timestamp: int | str | None = None,
        standardize: bool = False,  # noqa: FBT001, FBT002 - dkimpy's
    ) -> list[bytes]:
        """Return the ARC set: seal, message signature, results, each with its line end.

        `srv_id` says which Authentication-Results of the message are sealed; the status of
        the chain is the arc= among them.  An empty list says that nothing is to be added.
        Raises DKIMException.
        """
        self.add_should_not((b"Authentication-Results",))
        key = self._key(privkey)
        header = Header.parse(joined(self.headers))
        sdid, where = octets(domain, "domain"), octets(selector, "selector")
        authserv_id = octets(srv_id, "srv_id").decode("utf-8", "backslashreplace")
        found = read(header, trusted={authserv_id}).combined(authserv_id)
        if not found.results:
            self.logger.debug("no AR headers found, chain terminated")
            return []
        names = self._names(include_headers)
        self.include_headers = names
        arrived = self._arrived(header, found.named("arc"))
        if arrived is None:
            return []
        try:
            intent = Intent(
                domain=sdid.decode(),
                selector=where.decode(),
                key=key,
                names=names,
                oversigned=frozenset(),
            )
            sealer = Sealer(
                header,
                intent,
                arrived,
                found if arrived.status is not ChainStatus.FAIL else _as_failed(found),
                now=int(timestamp or time.time()),
                mark_failed=True,
                accept_malformed=True,
                layout=_Standard() if standardize else _Spaced(),
            )
            sealer.feed(self.body)
            fields = sealer.finish()
        except SealRefused as refused:
            self.logger.debug("%s", refused)
            return []
        except (IntentError, UnicodeDecodeError, ValueError) as fault:
            raise ParameterError(str(fault)) from None
        return [field.raw.replace(CRLF, self.linesep) + self.linesep for field in fields]

    def verify(self, dnsfunc: Callable[..., Any] = get_txt) -> ChainAnswer:
        """Return the status of the chain, what was found about each set, and why."""
        header = Header.parse(joined(self.headers))
        said = examine(
            header, (self.body,), Receiver(rules=self._rules()), Want.ARC,
            Asked(dnsfunc, self.timeout), now=int(time.time()),
        ).arc  # fmt: skip
        assert said is not None  # noqa: S101 - it was asked for
        shown = _shown(said)
        if said.status is ChainStatus.NONE:
            return b"none", shown, "Message is not ARC signed"
        if said.passed:
            return b"pass", shown, "success"
        why = reason_text(said, header)
        return (None if said.reason is ChainReason.MARKED_FAILED else b"fail"), shown, why

    def _arrived(self, header: Header, arcs: tuple[MethodResult, ...]) -> ChainVerification | None:
        """Return the verdict that the results give; None where there is nothing to seal."""
        chain = Chain.of(header)
        status = ChainStatus.NONE
        if len(arcs) > 1:
            self.logger.debug("multiple AR arc stamps found, failing chain")
            status = ChainStatus.FAIL
        elif arcs:
            try:
                status = ChainStatus(arcs[0].result)
            except ValueError:
                raise ParameterError(f"arc={arcs[0].result} is no status of a chain") from None
        if chain.highest >= MOST_INSTANCES:
            raise ParameterError("Maximum instance tag value exceeded")
        if chain.highest == 0 and status is not ChainStatus.NONE:
            raise ParameterError("No existing chain found on message, cv should be none")
        if chain.highest and status is ChainStatus.NONE:
            self.logger.debug("no previous AR arc results found and instance > 1, chain terminated")
            return None
        if status is ChainStatus.PASS and chain.reason is not None:
            raise ParameterError(f"{chain.reason.sentence}: cv should be fail")
        return ChainVerification(chain=chain, status=status)


def arc_sign(  # noqa: PLR0917 - dkimpy's order
    message: Octets,
    selector: Text,
    domain: Text,
    privkey: Text,
    srv_id: Text,
    signature_algorithm: Text = b"rsa-sha256",
    include_headers: Iterable[Text] | None = None,
    timestamp: int | str | None = None,
    logger: logging.Logger | None = None,
    standardize: bool = False,  # noqa: FBT001, FBT002 - dkimpy's
    linesep: Text = CRLF,
) -> list[bytes]:
    """Return the ARC set of a message's next instance, as `ARC.sign` does.

    `signature_algorithm` is looked at where the key makes such signatures; dkimpy ignores it.
    Raises DKIMException.
    """
    signer = ARC(message, logger=logger, linesep=linesep)
    if octets(signature_algorithm, "signature_algorithm") == b"ed25519-sha256":
        with suppress(KeyMaterialError):
            key = parse_private_key(octets(privkey, "privkey"))
            signer.signature_algorithm = key.algorithm.encode()
    return signer.sign(
        selector, domain, privkey, srv_id, include_headers=include_headers or None,
        timestamp=timestamp, standardize=standardize,
    )  # fmt: skip


def arc_verify(
    message: Octets,
    logger: logging.Logger | None = None,
    dnsfunc: Callable[..., Any] = get_txt,
    minkey: int = 1024,
    timeout: int = 5,
) -> ChainAnswer:
    """Validate the chain of a message, as `ARC.verify` does; a DKIMException is a failure."""
    try:
        return ARC(message, logger=logger, minkey=minkey, timeout=timeout).verify(dnsfunc=dnsfunc)
    except DKIMException as fault:
        note(logger, fault)
        return b"fail", [], str(fault)


def _as_failed(found: AuthenticationResults) -> AuthenticationResults:
    """Let several arc= that contradict the cv=fail they cause say what the seal says."""
    return replace(
        found,
        results=tuple(replace(r, result="fail") if r.method == "arc" else r for r in found.results),
    )


def _shown(said: ChainVerification) -> list[dict[str, Any]]:
    """Return what dkimpy shows of each set, newest first."""
    if not said.seals:
        return []
    intact = {verdict.place for verdict in said.message_signatures if verdict.passed}
    seals = {verdict.seal.instance: verdict.reason is None for verdict in said.seals}
    return [
        _set(arc_set, arc_set.signature.place in intact, seals[arc_set.instance])
        for arc_set in reversed(said.chain.sets)
    ]


def _set(arc_set: ArcSet, signature_valid: bool, seal_valid: bool) -> dict[str, Any]:  # noqa: FBT001 - two verdicts
    signature, seal = arc_set.signature.signature, arc_set.seal
    value = relaxed_field(*arc_set.results.field).partition(b":")[2] + CRLF
    return {
        "instance": arc_set.instance,
        "aar-value": value,
        "ams-domain": None if signature is None else signature.domain.text.encode(),
        "ams-selector": None if signature is None else signature.selector.text.encode(),
        "ams-valid": signature_valid,
        "as-domain": seal.domain.text.encode(),
        "as-selector": seal.selector.text.encode(),
        "cv": str(seal.status).encode(),
        "as-valid": seal_valid,
    }
