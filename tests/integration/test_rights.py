"""What the holder of the USER PIN can do with the keys of an appliance: python3 test_rights.py --bin BUILD/bin"""

import ctypes
import os
import re
import subprocess

import appliance

RW_SESSION, USER = 0x6, 1
CKO_SECRET_KEY, CKK_AES = 0x4, 0x1f
CKA_CLASS, CKA_LABEL, CKA_VALUE, CKA_KEY_TYPE = 0x0, 0x3, 0x11, 0x100
CKA_SENSITIVE, CKA_ENCRYPT, CKA_DECRYPT, CKA_WRAP, CKA_UNWRAP = 0x103, 0x104, 0x105, 0x106, 0x107
CKA_SIGN, CKA_DERIVE, CKA_EXTRACTABLE = 0x108, 0x10c, 0x162
CKM_AES_ECB, CKM_AES_CBC = 0x1081, 0x1082
CKM_AES_ECB_ENCRYPT_DATA, CKM_AES_KEY_WRAP, CKM_AES_KEY_WRAP_PAD = 0x1104, 0x2109, 0x210a
CKR_OK, CKR_ATTRIBUTE_SENSITIVE = 0x0, 0x11

Long = ctypes.c_ulong


class Attribute(ctypes.Structure):
    _fields_ = [("type", Long), ("value", ctypes.c_char_p), ("length", Long)]


class Mechanism(ctypes.Structure):
    _fields_ = [("type", Long), ("parameter", ctypes.c_char_p), ("length", Long)]


def attributes(**values):
    names = {"kind": CKA_CLASS, "type": CKA_KEY_TYPE, "label": CKA_LABEL,
             "value": CKA_VALUE, "extractable": CKA_EXTRACTABLE, "sensitive": CKA_SENSITIVE}
    return (Attribute * len(values))(*(Attribute(names[name], value, len(value))
                                       for name, value in values.items()))


class Module:
    """The token by its PKCS#11 module, logged in as USER. Calls give their CK_RV."""

    def __init__(self):
        self.library = ctypes.CDLL(appliance.MODULE)
        self.session = Long()
        slots = (Long * 8)()
        self.sure("C_Initialize", None)
        self.sure("C_GetSlotList", b"\1", slots, ctypes.byref(Long(8)))
        self.sure("C_OpenSession", slots[0], Long(RW_SESSION), None, None,
                  ctypes.byref(self.session))
        self.sure("C_Login", self.session, Long(USER), appliance.PIN.encode(),
                  Long(len(appliance.PIN)))

    def close(self):
        self.sure("C_Finalize", None)

    def call(self, name, *arguments):
        function = getattr(self.library, name)
        function.restype = Long
        return function(*arguments)

    def sure(self, name, *arguments):
        result = self.call(name, *arguments)
        if result != CKR_OK:
            raise AssertionError(f"{name}: {result:#x}")

    def find(self, label):
        found = Long()
        count = Long()
        fit = attributes(label=label.encode())
        self.sure("C_FindObjectsInit", self.session, fit, Long(1))
        self.sure("C_FindObjects", self.session, ctypes.byref(found), Long(1), ctypes.byref(count))
        self.sure("C_FindObjectsFinal", self.session)
        if count.value != 1:
            raise AssertionError("no object " + label)
        return found

    def read(self, key, kind, room=64):
        """The CK_RV, and the value if there is one."""
        value = ctypes.create_string_buffer(room)
        attribute = Attribute(kind, ctypes.cast(value, ctypes.c_char_p), room)
        result = self.call("C_GetAttributeValue", self.session, key, ctypes.byref(attribute),
                           Long(1))
        return result, value.raw[:attribute.length] if result == CKR_OK else None


