"""Who may enter a docker-registry: htpasswd files, with bcrypt as it asks for, or whom a token service lets in."""

import base64
from pathlib import Path

import bcrypt

from tests.real.dockerregistry import Section
from tests.tokenserver import ISSUER, TokenServer

Pair = tuple[str, str]

ADA: Pair = ("ada", "s3cret-of-ada")
# What passwords are in real life: with a colon, which ends a user's name, and with letters that are no ASCII.
BERT: Pair = ("bert", "a:b=c, ünd “mehr”")


def section(directory: Path, *pairs: Pair) -> Section:
    """Write who may enter, and give what a registry's configuration has to say of it."""
    file = directory / "htpasswd"
    file.write_text("".join(f"{user}:{_hashed(secret)}\n" for user, secret in pairs or (ADA, BERT)), encoding="utf-8")
    return {"auth": {"htpasswd": {"realm": "tests", "path": str(file)}}}


def token_section(tokens: TokenServer) -> Section:
    """Give what a registry's configuration has to say to believe a token service."""
    return {
        "realm": tokens.realm,
        "service": tokens.service,
        "issuer": ISSUER,
        "rootcertbundle": str(tokens.certificate),
    }


def basic(pair: Pair) -> str:
    return base64.b64encode(":".join(pair).encode()).decode()


def _hashed(secret: str) -> str:
    # As cheap as it can be: it is asked for at every request.
    return bcrypt.hashpw(secret.encode(), bcrypt.gensalt(rounds=4)).decode()
