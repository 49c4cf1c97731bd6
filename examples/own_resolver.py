"""Ask DNS in your own way: whatever answers a batch of questions is a resolver."""

import avowal
from avowal.testing import ED25519, message, record_for

RECORDS = {"s1._domainkey.example.com": record_for(ED25519)}


class OwnResolver:
    """Answers from a table; yours asks DNS over HTTPS, a cache of your own, a database."""

    def resolve(self, questions: tuple[avowal.Question, ...], /) -> tuple[avowal.Answer, ...]:
        return tuple(map(self.answer, questions))

    def answer(self, question: avowal.Question) -> avowal.Answer:
        if question.type != "TXT":
            return avowal.Answer.failed(avowal.Failure.REFUSED)
        record = RECORDS.get(question.name)
        if record is None:
            return avowal.Answer(outcome=avowal.Outcome.NO_NAME)
        return avowal.Answer.found(record.encode(), ttl=300)


resolver = avowal.Cached(OwnResolver())  # keeps answers as long as their TTL says
octets = avowal.sign(message(), domain="example.com", selector="s1", key=ED25519) + message()
for verdict in avowal.verify(octets, resolver):
    print(verdict.result, verdict.domain)
    assert verdict.passed