class Rights(appliance.Case):
    is_started = False

    @classmethod
    def prepare(cls, lab):
        cls.alice = appliance.subscriber("alice")
        lab.add(cls.alice)
        os.environ["SOFTHSM2_CONF"] = lab.environment["SOFTHSM2_CONF"]
        cls.module = Module()
        cls.addClassCleanup(cls.module.close)
        cls.labels = ["nisim K " + cls.alice.impi, "nisim KEK", "nisim integrity"]

    def pkcs11_tool(self, *arguments):
        return subprocess.run(["pkcs11-tool", "--module", appliance.MODULE, "--token-label",
                               "nisim", "--login", "--pin", appliance.PIN, *arguments],
                              env=self.appliance.environment, cwd=self.appliance.folder,
                              capture_output=True, text=True, check=False)

    def list_keys(self):
        """By label: what pkcs11-tool says of each secret key."""
        done = self.pkcs11_tool("--list-objects", "--type", "secrkey")
        self.assertEqual(done.returncode, 0, done.stderr)
        keys = {}
        for block in re.split(r"^(?=Secret Key Object)", done.stdout, flags=re.M)[1:]:
            values = dict(re.findall(r"^  (\w+): +(.*?)\s*$", block, re.M))
            keys[values["label"]] = dict(values, kind=block.splitlines()[0])
        return keys

    def test_listing(self):
        keys = self.list_keys()
        self.assertEqual(sorted(keys), sorted(self.labels))
        key = keys[self.labels[0]]
        self.assertIn("AES", key["kind"])
        self.assertEqual(key["Usage"], "encrypt")
        for key in keys.values():
            access = key["Access"].split(", ")
            self.assertIn("sensitive", access)
            self.assertNotIn("extractable", access)
        # An imported key was outside once, so the token never says this of K.
        for label in self.labels[1:]:
            self.assertIn("never extractable", keys[label]["Access"])
            self.assertIn("local", keys[label]["Access"])

    def test_pkcs11_tool_reads_and_wraps_nothing(self):
        key_id = self.list_keys()[self.labels[0]]["ID"]
        for arguments in (("--read-object", "--type", "secrkey", "--id", key_id),
                          ("--read-object", "--type", "secrkey", "--label", "nisim KEK"),
                          ("--wrap", "--mechanism", "AES-KEY-WRAP", "--id", key_id,
                           "--application-id", key_id)):
            with self.subTest(arguments=arguments):
                done = self.pkcs11_tool(*arguments, "--output-file", "taken")
                self.assertNotEqual(done.returncode, 0)
                self.assertFalse(os.path.exists(self.appliance.path("taken")))

    def refused(self, name, *arguments):
        result = self.module.call(name, self.module.session, *arguments)
        self.assertNotEqual(result, CKR_OK, name)
        return result

    def extractable_key(self):
        """Of the session: shows that what is refused for the others is asked in the right way."""
        key = Long()
        template = attributes(kind=bytes(Long(CKO_SECRET_KEY)), type=bytes(Long(CKK_AES)),
                              value=bytes(16), extractable=b"\1")
        self.module.sure("C_CreateObject", self.module.session, template, Long(len(template)),
                         ctypes.byref(key))
        return key

    def test_values_are_sensitive(self):
        for label in self.labels:
            result, value = self.module.read(self.module.find(label), CKA_VALUE)
            self.assertEqual((result, value), (CKR_ATTRIBUTE_SENSITIVE, None))

    def test_rights_of_k(self):
        key = self.module.find(self.labels[0])
        for kind, value in ((CKA_SENSITIVE, b"\1"), (CKA_EXTRACTABLE, b"\0"), (CKA_ENCRYPT, b"\1"),
                            (CKA_DECRYPT, b"\0"), (CKA_WRAP, b"\0"), (CKA_UNWRAP, b"\0"),
                            (CKA_SIGN, b"\0"), (CKA_DERIVE, b"\0")):
            self.assertEqual(self.module.read(key, kind), (CKR_OK, value), hex(kind))

    def test_nothing_wraps_a_key(self):
        wrapped = ctypes.create_string_buffer(256)
        wrapping = self.module.find("nisim KEK")
        self.module.sure("C_WrapKey", self.module.session,
                         ctypes.byref(Mechanism(CKM_AES_KEY_WRAP, None, 0)), wrapping,
                         self.extractable_key(), wrapped, ctypes.byref(Long(256)))
        self.assertNotEqual(wrapped.raw, bytes(256))
        ctypes.memset(wrapped, 0, 256)
        for label in self.labels:
            for kind in (CKM_AES_KEY_WRAP, CKM_AES_KEY_WRAP_PAD, CKM_AES_CBC):
                iv = bytes(16) if kind == CKM_AES_CBC else None
                mechanism = Mechanism(kind, iv, len(iv or b""))
                self.refused("C_WrapKey", ctypes.byref(mechanism), wrapping,
                             self.module.find(label), wrapped, ctypes.byref(Long(256)))
        self.assertEqual(wrapped.raw, bytes(256))

    def test_no_right_is_given_back(self):
        copy = Long()
        for label in self.labels:
            key = self.module.find(label)
            for change in (attributes(sensitive=b"\0"), attributes(extractable=b"\1")):
                self.refused("C_SetAttributeValue", key, change, Long(1))
                self.refused("C_CopyObject", key, change, Long(1), ctypes.byref(copy))
            result, value = self.module.read(key, CKA_VALUE)
            self.assertEqual((result, value), (CKR_ATTRIBUTE_SENSITIVE, None))

    def test_k_does_nothing_but_encrypt_blocks(self):
        key = self.module.find(self.labels[0])
        derived = Long()
        for kind, parameter in ((CKM_AES_ECB, None), (CKM_AES_CBC, bytes(16))):
            mechanism = Mechanism(kind, parameter, len(parameter or b""))
            self.refused("C_DecryptInit", ctypes.byref(mechanism), key)
        self.refused("C_EncryptInit", ctypes.byref(Mechanism(CKM_AES_CBC, bytes(16), 16)), key)
        self.refused("C_DeriveKey", ctypes.byref(Mechanism(CKM_AES_ECB_ENCRYPT_DATA, None, 0)), key,
                     None, Long(0), ctypes.byref(derived))
        self.assertEqual(derived.value, 0)
        block = ctypes.create_string_buffer(16)
        self.module.sure("C_EncryptInit", self.module.session,
                         ctypes.byref(Mechanism(CKM_AES_ECB, None, 0)), key)
        self.module.sure("C_Encrypt", self.module.session, bytes(16), Long(16), block,
                         ctypes.byref(Long(16)))


if __name__ == "__main__":
    appliance.main()
