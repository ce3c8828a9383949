"""The home network's side by osmo-auc-gen, an implementation of AKA that is not ours."""

import os
import re
import subprocess
from dataclasses import dataclass


@dataclass(frozen=True)
class Challenge:
    sqn: int
    rand: bytes
    autn: bytes
    res: bytes
    ck: bytes
    ik: bytes

    def forged(self, bit=0):
        """The same with one bit of the MAC turned; bit 0 is the last one."""
        autn = int.from_bytes(self.autn, "big") ^ (1 << bit)
        return Challenge(self.sqn, self.rand, autn.to_bytes(16, "big"), b"", b"", b"")


class Auc:
    """A subscriber as the home network knows him. SQN = SEQ || IND, ind_bits of IND."""

    def __init__(self, k, opc, ind_bits=5, amf="8000"):
        self.arguments = ["-3", "-a", "milenage", "-k", k.hex(), "-o", opc.hex(), "-f", amf, "-l",
                          str(ind_bits)]
        self.ind_bits = ind_bits

    def run(self, *arguments):
        done = subprocess.run(["osmo-auc-gen", *self.arguments, *arguments], check=False, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        return done.returncode, dict(re.findall(r"^([A-Z.]+):\t(\S+)$", done.stdout, re.M))

    def challenge(self, seq, ind=0, rand=None):
        return self.challenge_of_sqn(seq << self.ind_bits | ind, rand)

    def challenge_of_sqn(self, sqn, rand=None):
        rand = rand or os.urandom(16)
        status, shown = self.run("-s", str(sqn), "-r", rand.hex())
        if status != 0 or int(shown["SQN"]) != sqn or shown["RAND"] != rand.hex():
            raise AssertionError(f"osmo-auc-gen made no challenge: {status} {shown}")
        return Challenge(sqn, rand, *(bytes.fromhex(shown[name]) for name in
                                      ("AUTN", "RES", "CK", "IK")))

    def sqn_ms(self, rand, auts):
        """What AUTS says; None when its MAC is wrong."""
        status, shown = self.run("-r", rand.hex(), "-A", auts.hex())
        return int(shown["SQN.MS"]) if status == 0 else None
