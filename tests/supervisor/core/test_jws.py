from __future__ import annotations

import pytest
from joserfc import jws
from joserfc.errors import UnsupportedAlgorithmError
from joserfc.jwk import OKPKey

from supervisor.core.jws import OnlyThese

KEY = OKPKey.generate_key("Ed25519")
TOKEN = jws.serialize_compact({"alg": "EdDSA"}, b"{}", KEY, registry=OnlyThese("EdDSA", most=1000))


def test_an_algorithm_that_was_not_named_does_not_count() -> None:
    assert jws.deserialize_compact(TOKEN, KEY, registry=OnlyThese("EdDSA", most=1000)).payload == b"{}"
    with pytest.raises(UnsupportedAlgorithmError):
        jws.deserialize_compact(TOKEN, KEY, registry=OnlyThese("ES256", most=1000))


def test_what_is_longer_or_has_another_form_is_not_looked_at() -> None:
    assert OnlyThese("EdDSA", most=len(TOKEN)).fits(TOKEN)
    assert not OnlyThese("EdDSA", most=len(TOKEN) - 1).fits(TOKEN)
    assert not any(OnlyThese("EdDSA", most=1000).fits(text) for text in ("", "a.b", "a.b.c.d", "a.b.=", "a.b.c\n"))
