"""Which link to a box is offered, and how."""

from __future__ import annotations

from supervisor.core.links import Offer, best, link_to

TAILNET = "https://box.example.ts.net/pair#s"
LOCAL = "http://127.0.0.1:7420/pair#s"
LAN = "http://192.168.1.5:7420/pair#s"


def test_what_others_can_open_goes_first_wherever_it_stands() -> None:
    assert best([LOCAL, LAN, TAILNET]) == Offer(TAILNET, True)


def test_a_link_that_only_this_machine_can_open_comes_with_what_to_do() -> None:
    offer = best([LOCAL])
    assert offer is not None and (offer.link, offer.for_others) == (LOCAL, False)
    assert "--public-url" in offer.advice[0]
    assert "ssh -L 7420:localhost:7420 " in offer.advice[1]
    secure = best(["https://localhost/pair#s"])
    assert secure is not None and "ssh -L 443:localhost:443 " in secure.advice[1]


def test_without_tls_a_browser_elsewhere_cannot_be_paired() -> None:
    offer = best([LAN])
    assert offer is not None and not offer.for_others
    assert "rc login http://192.168.1.5:7420" in offer.advice[0]


def test_an_offer_is_told_whole() -> None:
    assert Offer(TAILNET, True).show() == {"link": TAILNET, "for_others": True, "advice": []}
    offer = best([LOCAL])
    assert offer is not None and offer.show()["advice"] == list(offer.advice)


def test_no_link_is_no_offer() -> None:
    assert best([]) is None


def test_a_link_leads_to_the_page_and_back_to_where_the_box_is() -> None:
    for url in ("https://box.example:7420", "https://box.example:7420/"):
        link = link_to(url, "SECRET.HASH")
        offer = best([link])
        assert link == "https://box.example:7420/pair#SECRET.HASH"
        assert offer is not None and offer.origin == "https://box.example:7420"
