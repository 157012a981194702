"""The targets `ssh:HOST/cpu` and `ssh:HOST/cpu-reference`: a Linux board with sshd."""

from __future__ import annotations

import shlex

from mobilekit_delegates.devices import ssh
from mobilekit_delegates.targets.board import BoardTarget, split_name


class Ssh(BoardTarget):
    """A host that ssh reaches without a password."""

    def __init__(self, rest: str) -> None:
        """Take what stands behind `ssh:` in a target's name.

        Raises:
            ProjectError: it is not a host and what runs there.
        """
        text, kernels = split_name("ssh", rest)
        host = ssh.parse_host(text)

        def by_hand(command: str) -> str:
            return shlex.join(("ssh", *host.arguments(), command))

        super().__init__(ssh.shell(text), kernels, by_hand)
