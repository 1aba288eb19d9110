"""Packaging: the rooms stand at the root of the repository; in the wheel they go inside the one package watersmeet."""

from setuptools import find_packages, setup

rooms = find_packages(exclude=["bench*", "build*", "docs*", "tests*", "watersmeet*"])
setup(
    packages=["watersmeet", *(f"watersmeet.{room}" for room in rooms)],
    package_dir={f"watersmeet.{room}": room.replace(".", "/") for room in rooms},
    package_data={"": ["py.typed", "*.pyi"]},
)
