"""Where a user's word may send us: addresses read, resolved once, and every one of them checked.

What is refused is what other machines of the operator's network answer at, and this one. The
tables follow the special-purpose registries of IANA (RFC 6890 and later entries) rather than
`ipaddress.is_global`, which differs between Python's patch releases.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from queue import Empty, SimpleQueue
from threading import Thread

import httpx2
from django.conf import settings

Address = IPv4Address | IPv6Address
MAX_ADDRESS = 500
DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
_UNWRITABLE = re.compile(r"[^\x21-\x7e\xa1-\U0010ffff]|[\\\ud800-\udfff]")

_CLOSED_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network: Linux takes 0.0.0.0 for this machine
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT; a cloud's metadata at 100.100.100.200
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # a cloud's agent, at a public address
        "169.254.0.0/16",  # link-local; metadata at 169.254.169.254
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; a cloud's metadata at 192.0.0.192
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
# Of IPv6 only what is given out for the Internet is open, and not all of it.
_OPEN_V6 = IPv6Network("2000::/3")
_CLOSED_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which bears an IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)


class ForbiddenError(Exception):
    """The address may not be asked; the message is a sentence for people."""


class UnknownHostError(Exception):
    """The name leads nowhere."""


def read_address(text: str) -> httpx2.URL:
    """Return an address that might be asked, or raise ForbiddenError with what is wrong in it.

    An IP address is checked here as well; what a name leads to, by `leads_somewhere`, and again
    whenever it is asked.
    """
    if not text or len(text) > MAX_ADDRESS or _UNWRITABLE.search(text):
        raise ForbiddenError(
            f"An address has up to {MAX_ADDRESS} characters, no spaces and no backslashes."
        )
    try:
        url = httpx2.URL(text)
    except httpx2.InvalidURL as exc:
        raise ForbiddenError(
            "This is no address: https://scorer.example.org/score is one."
        ) from exc
    _check_parts(url, text)
    literal = _literal(url)
    if literal is None and not _HOST.fullmatch(url.raw_host.decode("ascii")):
        raise ForbiddenError("The address names no host.")
    if literal is not None:
        check(literal, host=str(literal))
    return url


def _check_parts(url: httpx2.URL, text: str) -> None:
    if url.scheme not in DEFAULT_PORTS:
        raise ForbiddenError("An address starts with https:// or http://.")
    if url.userinfo:
        raise ForbiddenError("An address holds no user name and password: use a header.")
    if "#" in text:
        raise ForbiddenError("An address to ask has no #.")
    if url.port is not None and not 0 < url.port < 65_536:
        raise ForbiddenError("A port is a number from 1 to 65,535.")


def origin_of(url: httpx2.URL) -> str:
    """Return scheme, host and port: what an owner approves."""
    return f"{url.scheme}://{host_and_port(url)}"


def host_and_port(url: httpx2.URL) -> str:
    """Return the host as a header has it, with its port where that is not the usual one."""
    host = url.raw_host.decode("ascii")
    host = f"[{host}]" if ":" in host else host
    port = port_of(url)
    return host if port == DEFAULT_PORTS[url.scheme] else f"{host}:{port}"


def port_of(url: httpx2.URL) -> int:
    return url.port or DEFAULT_PORTS[url.scheme]


def resolved(host: str, port: int, *, seconds: float) -> list[Address]:
    """Return the addresses behind a host, each of them open; one that is closed closes all.

    Raises ForbiddenError, UnknownHostError, and TimeoutError: the system's resolver has no limit
    that can be set, so it is waited for beside a clock.
    """
    found: SimpleQueue[list[Address] | UnknownHostError] = SimpleQueue()
    Thread(target=lambda: found.put(_looked_up(host, port)), daemon=True).start()
    try:
        answer = found.get(timeout=max(0.0, seconds))
    except Empty:
        raise TimeoutError from None
    if isinstance(answer, UnknownHostError):
        raise answer
    for address in answer:
        check(address, host=host)
    return answer


def leads_somewhere(url: httpx2.URL, *, seconds: float) -> bool:
    """Say whether the host is found just now; raise ForbiddenError where it may not be asked.

    The resolver reads what no URL library takes for an IP address, such as 0x7f000001.
    """
    try:
        resolved(url.raw_host.decode("ascii"), port_of(url), seconds=seconds)
    except (UnknownHostError, TimeoutError):
        return False
    return True


def check(address: Address, *, host: str) -> None:
    """Raise ForbiddenError where the address is closed and the operator has not opened it."""
    plain = _plain(address)
    if is_open(plain) or _is_allowed(plain, host):
        return
    raise ForbiddenError(
        "The host is inside a network that is not the Internet's (loopback, private, link-local "
        "or reserved), and EvalHub sends nothing there. An operator can allow it with "
        "EVALHUB_OUTBOUND_ALLOW."
    )


def is_open(address: Address) -> bool:
    """Say whether an address is one of the public Internet."""
    plain = _plain(address)
    if isinstance(plain, IPv4Address):
        return not any(plain in network for network in _CLOSED_V4)
    return plain in _OPEN_V6 and not any(plain in network for network in _CLOSED_V6)


def _plain(address: Address) -> Address:
    """Return the IPv4 address that an IPv4-mapped one is another form of."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _is_allowed(address: Address, host: str) -> bool:
    """Say whether the operator opened the address, its network or its host by name."""
    for entry in settings.OUTBOUND_ALLOW:
        try:
            if address in ipaddress.ip_network(entry, strict=False):
                return True
        except ValueError:
            if entry.lower() == host.lower():
                return True
    return False


def _literal(url: httpx2.URL) -> Address | None:
    try:
        return ipaddress.ip_address(url.raw_host.decode("ascii"))
    except ValueError:
        return None


def _looked_up(host: str, port: int) -> list[Address] | UnknownHostError:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [ipaddress.ip_address(to[0]) for *_, to in found]
    except (OSError, UnicodeError, ValueError):
        return UnknownHostError(host)
    return list(dict.fromkeys(addresses)) or UnknownHostError(host)
