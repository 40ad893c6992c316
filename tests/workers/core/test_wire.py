import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.core.wire import HEAD, MAX_PAYLOAD, Frame, Kind, Reader, json_frame, proof, proven
from workers.errors import Broken

FRAMES = st.lists(
    st.builds(Frame, st.sampled_from(Kind), st.integers(0, 2**64 - 1), st.binary(max_size=100)), max_size=8
)


@given(frames=FRAMES, cut=st.integers(1, 40))
def test_frames_survive_any_cut_of_the_stream(frames: list[Frame], cut: int) -> None:
    stream = b"".join(frame.encode() for frame in frames)
    reader, found = Reader(), []
    for at in range(0, len(stream), cut):
        found += reader.feed(stream[at : at + cut])
    assert found == frames


def test_what_cannot_be_ours_is_refused() -> None:
    with pytest.raises(Broken, match=str(MAX_PAYLOAD + 1)):
        Reader().feed(HEAD.pack(MAX_PAYLOAD + 1, Kind.OUTPUT, 0))
    with pytest.raises(Broken, match="unknown kind 99"):
        Reader().feed(HEAD.pack(0, 99, 0))


def test_json_travels_in_a_payload() -> None:
    assert json_frame(Kind.ANSWER, {"seq": 4}, 7).json() == {"seq": 4}
    with pytest.raises(Broken, match="ANSWER"):
        Frame(Kind.ANSWER, 7, b"{").json()


@pytest.mark.parametrize("text", ["\x01\n\x7f", "üñ漢🦊", "\ud83e", "a\udcff", '"\\'])
def test_any_text_travels_and_takes_no_more_than_json_needs(text: str) -> None:
    frame = json_frame(Kind.COMMAND, {"text": text})
    assert frame.json() == {"text": text}
    assert len(frame.payload) <= len(json.dumps({"text": text}))


def test_a_proof_is_good_for_one_role_session_and_epoch() -> None:
    key, nonces = b"k" * 32, ("a", "b")
    shown = proof(key, "worker", nonces, 3, "box", "session_1")
    assert proven(shown, key, "worker", nonces, 3, "box", "session_1")
    assert not proven(shown, key, "supervisor", nonces, 3, "box", "session_1")
    assert not proven(shown, key, "worker", nonces, 4, "box", "session_1")
    assert not proven(shown, key, "worker", nonces, 3, "box", "session_2")
    assert not proven(shown, b"x" * 32, "worker", nonces, 3, "box", "session_1")
    assert not proven(None, key, "worker", nonces, 3, "box", "session_1")
