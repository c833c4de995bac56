"""django-oci on loopback, behind gunicorn: a third registry that this project did not write.

It says no Docker-Content-Digest and no size of a manifest, ignores Range, and cannot take what skopeo pushes.
"""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.real import uploads
from tests.real.installations import installed
from tests.real.processes import running

REQUIREMENTS = ("django-oci==0.0.17", "Django<6", "gunicorn")
REPOSITORY = "real/shop"

_SITE = """\
SECRET_KEY = "none"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "site_urls"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "site.db"}}
INSTALLED_APPS = [
    "django.contrib.contenttypes", "django.contrib.auth", "rest_framework", "rest_framework.authtoken", "django_oci",
]
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
MIDDLEWARE = []
DJANGO_OCI = {"DISABLE_AUTHENTICATION": True, "VIEW_RATE_LIMIT": "1000000/s", "MEDIA_ROOT": "images"}
"""
_URLS = """\
from django.urls import include, path
urlpatterns = [path("", include("django_oci.urls"))]
"""
# Who is not signed in can push, but not to a repository that is new.
_PREPARE = f"""\
import django
from django.core.management import call_command
django.setup()
call_command("migrate", run_syncdb=True, verbosity=0)
from django_oci.models import Repository
Repository.objects.create(name="{REPOSITORY}")
"""


@dataclass(frozen=True)
class DjangoOci:
    host: str

    def put(self, layout: Path, tag: str, manifest: bytes, media_type: str) -> str:
        """Put an image whose blobs lie in a layout, and return its reference."""
        uploads.put_image(f"http://{self.host}", f"{REPOSITORY}:{tag}", layout, manifest, media_type)
        return f"{self.host}/{REPOSITORY}:{tag}"


@contextmanager
def serve(directory: Path) -> Iterator[DjangoOci]:
    programs = installed(*REQUIREMENTS)
    (directory / "site_settings.py").write_text(_SITE, encoding="utf-8")
    (directory / "site_urls.py").write_text(_URLS, encoding="utf-8")
    environment = {**os.environ, "HOME": str(directory), **_site(directory)}
    prepare = [str(programs / "python"), "-c", _PREPARE]
    subprocess.run(prepare, cwd=directory, env=environment, check=True, timeout=120)
    command: list[str | Path] = [
        *(programs / "gunicorn", "--chdir", directory, "--bind=127.0.0.1:0", "--threads=4"),
        "django.core.wsgi:get_wsgi_application()",
    ]
    says = r"Listening at: http://(127\.0\.0\.1:\d+)"
    with running(command, log=directory / "registry.log", says=says, environment=environment) as server:
        yield DjangoOci(server.host)


def _site(directory: Path) -> Mapping[str, str]:
    return {"PYTHONPATH": str(directory), "DJANGO_SETTINGS_MODULE": "site_settings"}
