"""An AES key put into a SoftHSM token by PKCS#11 itself, as a vendor's ceremony would leave it there."""

import contextlib
import ctypes
import os
from ctypes import POINTER, Structure, byref, c_char_p, c_ubyte, c_ulong, c_void_p

CKF_SERIAL_SESSION, CKF_RW_SESSION = 4, 2
CKU_USER = 1
CKO_SECRET_KEY, CKK_AES = 4, 0x1F
CKA = {"CLASS": 0, "TOKEN": 1, "PRIVATE": 2, "LABEL": 3, "VALUE": 0x11, "KEY_TYPE": 0x100, "ID": 0x102,
       "SENSITIVE": 0x103, "ENCRYPT": 0x104, "DECRYPT": 0x105, "WRAP": 0x106, "UNWRAP": 0x107,
       "SIGN": 0x108, "VERIFY": 0x10A, "DERIVE": 0x10C, "EXTRACTABLE": 0x162}


class Attribute(Structure):
    _fields_ = [("type", c_ulong), ("value", c_void_p), ("length", c_ulong)]


def octets_of(value):
    if isinstance(value, bool):
        return bytes([value])
    if isinstance(value, int):
        return value.to_bytes(ctypes.sizeof(c_ulong), "little")
    return value


@contextlib.contextmanager
def session(module, conf, label, pin):
    """C_ functions and a session that is logged in."""
    os.environ["SOFTHSM2_CONF"] = conf
    library = ctypes.CDLL(module)

    def call(name, *arguments):
        result = getattr(library, name)(*arguments)
        if result != 0:
            raise OSError(f"{name}: {result:#x}")

    slots, count, handle = (c_ulong * 16)(), c_ulong(16), c_ulong()
    call("C_Initialize", None)
    try:
        call("C_GetSlotList", c_ubyte(1), slots, byref(count))
        for slot in slots[:count.value]:
            info = (c_ubyte * 512)()
            call("C_GetTokenInfo", c_ulong(slot), info)
            if bytes(info[:32]).rstrip() == label.encode():
                break
        call("C_OpenSession", c_ulong(slot), c_ulong(CKF_SERIAL_SESSION | CKF_RW_SESSION), None, None,
             byref(handle))
        call("C_Login", handle, c_ulong(CKU_USER), c_char_p(pin.encode()), c_ulong(len(pin)))
        yield call, handle
    finally:
        library.C_Finalize(None)


def transport_key(module, conf, label, pin, name, value, wraps=False):
    """As provisioning/transport.h wants one, for the way in, or out where it `wraps`."""
    wanted = {"CLASS": CKO_SECRET_KEY, "KEY_TYPE": CKK_AES, "TOKEN": True, "PRIVATE": True,
              "SENSITIVE": True, "EXTRACTABLE": False, "ENCRYPT": False, "DECRYPT": False,
              "SIGN": False, "VERIFY": False, "DERIVE": False, "WRAP": wraps, "UNWRAP": not wraps,
              "ID": b"nisim transport", "LABEL": name.encode(), "VALUE": value}
    template = (Attribute * len(wanted))()
    kept = []
    for place, (attribute, content) in zip(template, wanted.items()):
        kept.append(ctypes.create_string_buffer(octets_of(content), len(octets_of(content))))
        place.type, place.length = CKA[attribute], len(kept[-1])
        place.value = ctypes.cast(kept[-1], c_void_p)
    with session(module, conf, label, pin) as (call, handle):
        call("C_CreateObject", handle, ctypes.cast(template, POINTER(Attribute)),
             c_ulong(len(wanted)), byref(c_ulong()))
