"""The configuration as a whole.  Everything an operator can say stands here, and nowhere else.

Values are as written: names are not resolved, keys not loaded, patterns not compiled; that
is what `avowal.flow.plan` makes of a `Configuration`.  The readers of TOML and of
opendkim.conf both produce this model.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import field

from avowal.config.aggregate import Aggregate
from avowal.config.arc import Arc
from avowal.config.events import Events
from avowal.config.explanations import Capture, Explanations
from avowal.config.extensions import Extensions
from avowal.config.failure_reports import FailureReports
from avowal.config.keys import Key
from avowal.config.options import Table, option
from avowal.config.origin import Listener, Origin, Role
from avowal.config.policies import OpinionLimit, Policies, Reputation
from avowal.config.receiving import Action, OnResult, Reports, Results, Verifying
from avowal.config.service import Dns, LimitsTable, Log, Server
from avowal.config.signing import ResignRule, Rewrite, Rule, Signing

__all__ = [
    "Action", "Aggregate", "Arc", "Capture", "Configuration", "Dns", "Events", "Explanations",
    "Extensions", "Key", "LimitsTable", "Listener", "Log", "OnResult", "OpinionLimit", "Origin",
    "Policies", "Reports", "Reputation", "ResignRule", "Results", "Rewrite", "Role", "Rule",
    "Server", "Signing", "Verifying",
]  # fmt: skip


class Configuration(Table, frozen=True, kw_only=True):
    """All options.  Each has a default: an empty file verifies, and signs nothing."""

    mode: Annotated[
        Role,
        option("What listeners do that say nothing of their own: `sign`, `verify` or `both`."),
    ] = "both"
    dry_run: Annotated[
        bool,
        option("Whether to leave every message as it is and only log what would be done."),
    ] = False
    listeners: Annotated[tuple[Listener, ...], option("The milter sockets.")] = (
        Listener(socket="inet:8891@localhost"),
    )
    origin: Annotated[Origin, option("Which mail is ours.")] = Origin()
    keys: Annotated[dict[str, Key], option("The private keys, each under a name.")] = field(
        default_factory=dict
    )
    signing: Annotated[Signing, option("How mail is signed.")] = Signing()
    verifying: Annotated[Verifying, option("Which signatures count.")] = Verifying()
    policies: Annotated[
        Policies, option("What is asked besides DKIM: SPF, DMARC, older policies.")
    ] = Policies()
    arc: Annotated[Arc, option("Chains of custody.")] = Arc()
    reputation: Annotated[
        Reputation, option("Whose opinion is asked of those who answer for a message.")
    ] = Reputation()
    results: Annotated[Results, option("The Authentication-Results field.")] = Results()
    actions: Annotated[OnResult, option("What follows from a result.")] = OnResult()
    reports: Annotated[Reports, option("Failure reports.")] = Reports()
    events: Annotated[Events, option("What is kept of verdicts.")] = Events()
    explanations: Annotated[Explanations, option("Why signatures failed.")] = Explanations()
    capture: Annotated[Capture, option("A box of messages that failed.")] = Capture()
    aggregate: Annotated[Aggregate, option("Aggregate reports to domain owners.")] = Aggregate()
    failure_reports: Annotated[
        FailureReports, option("Failure reports of DMARC to domain owners.")
    ] = FailureReports()
    dns: Annotated[Dns, option("How keys are looked up.")] = Dns()
    extensions: Annotated[Extensions, option("What other packages bring, and is to be used.")] = (
        Extensions()
    )
    server: Annotated[Server, option("The process.")] = Server()
    log: Annotated[Log, option("What is logged.")] = Log()
    limits: Annotated[LimitsTable, option("What one message may cost.")] = LimitsTable()
