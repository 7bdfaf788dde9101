import hashlib

import pytest

from tasks.cache_check import drop_damaged


@pytest.fixture
def cache(tmp_path):
    (tmp_path / "cache").mkdir()
    return tmp_path / "cache"


def put(cache, content: bytes, name: str = ""):
    digest = hashlib.md5(content).hexdigest()
    path = cache / "files" / "md5" / digest[:2] / (digest[2:] + name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o444)
    return path


def damage(path):
    path.chmod(0o644)
    path.write_bytes(b"?" * path.stat().st_size)
    path.chmod(0o444)


def test_sound_files_and_folders_are_kept(cache, tmp_path):
    kept = [put(cache, b"weights"), put(cache, b"[]", ".dir")]
    assert drop_damaged(cache, tmp_path / "record") == []
    assert all(path.exists() for path in kept)


def test_a_damaged_file_is_deleted_and_named(cache, tmp_path):
    path = put(cache, b"weights")
    damage(path)
    assert drop_damaged(cache, tmp_path / "record") == [hashlib.md5(b"weights").hexdigest()]
    assert not path.exists()


def test_a_file_that_dvc_is_writing_is_left_to_it(cache, tmp_path):
    path = put(cache, b"half").with_name(".aBc.tmp")
    path.write_bytes(b"half of the weights")
    assert drop_damaged(cache, tmp_path / "record") == []
    assert path.exists()


def test_damage_after_a_file_was_found_sound_is_noticed(cache, tmp_path):
    path = put(cache, b"weights")
    drop_damaged(cache, tmp_path / "record")
    damage(path)
    assert drop_damaged(cache, tmp_path / "record") != []


def test_an_unreadable_record_only_means_that_all_is_read_again(cache, tmp_path):
    damage(put(cache, b"weights"))
    (tmp_path / "record").write_text("{")
    assert len(drop_damaged(cache, tmp_path / "record")) == 1


def test_a_workspace_without_a_cache_has_no_damage(tmp_path):
    assert drop_damaged(tmp_path / "nowhere", tmp_path / "record") == []
