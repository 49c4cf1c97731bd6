"""What ``avowal list pipe`` does to one post: its changes, its verdict, its seal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from avowal.cli import exits
from avowal.cli.exits import ExitStatus

if TYPE_CHECKING:
    from avowal.arc.verdict import ChainVerification
    from avowal.cli.post import Post
    from avowal.lists.advice import Advice, Habits
    from avowal.lists.author import Rewriting
    from avowal.lists.resign import Resigner
    from avowal.message import Message

RewriteFrom: TypeAlias = Literal["auto", "always", "never"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListWork:
    """What this list does to each post."""

    tag: str | None
    footer: str | None
    rewrite: RewriteFrom
    rewriting: Rewriting

    def habits(self, post: Post) -> Habits:
        """What the list does, where its advice asks."""
        from avowal.lists.advice import Habits

        return Habits(
            subject_tag=self.tag is not None,
            footer=self.footer is not None,
            can_leave_unchanged=False,
            can_rewrite_from=self.rewrite != "never" and not post.own,
        )

    def considered(
        self, message: Message, post: Post, resigner: Resigner, *, now: int
    ) -> tuple[Message, tuple[Advice, ...]]:
        """Return the post with subject tag and footer, and what to do with that."""
        from dataclasses import replace

        from avowal.cli.post import list_receiver
        from avowal.examine.posts import as_it_leaves, recorded_results
        from avowal.lists.advice import advise, fates

        changed = self._changed(message)
        recorded = resigner.recorded(changed.header, recorded_results(post.found))
        left = as_it_leaves(replace(changed, header=recorded), post.found, list_receiver(), now=now)
        verdicts, habits = post.found.dkim, self.habits(post)
        seen = fates(verdicts, left, habits)
        return changed, advise(message.header, verdicts, habits, post.policies, seen=seen)

    def sent(
        self,
        changed: Message,
        given: tuple[Advice, ...],
        post: Post,
        resigner: Resigner,
        *,
        now: int,
    ) -> Message:
        """Return what leaves: From rewritten as wanted or necessary, recorded and signed."""
        from avowal.cli.post import list_receiver
        from avowal.examine.posts import as_it_leaves, recorded_results

        outgoing = self._rewritten(changed, given)
        left = as_it_leaves(outgoing, post.found, list_receiver(), now=now)
        results = recorded_results(post.found)
        return resigner.resign(outgoing, results, verdicts=left, now=now).message

    def _changed(self, message: Message) -> Message:
        """Return the post with subject tag and footer; say where the footer could not go."""
        from avowal.lists.footer import footed
        from avowal.lists.modify import tag_subject

        if self.tag is not None:
            message = tag_subject(message, self.tag)
        if self.footer is not None and self.footer.strip():
            done = footed(message, self.footer)
            if done.why:
                exits.complain(str(done))
            message = done.message
        return message

    def _rewritten(self, message: Message, given: tuple[Advice, ...]) -> Message:
        from dataclasses import replace

        from avowal.lists.advice import Act

        wanted = self.rewrite == "always" or given[0].act is Act.REWRITE_FROM
        if not wanted or self.rewrite == "never" or self.rewriting.spoke(message.header):
            return message
        return replace(message, header=self.rewriting.apply(message.header))


def refusal(
    post: Post, given: tuple[Advice, ...], *, refuse: bool, require: bool
) -> ExitStatus | None:
    """Return the status of a post that is not passed on, None for one that is.

    `require` asks that something shows that each author's domain sent it (RFC 6377 §5.6);
    while DNS leaves that open, the post may come again.
    """
    from avowal.dkim.reasons import Result
    from avowal.lists.advice import Act
    from avowal.policy.result import PolicyResult

    if refuse and given[0].act in (Act.REFUSE, Act.HOLD):
        return ExitStatus.NOT_PASSED
    if not require or (post.policies and all(one.authenticated for one in post.policies)):
        return None
    found = post.found
    dmarc = None if found.policies is None else found.policies.dmarc
    is_open = any(one.result is Result.TEMPERROR for one in found.dkim) or (
        dmarc is not None and dmarc.result is PolicyResult.TEMPERROR
    )
    names = ", ".join(str(one.domain) for one in post.policies if not one.authenticated)
    exits.complain(f"required: nothing shows that {names or 'an author'} sent it")
    return ExitStatus.TRY_AGAIN if is_open else ExitStatus.NOT_PASSED


def sealed(message: Message, resigner: Resigner, arrived: ChainVerification, now: int) -> Message:
    """Return what leaves with a set on top that seals the results just recorded.

    A chain that came in broken is not continued (RFC 8617 §5.1.3): the post leaves without.
    """
    from dataclasses import replace

    from avowal import authres
    from avowal.arc.intent import SEALED_NAMES
    from avowal.arc.reasons import SealRefused
    from avowal.arc.sealer import Sealer
    from avowal.message import Header

    name = resigner.authserv_id
    results = authres.read(message.header, trusted={name}).combined(name)
    intent = replace(resigner.intents[0], names=SEALED_NAMES)
    try:
        sealer = Sealer(message.header, intent, arrived, results, now=now)
    except SealRefused as refused:
        exits.complain(f"not sealed: {refused.why}")
        return message
    sealer.feed(message.body)
    return replace(message, header=Header.of([*sealer.finish(), *message.header]))
