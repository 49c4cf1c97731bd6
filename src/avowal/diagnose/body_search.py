"""The search for the signed body: what was put around it, times what was done to it.

Cheap and frequent changes come first; a hit is equality with bh=, nothing else counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
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
    for way, entities in _plan(_Ways(matcher, hot), entity):
        for one in entities:
            found = way(one)
            if found is not None:
                return found
            if matcher.budget.bodies_spent:
                return None
    return None


@dataclass(slots=True)
class _Ways:
    """What may have been done to a body, with the matcher that tells whether it was.

    `forms` are those of parts that were looked at: other candidates have the same parts.
    """

    matcher: BodyMatcher
    hot: Sequence[Writer]
    forms: body_parts.Known = field(default_factory=dict)

    def cut(self, one: Entity) -> BodyProof | None:
        return body_text.cut(self.matcher, one)

    def fewer(self, one: Entity) -> BodyProof | None:
        return body_frames.fewer_parts(self.matcher, one)

    def footer(self, one: Entity) -> BodyProof | None:
        return body_footers.footer_within(self.matcher, one)

    def footers(self, one: Entity) -> BodyProof | None:
        return body_footers.footers_within(self.matcher, one)

    def text(self, one: Entity) -> BodyProof | None:
        if one.boundary is not None:
            return None
        return body_text.encoded_anew(self.matcher, one, self.hot)

    def usual_text(self, one: Entity) -> BodyProof | None:
        if one.boundary is not None:
            return None
        return body_text.encoded_anew(self.matcher, one, self.hot, usual=True)

    def parts(self, one: Entity) -> BodyProof | None:
        return body_parts.encoded_anew(self.matcher, one, self.forms, self.hot)

    def dot(self, one: Entity) -> BodyProof | None:
        return body_damage.dot_lost(self.matcher, one)

    def banner(self, one: Entity) -> BodyProof | None:
        return body_frames.banner(self.matcher, one)


def _plan(ways: _Ways, entity: Entity) -> Iterator[tuple[_Way, Iterable[Entity]]]:
    """Yield what is tried, in its order."""

    def damaged(some: Iterable[Entity]) -> Iterator[Entity]:
        return (made for one in some for made in body_damage.damaged(one, ways.matcher.form))

    own = _undamaged(entity)
    inside = [part for one in own for part in body_frames.unwrapped(one)]
    yield ways.cut, own
    yield ways.cut, inside
    yield ways.fewer, own
    yield ways.fewer, inside
    spaced = [made for one in (*inside, *own) if (made := body_frames.without_blanks(one))]
    yield ways.cut, spaced
    yield ways.text, (*own, *inside) if entity.boundary is None else inside
    yield ways.footer, (*own, *inside)
    yield ways.parts, (*inside, *own)
    yield ways.parts, spaced
    yield ways.banner, (*own, *inside)
    yield ways.cut, damaged((*own, *inside))
    yield ways.parts, _reframed((*own, *inside))
    yield ways.footer, _reframed((*own, *inside))
    multiparts = [one for one in own if one.boundary]
    yield ways.fewer, damaged(multiparts)
    yield ways.footer, damaged(multiparts)
    yield ways.parts, damaged(multiparts)
    yield ways.footers, own
    yield ways.dot, own
    yield ways.usual_text, damaged(own)


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
