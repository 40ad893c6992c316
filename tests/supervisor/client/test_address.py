"""From the name of a box to the way there."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisor.client import devicekeys
from supervisor.client.address import Address, canonical, of_name, of_state_dir
from supervisor.client.boxes import Boxes, Known, changing
from supervisor.client.ssh import Ssh
from supervisor.client.unix import Unix
from supervisor.client.web import Web
from tests.supervisor.cli.calling import environment
from workers.errors import Refused


def test_a_box_is_known_by_its_state_directory() -> None:
    assert of_state_dir("/s") == Address(Unix("/s/rc.sock"), "/s")


def test_a_box_that_was_named_by_its_socket_is_not_ours_to_start(tmp_path: Path) -> None:
    assert of_name(f"unix:{tmp_path}") == Address(Unix(f"{tmp_path}/rc.sock"), None)
    assert of_name(f"unix:{tmp_path}/other") == Address(Unix(f"{tmp_path}/other"), None)


def test_a_box_elsewhere_is_named_by_its_url() -> None:
    assert of_name("ssh://ana@host:22") == Address(Ssh("host", "ana", 22), None)


@pytest.mark.parametrize("box", ["unix:", "./nonsense", "ftp://x", "", "ssh:", "ssh://"])
def test_what_names_no_box_is_refused_with_what_would(box: str) -> None:
    with pytest.raises(Refused) as refused:
        of_name(box)
    assert refused.value.code == "invalid"
    assert "name it as" in refused.value.hint


HOME = Known("home", "https://home.example:7420", "device_1", None, "file")


def test_a_box_is_meant_by_its_name_or_by_what_it_was_paired_at(tmp_path: Path) -> None:
    with environment(HOME=str(tmp_path)):
        with changing() as changes:
            named = Known("named", "https://named.example")
            changes.write(Boxes().with_box(HOME).with_box(Known("far", "ssh://ana@host")).with_box(named))
        devicekeys.keep("home", devicekeys.new_key())
        assert of_name("far") == Address(Ssh("host", "ana"), None)
        for name in ("home", "https://HOME.example:7420/"):
            way = of_name(name).transport
            assert isinstance(way, Web)
            assert (way.origin, way.sign_in is not None) == (HOME.url, True)
        for name, code in (("gone", "not_found"), ("https://other", "unauthenticated"), ("named", "unauthenticated")):
            with pytest.raises(Refused) as refused:
                of_name(name)
            assert refused.value.code == code


def test_an_address_is_remembered_in_one_form(tmp_path: Path) -> None:
    assert canonical("https://Home.example:443/") == "https://home.example"
    assert canonical("ssh://ana@host/") == "ssh://ana@host"
    assert canonical(f"unix:{tmp_path}") == f"unix:{tmp_path}/rc.sock"
    with pytest.raises(Refused):
        canonical("http://home.example")
