"""What a packet's sealing and opening costs: `python bench/gossip/wire.py`."""

from __future__ import annotations

import random
import time

from swarmpy.gossip.rate import Rate
from swarmpy.gossip.wire import Wire
from swarmpy.pb.types_pb2 import GossipKey, GossipKeyRing

PACKETS = 50_000
NO_LIMIT = Rate(per_s=1e9, burst=10**9)


def end(seed: int, keys: int = 2) -> Wire:
    wire = Wire("bench", random.Random(seed), 0.0, a_peer=NO_LIMIT, strangers=NO_LIMIT)
    ring = [GossipKey(id=one, key=bytes([one]) * 32) for one in range(1, keys + 1)]
    wire.set_keys(GossipKeyRing(keys=ring, primary_id=keys))
    return wire


def main() -> None:
    for size in (60, 400, 1343):
        a, b, plain = end(1), end(2), bytes(size)
        began = time.process_time()
        packets = [a.seal(plain) or b"" for _ in range(PACKETS)]
        sealed = time.process_time()
        for packet in packets:
            b.open(packet, ("127.0.0.1", 7947), 0.0)
        opened = time.process_time()
        forged = [bytes([packets[0][0]]) + packet[2:] + b"x" for packet in packets]
        before = time.process_time()
        for packet in forged:
            b.open(packet, ("127.0.0.1", 7947), 0.0)
        dropped = time.process_time()
        assert b.dropped["forged"] == PACKETS
        print(
            f"{size:5} bytes: seal {(sealed - began) / PACKETS * 1e6:.2f} us, "
            f"open {(opened - sealed) / PACKETS * 1e6:.2f} us, "
            f"forged {(dropped - before) / PACKETS * 1e6:.2f} us"
        )


if __name__ == "__main__":
    main()
