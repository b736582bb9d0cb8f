"""What roles and scopes allow, and that none reaches further than it says."""

import pytest

from evalhub.accounts.capabilities import (
    ALL,
    SCOPES,
    Capability,
    capabilities_of_role,
    capabilities_of_scopes,
    scopes_of_role,
)
from evalhub.accounts.models import Membership

VIEW, LABEL, DECIDE, SUBMIT, LEAD, OWN = Capability


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("owner", {VIEW, LABEL, DECIDE, SUBMIT, LEAD, OWN}),
        ("lead", {VIEW, LABEL, DECIDE, SUBMIT, LEAD}),
        ("expert", {VIEW, LABEL, DECIDE}),
        ("annotator", {LABEL}),
        ("viewer", {VIEW}),
    ],
)
def test_a_role_allows_what_the_glossary_says(role, allowed):
    assert capabilities_of_role(role) == allowed


@pytest.mark.parametrize("role", Membership.Role.values)
def test_the_scopes_of_a_role_reach_no_further_than_the_role(role):
    scopes = scopes_of_role(role)
    assert scopes
    # An expert decides where the units and all answers are in sight: on pages, not with a key.
    beyond_keys = {OWN, DECIDE} if role == "expert" else {OWN}
    assert capabilities_of_scopes(scopes) == capabilities_of_role(role) - beyond_keys


def test_no_scope_reaches_members_and_keys():
    assert capabilities_of_scopes(list(SCOPES)) == ALL - {OWN}
