"""From the name of a box to the way there."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisor.client.address import Address, of_name, of_state_dir
from supervisor.client.ssh import Ssh
from supervisor.client.unix import Unix
from workers.errors import Refused


def test_a_box_is_known_by_its_state_directory() -> None:
    assert of_state_dir("/s") == Address(Unix("/s/rc.sock"), "/s")


def test_a_box_that_was_named_by_its_socket_is_not_ours_to_start(tmp_path: Path) -> None:
    assert of_name(f"unix:{tmp_path}") == Address(Unix(f"{tmp_path}/rc.sock"), None)
    assert of_name(f"unix:{tmp_path}/other") == Address(Unix(f"{tmp_path}/other"), None)


def test_a_box_elsewhere_is_named_by_its_url() -> None:
    assert of_name("ssh://ana@host:22") == Address(Ssh("host", "ana", 22), None)


@pytest.mark.parametrize("box", ["unix:", "nonsense", "ftp://x", "", "ssh:", "ssh://"])
def test_what_names_no_box_is_refused_with_what_would(box: str) -> None:
    with pytest.raises(Refused) as refused:
        of_name(box)
    assert refused.value.code == "invalid"
    assert "name it as" in refused.value.hint
