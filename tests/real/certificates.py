"""A certificate authority that nobody trusts but those who are told to, and what it vouches for."""

import datetime as dt
import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Authority:
    """Its certificate lies in a file that can be given to clients as a bundle."""

    bundle: Path
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def issue(self, *names: str, last_day: int = 1) -> dict[str, str]:
        """Vouch for a server of these names until a day from now on, and give its files as docker-registry wants."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            _builder(names[0], self.certificate.subject, key, last_day)
            .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(_identifier(self.key), critical=False)
        )
        place = self.bundle.parent / f"{names[0]}.{last_day}"
        certificate, secret = place.with_suffix(".crt"), place.with_suffix(".key")
        certificate.write_bytes(builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM))
        secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return {"certificate": str(certificate), "key": str(secret)}


def make_authority(directory: Path) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"tests of ocinb in {directory.name}")])
    builder = (
        _builder(f"tests of ocinb in {directory.name}", name, key, last_day=1)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    certificate = builder.sign(key, hashes.SHA256())
    bundle = directory / "authority.pem"
    bundle.write_bytes(certificate.public_bytes(Encoding.PEM))
    return Authority(bundle, certificate, key)


def _builder(name: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, last_day: int) -> x509.CertificateBuilder:
    today = dt.datetime.now(dt.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    return (
        x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - dt.timedelta(days=10))
        .not_valid_after(today + dt.timedelta(days=last_day))
    )


def _identifier(key: ec.EllipticCurvePrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _usage() -> x509.KeyUsage:
    others: dict[str, Any] = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only"), False
    )
    return x509.KeyUsage(digital_signature=True, key_cert_sign=True, crl_sign=True, decipher_only=False, **others)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
