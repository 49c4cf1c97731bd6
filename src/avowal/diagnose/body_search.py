"""The search for the signed body: what was put around it, times what was done to it.

Cheap and frequent changes come first; a hit is equality with bh=, nothing else counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from avowal.diagnose import body_damage, body_footers, body_frames, body_parts, body_text
from avowal.diagnose.body_matcher import BodyMatcher
from avowal.diagnose.body_proof import BodyProof
from avowal.diagnose.mime_lines import Entity
from avowal.diagnose.quoted_writers import Writer

_MOST_FRAMES = 12  # bodies that are looked at, beside the one that came
_Way = Callable[[Entity], BodyProof | None]


def signed_body(
    matcher: BodyMatcher, entity: Entity, hot: Sequence[Writer] = ()
) -> BodyProof | None:
    """Return the proof of what was signed, None where nothing that is tried fits.

    `hot` are writers of quoted-printable that were proven for other messages.
    """
    if matcher.signs_nothing:  # any text fits behind an empty body: that proves nothing
        return None
    for way, entities in _plan(matcher, entity, hot):
        for one in entities:
            found = way(one)
            if found is not None:
                return found
            if matcher.budget.bodies_spent:
                return None
    return None


def _plan(
    matcher: BodyMatcher, entity: Entity, hot: Sequence[Writer]
) -> Iterator[tuple[_Way, Iterable[Entity]]]:
    """Yield what is tried, in its order."""

    def cut(one: Entity) -> BodyProof | None:
        return body_text.cut(matcher, one)

    def fewer(one: Entity) -> BodyProof | None:
        return body_frames.fewer_parts(matcher, one)

    def footer(one: Entity) -> BodyProof | None:
        return body_footers.footer_within(matcher, one)

    def text(one: Entity) -> BodyProof | None:
        return body_text.encoded_anew(matcher, one, hot) if one.boundary is None else None

    def usual(one: Entity) -> BodyProof | None:
        if one.boundary is not None:
            return None
        return body_text.encoded_anew(matcher, one, hot, usual=True)

    forms: body_parts.Known = {}

    def parts(one: Entity) -> BodyProof | None:
        return body_parts.encoded_anew(matcher, one, forms, hot)

    def footers(one: Entity) -> BodyProof | None:
        return body_footers.footers_within(matcher, one)

    def dot(one: Entity) -> BodyProof | None:
        return body_damage.dot_lost(matcher, one)

    def banner(one: Entity) -> BodyProof | None:
        return body_frames.banner(matcher, one)

    own = _undamaged(entity)
    inside = [part for one in own for part in body_frames.unwrapped(one)]
    yield cut, own
    yield cut, inside
    yield fewer, own
    yield fewer, inside
    spaced = [made for one in (*inside, *own) if (made := body_frames.without_blanks(one))]
    yield cut, spaced
    yield text, (*own, *inside) if entity.boundary is None else inside
    yield footer, (*own, *inside)
    yield parts, (*inside, *own)
    yield parts, spaced
    yield banner, (*own, *inside)
    yield cut, (made for one in (*own, *inside) for made in body_damage.damaged(one, matcher.form))
    yield parts, _reframed((*own, *inside))
    yield footer, _reframed((*own, *inside))
    for way in (fewer, footer, parts):
        yield (
            way,
            (
                made
                for one in own
                for made in body_damage.damaged(one, matcher.form)
                if one.boundary
            ),
        )
    yield footers, own
    yield dot, own
    yield usual, (made for one in own for made in body_damage.damaged(one, matcher.form))


def _undamaged(entity: Entity) -> list[Entity]:
    others = (body_frames.unescaped(entity), body_frames.unbroken(entity))
    return [entity, *(one for one in others if one is not None)]


def _reframed(entities: Sequence[Entity]) -> Iterator[Entity]:
    frames = (
        made
        for one in entities
        for make in (body_frames.added_parts, body_frames.other_preambles)
        for made in make(one)
    )
    return islice(frames, _MOST_FRAMES)
