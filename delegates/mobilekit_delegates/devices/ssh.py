"""Linux boards over ssh: whatever `ssh HOST` reaches without asking for anything.

The user's own configuration counts: host aliases, keys, jump hosts. The options here are those of
ssh_config(5).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mobilekit_converters.errors import ProjectError
from mobilekit_delegates.devices.shell import Client, Help, Shell

INSTALL = "apt install openssh-client"

CONNECT_SECONDS = 10

_OPTIONS = {
    # Nobody is there to answer questions.
    "BatchMode": "yes",
    "ConnectTimeout": str(CONNECT_SECONDS),
    # A cable that was pulled is noticed after three of these.
    "ServerAliveInterval": "5",
    # Nothing that somebody set up for work at the terminal.
    "RequestTTY": "no",
    "RemoteCommand": "none",
    "ClearAllForwardings": "yes",
    "ForwardX11": "no",
    "ForwardAgent": "no",
    # A connection that is kept for later would keep our pipes too.
    "ControlMaster": "no",
    # Errors alone: neither banners nor hosts that were learnt.
    "LogLevel": "ERROR",
}

_HOST = re.compile(
    r"(?:(?P<user>[^-@:\[\]][^@:\[\]]*)@)?"
    r"(?:\[(?P<address>[0-9A-Fa-f:.]+(?:%[^\[\]]+)?)\]|(?P<name>[^-@:\[\]/\s][^@:\[\]/\s]*))"
    r"(?::(?P<port>[0-9]{1,5}))?"
)


@dataclass(frozen=True, kw_only=True)
class Host:
    """Where to connect to. What is empty is left to the user's ssh configuration."""

    name: str
    user: str = ""
    port: str = ""

    def arguments(self) -> tuple[str, ...]:
        """Return the host as arguments of ssh."""
        user = ("-l", self.user) if self.user else ()
        port = ("-p", self.port) if self.port else ()
        return (*user, *port, self.name)


def parse_host(text: str) -> Host:
    """Read `[USER@]NAME[:PORT]`; addresses of IPv6 stand in brackets.

    Raises:
        ProjectError: it is not of that form.
    """
    match = _HOST.fullmatch(text)
    if match is None or not 0 < int(match["port"] or 22) < 2**16:
        raise ProjectError(
            f"{text!r} is no host. Write it as board, user@board, 10.0.0.2:2222 or "
            "user@[fe80::1%eth0]:2222."
        )
    return Host(
        name=match["address"] or match["name"], user=match["user"] or "", port=match["port"] or ""
    )


def shell(text: str) -> Shell:
    """Return the way to a host; see `parse_host` for its form and error."""
    host = parse_host(text)
    by_hand = " ".join(("ssh", *host.arguments()))
    port = f"-p {host.port} " if host.port else ""
    address = f"{host.user}@{host.name}" if host.user else host.name
    helps = {
        "REMOTE HOST IDENTIFICATION HAS CHANGED": Help(
            message=f"The host key of {text} is not the one that it had: it is another machine, or "
            "was set up anew. Forget the old key only if you know why.",
            command=f"ssh-keygen -R {f'[{host.name}]:{host.port}' if host.port else host.name}",
        ),
        "Host key verification failed": Help(
            message=f"The host key of {text} is not known here. Connect once by hand, and compare "
            "the key that it shows with the board's.",
            command=by_hand,
        ),
        "Permission denied": Help(
            message=f"{text} takes none of the keys that can be used without a password.",
            command=f"ssh-copy-id {port}{address}",
        ),
        "Could not resolve hostname": Help(
            message=f"There is no host {host.name}: neither the network nor ~/.ssh/config knows it."
        ),
        "timed out": Help(
            message=f"{text} does not answer: it did not within {CONNECT_SECONDS} s. Is it on, and "
            "in this network?"
        ),
        "Connection refused": Help(message=f"Nothing listens for ssh at {text}. Start sshd there."),
    }

    def explain(said: str) -> Help | None:
        return next((help for complaint, help in helps.items() if complaint in said), None)

    options = tuple(f"-o{name}={value}" for name, value in _OPTIONS.items())
    command = ("ssh", *options, *host.arguments())
    return Shell(f"ssh:{text}", Client(command=command, install=INSTALL, explain=explain))
