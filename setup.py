"""Packaging: the rooms stand at the root of the repository; in the wheel they go inside the one package watersmeet."""

from glob import glob

from setuptools import Extension, find_packages, setup

rooms = find_packages(exclude=["bench*", "build*", "docs*", "tests*", "watersmeet*"])
# Optional: without a C compiler everything works, and reads take the slower path.
decoder = Extension(
    "watersmeet.connectors.native._rows",
    sorted(glob("connectors/native/*.c")),
    depends=sorted(glob("connectors/native/*.h")),
    extra_compile_args=["-O3", "-std=c11", "-fvisibility=hidden"],
    py_limited_api=True,
    optional=True,
)
setup(
    packages=["watersmeet", *(f"watersmeet.{room}" for room in rooms)],
    package_dir={f"watersmeet.{room}": room.replace(".", "/") for room in rooms},
    package_data={"": ["py.typed", "*.pyi"]},
    ext_modules=[decoder],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
