"""What is done to the cluster: each begins, lasts as long as it must to hurt, and is put right again."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from typing import Final

from tests.ha import network
from tests.ha.cluster import Cluster
from tests.ha.network import DATABASES

_LASTS: Final = 30.0
"""Seconds of a cut or a freeze: longer than the lock of a primary that nobody hears of."""


async def postmaster_killed(cluster: Cluster) -> None:
    """PostgreSQL of the primary dies; its machine lives."""
    os.kill(cluster.postmaster(_leader(cluster)), signal.SIGKILL)


async def machine_killed(cluster: Cluster) -> None:
    """Everything on the primary's machine dies at once; it comes back half a minute later."""
    await _killed(cluster, _leader(cluster))


async def standby_killed(cluster: Cluster) -> None:
    """Likewise the synchronous standby's: nothing can be confirmed until the other one takes its part."""
    standby = cluster.one("sync_standby")
    assert standby is not None
    await _killed(cluster, standby)


async def _killed(cluster: Cluster, machine: str) -> None:
    network.send(machine, signal.SIGKILL)
    await asyncio.sleep(_LASTS)
    cluster.start_machine(machine)


async def cut_off(cluster: Cluster) -> None:
    """The primary's cable is pulled, and put in again later."""
    leader = _leader(cluster)
    network.cut(leader)
    await asyncio.sleep(_LASTS)
    network.join(leader)


async def frozen(cluster: Cluster) -> None:
    """The primary's machine stands still and goes on later as if nothing had been."""
    leader = _leader(cluster)
    network.send(leader, signal.SIGSTOP)
    await asyncio.sleep(_LASTS)
    network.send(leader, signal.SIGCONT)


async def switched(cluster: Cluster) -> None:
    """The lock is handed over in order."""
    await asyncio.to_thread(cluster.switch_over)


async def behind_and_killed(cluster: Cluster, seconds: float = 2.5) -> None:
    """The standbys' cables are pulled for a moment; then the primary's machine dies, and they are put in again.

    Where commits wait for a standby nobody was promised anything meanwhile. Where they do not, promises are lost: the
    control.
    """
    leader = _leader(cluster)
    standbys = [one for one in DATABASES if one != leader]
    for one in standbys:
        network.cut(one)
    await asyncio.sleep(seconds)  # shorter than it takes the primary to give up for want of etcd
    network.send(leader, signal.SIGKILL)
    for one in standbys:
        network.join(one)
    await asyncio.sleep(_LASTS)
    cluster.start_machine(leader)


def _leader(cluster: Cluster) -> str:
    leader = cluster.one("leader")
    assert leader is not None
    return leader


FAULTS: Final[dict[str, Callable[[Cluster], Awaitable[None]]]] = {
    "postmaster killed": postmaster_killed,
    "machine killed": machine_killed,
    "cut off": cut_off,
    "frozen and thawed": frozen,
    "switched over": switched,
    "standby killed": standby_killed,
}
"""Those that the figures are about."""
