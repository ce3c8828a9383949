"""Files for `nisim-token import`, and what an appliance needs to take them."""

import base64
import hashlib

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.keywrap import aes_key_wrap, aes_key_wrap_with_padding

import pkcs11
from appliance import DOMAIN, MODULE, PIN, Subscriber

KEY_NAME = "vendor"
TRANSPORT = hashlib.sha256(b"transport key of the vendor").digest()
COLUMNS = ("impi", "impus", "user_ids", "domain", "k", "opc", "kcv")


def subscriber(number, name=None):
    secret = hashlib.sha256(b"%d" % number).digest()
    name = name or f"u{number:06}"
    return Subscriber((name, f"+1555{number:07}"), f"{name}@{DOMAIN}", secret[:16], secret[16:])


def kcv(key):
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    return encryptor.update(bytes(16))[:3].hex()


def wrap(key, padded=False):
    return (aes_key_wrap_with_padding if padded else aes_key_wrap)(TRANSPORT, key)


def fields(who, wrapped=True, **change):
    """One line of a CSV file, as a dictionary."""
    of = wrap if wrapped else bytes
    line = {"impi": who.impi, "impus": f"sip:{who.impi} tel:+1", "user_ids": "|".join(who.user_ids),
            "domain": who.domain, "k": of(who.k).hex(), "opc": base64.b64encode(of(who.opc)).decode(),
            "kcv": kcv(who.k)}
    return {**line, **change}


def csv(lines, columns=COLUMNS, end="\n"):
    return end.join([",".join(columns), *(",".join(line[name] for name in columns) for line in lines),
                     ""])


def make_transport_key(lab, name=KEY_NAME, value=TRANSPORT, wraps=False):
    pkcs11.transport_key(MODULE, lab.path("softhsm2.conf"), "nisim", PIN, name, value, wraps)


PSKC = """<?xml version="1.0" encoding="UTF-8"?>
<KeyContainer Version="1.0" xmlns="urn:ietf:params:xml:ns:keyprov:pskc"
  xmlns:ds="http://www.w3.org/2000/09/xmldsig#" xmlns:xenc="http://www.w3.org/2001/04/xmlenc#"
  xmlns:nisim="urn:nisim:pskc:1">
<EncryptionKey><ds:KeyName>{name}</ds:KeyName></EncryptionKey>
{packages}</KeyContainer>
"""
PACKAGE = """<KeyPackage><Key Id="{impi}" Algorithm="urn:nisim:pskc:1:milenage"><Data>
<Secret>{k}</Secret><nisim:OPc>{opc}</nisim:OPc></Data>
<Extensions><nisim:Subscription><nisim:Impu>sip:{impi}</nisim:Impu>
<nisim:UserIdentity>{user}</nisim:UserIdentity><nisim:Domain>{domain}</nisim:Domain>
<nisim:Kcv>{kcv}</nisim:Kcv></nisim:Subscription></Extensions></Key></KeyPackage>
"""
KW = "http://www.w3.org/2001/04/xmlenc#kw-aes256"
KW_PAD = "http://www.w3.org/2009/xmlenc11#kw-aes-256-pad"
CBC = "http://www.w3.org/2001/04/xmlenc#aes128-cbc"


def encrypted(value, method):
    return (f'<EncryptedValue><xenc:EncryptionMethod Algorithm="{method}"/><xenc:CipherData>'
            f"<xenc:CipherValue>{base64.b64encode(value).decode()}</xenc:CipherValue>"
            "</xenc:CipherData></EncryptedValue>")


def package(who, method=KW):
    padded = method == KW_PAD
    return PACKAGE.format(impi=who.impi, user=who.user_ids[0], domain=who.domain, kcv=kcv(who.k),
                          k=encrypted(wrap(who.k, padded), method),
                          opc=encrypted(wrap(who.opc, padded), method))


def pskc(packages, name=KEY_NAME):
    return PSKC.format(name=name, packages="".join(packages))
