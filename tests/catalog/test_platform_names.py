"""SQL and Python have one normal form of a platform."""

from __future__ import annotations

import itertools

import pandas as pd

import ocinb
from ocinb.spec.platforms import Platform
from tests.frames.facts import known

OSES = ["linux", "Linux", "windows", "macos", "MacOS", "darwin", "unknown", "", None]
ARCHITECTURES = [
    *("amd64", "AMD64", "x86_64", "x86-64", "386", "i386", "arm", "ARM", "armhf", "armel", "arm64", "aarch64"),
    *("riscv64", "s390x", "ppc64le", "odd one", "unknown", "", None),
]
VARIANTS = [
    *(None, "", "v1", "v2", "v3", "v5", "v6", "v7", "v8", "v9", "V8", "1", "7", "8", "8.0", "v8.0", "v8.1", "v8.10"),
    *("08", "v08.01", "v0", "v", "vv8", "v8x", "x8", "v8.", ".8", "v8.0.0", "rva20u64", "r5", "x.0", "odd one"),
]


def test_every_form_is_the_same_in_both() -> None:
    forms = list(itertools.product(OSES, ARCHITECTURES, VARIANTS))
    typed = pd.DataFrame(forms, columns=["os", "architecture", "variant"], dtype=object)
    assert len(typed) == len(OSES) * len(ARCHITECTURES) * len(VARIANTS)
    with ocinb.Catalog() as catalog:
        told = catalog.sql("SELECT *, normal_platform(os, architecture, variant) AS platform FROM typed")
    for row in told.itertuples(index=False):
        os, architecture, variant, platform = map(known, row)
        # What is missing in a document is read as unknown.
        parsed = Platform(os or "unknown", architecture or "unknown", variant)
        assert platform == (str(parsed) if parsed.known else None), row


def test_normal_forms_by_hand() -> None:
    forms = {
        ("linux", "amd64", None): "linux/amd64",
        ("linux", "amd64", "v1"): "linux/amd64",
        ("linux", "amd64", "v3"): "linux/amd64/v3",
        ("linux", "arm64", "v8"): "linux/arm64",
        ("linux", "arm64", "8"): "linux/arm64",
        ("linux", "arm64", "v9"): "linux/arm64/v9",
        ("linux", "arm", None): "linux/arm/v7",
        ("linux", "arm", "6"): "linux/arm/v6",
        ("Linux", "X86_64", ""): "linux/amd64",
        ("macos", "aarch64", None): "darwin/arm64",
        ("windows", "amd64", None): "windows/amd64",
        ("unknown", "unknown", None): None,
        ("linux", None, None): None,
    }
    with ocinb.Catalog() as catalog:
        for form, expected in forms.items():
            answer = catalog.sql("SELECT normal_platform($1, $2, $3) AS platform", list(form))
            assert known(answer["platform"][0]) == expected, form
