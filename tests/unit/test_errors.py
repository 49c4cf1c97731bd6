"""The exception tree: whose fault, and what the text says."""

from __future__ import annotations

import pytest

from avowal import errors


@pytest.mark.parametrize(
    ("error", "base"),
    [
        (errors.StateError("x"), errors.UsageError),
        (errors.IntentError("f", "w"), errors.UsageError),
        (errors.KeyMaterialError("s", "w"), errors.UsageError),
        (errors.SyntaxFault(0, "w"), ValueError),
        (errors.ConfigError("w"), errors.AvowalError),
        (errors.StoreError("w"), errors.EnvironmentFault),
        (errors.ResolverSetupError("w"), errors.EnvironmentFault),
        (errors.PeerError("w"), errors.EnvironmentFault),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_each_error_hangs_in_its_place(error: Exception, base: type[Exception]) -> None:
    assert isinstance(error, base)
    assert isinstance(error, errors.AvowalError)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        pytest.param(errors.IntentError("d=", "no"), "d=: no", id="intent"),
        pytest.param(errors.KeyMaterialError("k.pem", "empty"), "k.pem: empty", id="key"),
        pytest.param(errors.SyntaxFault(3, "bad"), "bad (at octet 3)", id="syntax"),
        pytest.param(errors.ConfigError("bad"), "bad", id="config-alone"),
        pytest.param(
            errors.ConfigError("bad", file="f", line=1, column=2, key="k", hint="do x"),
            "f:1:2: k: bad (do x)",
            id="config-with-everything",
        ),
    ],
)
def test_an_error_says_what_where_and_what_to_do(error: Exception, text: str) -> None:
    assert str(error) == text
