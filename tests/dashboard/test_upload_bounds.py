"""Uploads that no page reads stay within a bound, for each session and for all together."""

import pytest
from starlette.exceptions import HTTPException
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from dashboard.app import upload_bounds
from vgae_core.host.limits import ServerLimits


def file(name, size):
    return UploadedFileRec(file_id=name, name="x.csv", type="text/csv", data=b"x" * size)


@pytest.fixture
def manager():
    manager = MemoryUploadedFileManager("/upload")
    upload_bounds.bound(manager, ServerLimits(session_upload_bytes=100, all_upload_bytes=250))
    return manager


def kept(manager):
    return sum(len(one.data) for files in manager.file_storage.values() for one in files.values())


def test_a_session_keeps_so_many_bytes_and_no_more(manager):
    for i in range(3):
        manager.add_file("a", file(str(i), 30))
    for i in range(3, 9):
        with pytest.raises(HTTPException) as caught:
            manager.add_file("a", file(str(i), 30))
        assert caught.value.status_code == 413
    assert kept(manager) == 90
    manager.remove_file("a", "0")
    manager.add_file("a", file("again", 40))
    manager.add_file("a", file("again", 35))  # in place of the other
    assert kept(manager) == 95


def test_all_sessions_together_keep_so_many_and_give_them_back(manager):
    for session in "ab":
        manager.add_file(session, file("1", 100))
    with pytest.raises(HTTPException, match="too many uploads"):
        manager.add_file("c", file("1", 60))
    manager.remove_session_files("a")
    manager.add_file("c", file("1", 60))
    assert kept(manager) == 160


def test_bounding_twice_is_bounding_once(manager):
    bounded = manager.add_file
    upload_bounds.bound(manager, ServerLimits())
    assert manager.add_file is bounded
