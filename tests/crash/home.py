"""The home network's side of AKA, quick enough for hundreds of challenges a round (TS 35.206).

auc.py has an implementation that is not ours, at a process a challenge; self_check compares."""

import os
import sys

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

import auc  # noqa: E402

AMF = bytes.fromhex("8000")


def xor(left, right):
    return bytes(a ^ b for a, b in zip(left, right))


def rotated(block, octets):
    return block[octets:] + block[:octets]


class Home:
    def __init__(self, who):
        self.who = who
        self.opc = who.opc
        self.cipher = Cipher(algorithms.AES(who.k), modes.ECB())

    def encrypt(self, block):
        """By an encryptor of its own: several askers may ask for one subscriber at once."""
        return self.cipher.encryptor().update(block)

    def out(self, temp, octets, constant):
        block = rotated(xor(temp, self.opc), octets)
        return xor(self.encrypt(block[:15] + bytes([block[15] ^ constant])), self.opc)

    def challenge(self, seq, ind, rand=None):
        rand = rand or os.urandom(16)
        sqn = seq << self.who.ind_bits | ind
        temp = self.encrypt(xor(rand, self.opc))
        in1 = (sqn.to_bytes(6, "big") + AMF) * 2
        out1 = xor(self.encrypt(xor(temp, rotated(xor(in1, self.opc), 8))), self.opc)
        out2 = self.out(temp, 0, 1)
        autn = xor(sqn.to_bytes(6, "big"), out2[:6]) + AMF + out1[:8]
        return auc.Challenge(sqn, rand, autn, out2[8:], self.out(temp, 4, 2), self.out(temp, 8, 4))

    def self_check(self):
        rand = os.urandom(16)
        if self.challenge(7, 3, rand) != self.who.auc.challenge(7, 3, rand):
            raise AssertionError("two implementations of AKA disagree")
