"""Files with bytes changed, as damage and strangers change them."""

import random

BETWEEN = [b",", b"\n", b'"', b"\0", b"\xff", b"\r", b" ", b";", b"9" * 30, b"1e999"]
BETWEEN += [b"nan", b"-1", "é".encode(), b"\xed\xa0\x80", b"=", b"\x7f"]


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Returns data with one to eight changes."""
    data = bytearray(data)
    for _ in range(chance.choice([1, 1, 1, 2, 4, 8])):
        at, other = chance.randrange(len(data)), chance.randrange(len(data))
        match chance.randrange(6):
            case 0:
                data[at] = chance.randrange(256)
            case 1:
                data[at] ^= 1 << chance.randrange(8)
            case 2:
                del data[at : at + chance.randrange(1, 9)]
            case 3:
                data[at:at] = chance.choice(BETWEEN)
            case 4:
                del data[at:]
            case 5:
                data[at : at + 4] = data[other : other + 4]
        data = data or bytearray(b"\n")
    return bytes(data)
