import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmpy.errors import TokenRefused
from swarmpy.pb.types_pb2 import NODE_ROLE_MANAGER, NODE_ROLE_WORKER, NodeRole
from swarmpy.security.tokens import Token, hash_secret, matches, mint, parse

DIGEST = "ab" * 32
SECRET = bytes(range(16))
TOKEN = mint(NODE_ROLE_WORKER, DIGEST, "k3x9", SECRET)


@given(
    role=st.sampled_from([NODE_ROLE_WORKER, NODE_ROLE_MANAGER]),
    digest=st.binary(min_size=32, max_size=32),
    token_id=st.text("0123456789abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=20),
    secret=st.binary(min_size=16, max_size=16),
)
def test_a_token_says_again_what_it_was_minted_from(
    role: NodeRole.ValueType, digest: bytes, token_id: str, secret: bytes
) -> None:
    text = mint(role, digest.hex(), token_id, secret)
    assert parse(f"  {text}\n") == Token(digest.hex(), token_id, secret, role)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "lacks SWMPY-1", id="empty"),
        pytest.param("SWMTKN-1-abc-def", "lacks SWMPY-1", id="another program's"),
        pytest.param("SWMPY-2-abc", "newer kind", id="a later version's"),
        pytest.param(TOKEN[:-1], "not complete", id="cut off"),
        pytest.param(TOKEN + "0", "not complete", id="too long"),
        pytest.param(TOKEN.upper(), "not complete", id="upper case"),
        pytest.param("SWMPY-1-" + "a" * 100_000, "not complete", id="huge"),
        pytest.param(TOKEN[:-25] + "z" * 25, "changed on its way", id="secret out of range"),
        pytest.param(
            TOKEN.replace(TOKEN.split("-")[3], "z" * 50), "changed on its way", id="digest"
        ),
    ],
)
def test_what_is_no_token_is_refused_with_the_reason(text: str, message: str) -> None:
    with pytest.raises(TokenRefused, match=message) as caught:
        parse(text)
    assert caught.value.remedy


def test_a_token_can_be_selected_with_a_double_click_and_needs_no_quotes() -> None:
    assert set(TOKEN) <= set("0123456789abcdefghijklmnopqrstuvwxyz-SWMPY")
    assert TOKEN.startswith("SWMPY-1-worker-")


def test_secrets_are_compared_by_their_hash() -> None:
    stored = hash_secret(SECRET)
    assert SECRET not in stored
    assert matches(SECRET, stored)
    assert not matches(SECRET[::-1], stored)


def test_a_secret_is_never_in_a_repr() -> None:
    token = parse(TOKEN)
    assert repr(SECRET) not in repr(token)
    assert TOKEN.rsplit("-", maxsplit=1)[-1] not in repr(token)
