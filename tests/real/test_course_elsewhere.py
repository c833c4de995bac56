"""The course runs unchanged on any other image, once its parameter names one."""

from pathlib import Path

import pytest

from tests import lessons
from tests.real.realimages import RealImages

pytestmark = pytest.mark.real

# With an index and without one, with Docker's media types, and with whiteouts of directories among 8,000 files.
CASES = [
    ("00", "index", ("downloaded",)),
    ("00", "busybox_docker", ("downloaded",)),
    ("01", "index", ("(200, 'OK')", "linux/amd64", "by hand and by ocinb: the same")),
    ("01", "busybox_docker", ("docker.distribution.manifest.v2+json", "by hand and by ocinb: the same")),
    ("02", "debian_oci", ("usr/share/.wh.doc", "with layer 4: ")),
    ("03", "index", ("srv/shop/secret",)),
    ("04", "index", ("real/multi",)),
    ("05", "index", ("real/multi",)),
]


@pytest.mark.parametrize(("number", "name", "figures"), CASES)
def test_it_runs_on_an_image_of_a_real_registry(
    number: str, name: str, figures: tuple[str, ...], real_images: RealImages, tmp_path: Path
) -> None:
    image = getattr(real_images, name)
    parameter = {image.rpartition(":")[0]: "*"} if number == "04" else image
    [lesson] = [lesson for lesson in lessons.LESSONS if lesson.name.startswith(number)]
    shown = lessons.shown(lessons.run(lesson, tmp_path, parameter=parameter))
    assert [figure for figure in figures if figure not in shown] == []
    assert "Error" not in shown
    assert lessons.asked(tmp_path) == []
