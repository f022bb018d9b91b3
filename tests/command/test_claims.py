"""What a tutorial claims: when it holds, and when it is about nothing."""

import numpy as np
import pytest

from tf_gd.command import claims


@pytest.mark.parametrize(
    ("measured", "expected", "settings", "holds"),
    [
        (1.0, 1.0, {}, True),
        (1.0, 1.0001, {}, False),
        (1.0, 1.0001, {"within": 1e-3}, True),
        (0.97, 0.95, {"at_least": True}, True),
        (0.94, 0.95, {"at_least": True}, False),
        ([1.0, 2.0], [1.0, 2.5], {"within": 0.1}, False),
        ([1.0, 2.0, 3.0], [1.0, 2.0], {"within": 9.0}, False),
        (float("nan"), 1.0, {"within": 1.0}, False),
        ("a", "b", {}, False),
        (True, True, {}, True),
        (False, True, {}, False),
        ((2, 3), (2, 3), {}, True),
    ],
)
def test_claims(measured, expected, settings, holds, capsys):
    if holds:
        claims.claim("it", measured, expected, **settings)
        assert capsys.readouterr().out.startswith("ok  it")
    else:
        with pytest.raises(claims.ClaimError, match="it: expected"):
            claims.claim("it", measured, expected, **settings)
        assert capsys.readouterr().out.startswith("NO  it")


@pytest.mark.parametrize(
    ("measured", "expected"),
    [([], []), ([], 1.0), (1.0, []), (1.0, True), (np.ones(2), "both")],
)
def test_a_claim_about_nothing_does_not_hold(measured, expected):
    with pytest.raises((TypeError, ValueError), match=r"(measured|expected): got"):
        claims.claim("it", measured, expected)
