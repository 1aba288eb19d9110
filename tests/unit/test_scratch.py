"""Scratch folders: private, removed by their owner, swept when their owner is gone, never while it lives."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from watersmeet.scratch import ScratchFolder


def test_many_made_at_once_do_not_sweep_each_other(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: ScratchFolder(tmp_path, "wm-"), range(200)))
    assert all(folder.path.is_dir() for folder in made)
    for folder in made:
        folder.close()
    assert list(tmp_path.iterdir()) == []


def test_a_dead_owners_folder_is_swept_and_a_living_ones_is_not(tmp_path: Path) -> None:
    dead = tmp_path / "wm-dead"
    dead.mkdir()
    (dead / "rows").write_text("left behind")
    living = ScratchFolder(tmp_path, "wm-")
    assert not dead.exists()
    other = ScratchFolder(tmp_path, "wm-")
    assert living.path.is_dir() and living.path.stat().st_mode & 0o077 == 0
    living.close()
    other.close()
