"""Which addresses are open: forms of every closed network, and names that lead into one."""

import ipaddress
import socket
import time

import pytest

from evalhub.outbound import places
from evalhub.outbound.places import ForbiddenError, UnknownHostError

# One of each closed network and both its ends, as the IANA special-purpose registries list them.
CLOSED = [
    "0.0.0.0",  # noqa: S104 - an address to refuse
    "0.255.255.255",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.168.255.255",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:0:7f00:1::",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a00:1::",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%1",
    "fec0::1",
    "ff02::1",
]
OPEN = [
    "1.1.1.1",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "168.63.129.15",
    "168.63.129.17",
    "169.253.255.255",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450::1",
    "::ffff:1.1.1.1",
]

# Ways to write this machine or its neighbors; the resolver reads them all.
SPELLINGS = [
    "http://127.0.0.1/",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.1/",
    "http://017700000001/",
    "http://0/",
    "http://0.0.0.0:80/",
    "http://[::1]/",
    "http://[::]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://localhost/",
    "http://127。0。0。1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://2852039166/",
    "https://10.1/",
    "http://[fd00:ec2::254]/",
    "http://[fe80::1]/",
    "http://100.100.100.200/",
]
MALFORMED = [
    "",
    " ",
    "scorer.example.org",
    "//scorer.example.org/",
    "ftp://scorer.example.org/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_",
    "http://",
    "http:///score",
    "http://user@scorer.example.org/",
    "http://user:word@scorer.example.org/",
    "http://scorer.example.org@127.0.0.1/",
    "http://scorer.example.org\\@127.0.0.1/",
    "http://scorer.example.org/#a",
    "http://scorer.example.org/#",
    "http://scorer.example.org:0/",
    "http://scorer.example.org:99999/",
    "http://scorer.example.org:port/",
    "http://scorer example.org/",
    "http://scorer.example.org/\r\nHost: a",
    "http://scorer.example.org/\0",
    "http://sc_orer%00.example.org/",
    "http://[::1/",
    "http://[not an address]/",
    "http://１２７.0.0.1/",
    "http://0177.0.0.1/",
    "http://" + "a" * 600 + ".org/",
]


@pytest.fixture(autouse=True)
def _nothing_is_allowed(settings):
    settings.OUTBOUND_ALLOW = []


def lead_to(monkeypatch, *addresses):
    """Let every name lead to these addresses."""
    found = [
        (socket.AF_INET6 if ":" in one else socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 80))
        for one in addresses
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)


@pytest.mark.parametrize("address", CLOSED)
def test_an_address_that_is_not_the_internets_is_closed(address):
    assert not places.is_open(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", OPEN)
def test_an_address_of_the_internet_is_open(address):
    assert places.is_open(ipaddress.ip_address(address))


@pytest.mark.parametrize("url", SPELLINGS)
def test_no_spelling_of_a_closed_address_gets_through(url):
    with pytest.raises(ForbiddenError, match="EVALHUB_OUTBOUND_ALLOW"):
        places.resolved(places.read_address(url).raw_host.decode(), 80, seconds=5)


@pytest.mark.parametrize("url", MALFORMED)
def test_an_address_that_is_none_is_refused_with_a_sentence(url):
    with pytest.raises(ForbiddenError, match=r"\.$|is one\.$"):
        places.read_address(url)


def test_an_origin_is_scheme_host_and_port_in_one_form():
    def origin(url):
        return places.origin_of(places.read_address(url))

    assert origin("HTTPS://Scorer.Example.org:443/a?b=c") == "https://scorer.example.org"
    assert origin("http://scorer.example.org:443/") == "http://scorer.example.org:443"
    assert origin("https://bücher.example/") == "https://xn--bcher-kva.example"


def test_a_name_is_refused_when_any_of_its_addresses_is_closed(monkeypatch):
    lead_to(monkeypatch, "1.1.1.1", "10.0.0.7")

    with pytest.raises(ForbiddenError):
        places.resolved("scorer.example.org", 80, seconds=5)


def test_a_name_gives_all_its_open_addresses_once(monkeypatch):
    lead_to(monkeypatch, "2606:4700::1", "1.1.1.1", "1.1.1.1")

    found = places.resolved("scorer.example.org", 80, seconds=5)

    assert [str(one) for one in found] == ["2606:4700::1", "1.1.1.1"]


@pytest.mark.parametrize(
    ("allowed", "address", "may"),
    [
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "192.168.0.1", False),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.2", False),
        ("127.0.0.0/8", "::ffff:127.0.0.1", True),
        ("fd00::/8", "fd00::1", True),
        ("Scorer.internal", "10.1.2.3", True),
        ("other.internal", "10.1.2.3", False),
        ("internal", "10.1.2.3", False),
    ],
)
def test_an_operator_opens_networks_addresses_and_names(
    monkeypatch, settings, allowed, address, may
):
    settings.OUTBOUND_ALLOW = [allowed]
    lead_to(monkeypatch, address)

    if may:
        assert places.resolved("scorer.internal", 80, seconds=5)
    else:
        with pytest.raises(ForbiddenError):
            places.resolved("scorer.internal", 80, seconds=5)


@pytest.mark.parametrize("error", [socket.gaierror(-2, "unknown"), UnicodeError("label too long")])
def test_a_name_that_leads_nowhere_is_unknown(monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", fail)

    with pytest.raises(UnknownHostError):
        places.resolved("nowhere.example.org", 80, seconds=5)


def test_a_resolver_that_hangs_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(1) or [])

    started = time.monotonic()
    with pytest.raises(TimeoutError):
        places.resolved("scorer.example.org", 80, seconds=0.1)
    assert time.monotonic() - started < 1.5
