# SPDX-License-Identifier: Apache-2.0
"""A driver over LiteX's remote bridge: ``litex_server`` reaches a board, this reaches the server.

litex_server --uart --uart-port=/dev/ttyUSB0
with connect("localhost", 1234) as bus:
    answer = sample(bus, Path("csr.csv"), config, settings, images)
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from nms.contract.config import SamplerConfig
from nms.contract.settings import LeanSettings, Settings
from nms.soc.bridge import JobAnswer, WordBus, find_register, place, run_job

TIMEOUT = 60.0
"""Seconds after which an answer is given up; LiteX's own limit gives 0 in place of a late one."""

MOST = 64
"""Words of one message."""


class RemoteBus(WordBus):
    """Words by a ``RemoteClient`` of LiteX."""

    def __init__(self, client: Any):
        self.client = client

    def put(self, address: int, value: int) -> None:
        """Write a word."""
        self.client.write(address, value)

    def get(self, address: int, words: int = 1) -> list[int]:
        """Read words from ``address`` on."""
        found: list[int] = []
        while len(found) < words:
            found += self.client.read(address + 4 * len(found), min(words - len(found), MOST))
        return found

    def fill(self, address: int, data: bytes) -> None:
        """Write bytes, padded to whole words, from ``address`` on."""
        words = np.frombuffer(data + bytes(-len(data) % 4), "<u4").tolist()
        for at in range(0, len(words), MOST):
            self.client.write(address + 4 * at, words[at : at + MOST])


@contextmanager
def connect(host: str = "localhost", port: int = 1234) -> Iterator[RemoteBus]:
    """The bus behind a ``litex_server``."""
    from litex import RemoteClient

    client = RemoteClient(host, port, csr_data_width=32, csr_bus_address_width=32)
    client.csr_bus_address_width = 32
    client.open()
    client.socket.settimeout(TIMEOUT)
    try:
        yield RemoteBus(client)
    finally:
        client.close()


def sample(
    bus: RemoteBus,
    csr: Path,
    config: SamplerConfig,
    settings: Settings | LeanSettings,
    images: np.ndarray,
) -> JobAnswer:
    """Write images (N, D) uint8 to the DRAM of a system and run them as one batch.

    ``csr`` is the ``csr.csv`` of the system; errors as of :func:`nms.soc.bridge.run_job`.
    """
    job, _ = place(config, settings)
    for index, image in enumerate(images):
        bus.fill(job.image_base + index * job.image_stride, image.tobytes())
    return run_job(bus, config, job, find_register(csr, "sdram_dfii_control"))
