"""Publishing through dns-lexicon's own client, to a provider of ours behind its interface."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from avowal.cli.publishers import PublisherOptions
from avowal.errors import UsageError
from avowal.keys.lexicon_records import LexiconRecords
from avowal.keys.publishing import PublishError

pytest.importorskip("lexicon")

from lexicon._private import discovery
from lexicon.exceptions import AuthenticationError
from lexicon.interfaces import Provider as Base

NAME = "s1._domainkey.example.co.uk"
RECORD = "v=DKIM1; k=rsa; p=" + "A" * 392
ZONE: dict[str, dict[str, str]] = {}
FAULTS: dict[str, Exception | bool] = {}
SEEN: dict[str, Any] = {}


class Provider(Base):  # type: ignore[misc]
    """Keeps records in `ZONE` by their ids, as a provider with an API does."""

    def authenticate(self) -> None:
        SEEN["token"] = self._get_provider_option("auth_token")
        SEEN["domain"], SEEN["ttl"] = self.domain, self._get_lexicon_option("ttl")
        self._fail("authenticate")

    def create_record(self, rtype: str, name: str, content: str) -> bool:
        if self._fail("create"):
            return False
        ZONE[str(len(ZONE) + 1)] = {
            "type": rtype,
            "name": self._full_name(name),
            "content": content,
        }
        return True

    def list_records(
        self, rtype: str | None = None, name: str | None = None, content: str | None = None
    ) -> list[dict[str, Any]]:
        full = self._full_name(name or "")
        return [{"id": at} | one for at, one in ZONE.items() if one["name"] == full]

    def update_record(self, *_: object) -> bool:
        raise NotImplementedError

    def delete_record(
        self,
        identifier: str | None = None,
        rtype: str | None = None,
        name: str | None = None,
        content: str | None = None,
    ) -> bool:
        del ZONE[identifier or ""]
        return True

    def _fail(self, where: str) -> bool:
        fault = FAULTS.get(where, False)
        if isinstance(fault, Exception):
            raise fault
        return fault

    def _request(self, *_: object, **__: object) -> None:
        raise NotImplementedError

    @staticmethod
    def get_nameservers() -> list[str]:
        return []

    @staticmethod
    def configure_parser(parser: object) -> None:
        """There is nothing to configure."""


@pytest.fixture(autouse=True)
def _provider(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("lexicon._private.providers.ours")
    module.Provider = Provider  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    found = discovery.find_providers() | {"ours": True}
    monkeypatch.setattr("lexicon.client._find_providers", lambda: found)
    monkeypatch.setenv("LEXICON_OURS_TOKEN", "t0ken")
    for kept in (ZONE, FAULTS, SEEN):
        kept.clear()


def contents() -> list[str]:
    return [one["content"] for one in ZONE.values()]


def test_a_record_comes_in_place_of_the_one_before_and_goes() -> None:
    publisher = LexiconRecords("ours", "example.co.uk", ttl=300)
    assert publisher.publish({NAME: RECORD}, {}).written
    assert ZONE["1"] == {"type": "TXT", "name": NAME, "content": RECORD}
    publisher.publish({NAME: "v=DKIM1; p="}, {})
    assert contents() == ["v=DKIM1; p="]
    publisher.publish({NAME: None}, {})
    assert contents() == []
    assert SEEN == {"token": "t0ken", "domain": "example.co.uk", "ttl": 300}


def test_doing_the_same_twice_changes_nothing() -> None:
    publisher = LexiconRecords("ours", "example.co.uk")
    publisher.publish({NAME: RECORD}, {})
    before = dict(ZONE)
    publisher.publish({NAME: RECORD}, {})
    assert before == ZONE


def test_quotes_that_a_provider_keeps_are_not_taken_for_another_record() -> None:
    ZONE["1"] = {"type": "TXT", "name": NAME, "content": f'"{RECORD[:255]}" "{RECORD[255:]}"'}
    LexiconRecords("ours", "example.co.uk").publish({NAME: RECORD}, {})
    assert len(ZONE) == 1


@pytest.mark.parametrize(
    ("where", "fault", "said"),
    [
        pytest.param("authenticate", AuthenticationError("no token"), "no token", id="token"),
        pytest.param("create", OSError("403 Client Error"), "403 Client Error", id="HTTP"),
        pytest.param("create", KeyError("result"), "result", id="an answer that is none"),
        pytest.param("create", True, "it refused the record at s1._domainkey", id="refused"),
    ],
)  # fmt: skip
def test_what_a_provider_says_when_it_refuses_is_told(
    where: str, fault: Exception | bool, said: str
) -> None:
    ZONE["1"] = {"type": "TXT", "name": NAME, "content": "old"}
    FAULTS[where] = fault
    with pytest.raises(PublishError, match="ours did not take the change") as told:
        LexiconRecords("ours", "example.co.uk").publish({NAME: RECORD}, {})
    assert said in str(told.value)
    assert contents() == ["old"]  # what was there goes only behind what comes


def test_an_unknown_provider_is_named() -> None:
    with pytest.raises(PublishError, match="nobody"):
        LexiconRecords("nobody", "example.co.uk").publish({NAME: RECORD}, {})


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lexicon.client", None)
    with pytest.raises(UsageError, match=r"pip install 'avowal\[lexicon\]'"):
        LexiconRecords("ours", "example.co.uk")


def test_the_option_wants_the_zone_and_no_tsig_key() -> None:
    options = PublisherOptions(publish="lexicon:ours")
    with pytest.raises(UsageError, match="--zone-name"):
        options.publisher()
    with pytest.raises(UsageError, match="--tsig-key is not for"):
        options._replace(tsig_key="k").publisher()
