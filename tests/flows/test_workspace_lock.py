"""Who may be in a workspace at once."""

import pytest

from flows.workspace_lock import WorkspaceBusyError, held, is_laid_out, note_layout, shared


def test_several_share_a_workspace_and_none_holds_it_alone_meanwhile(tmp_path) -> None:
    with shared(tmp_path, print), shared(tmp_path, print), pytest.raises(WorkspaceBusyError):  # noqa: SIM117
        with held(tmp_path, "skip", print):
            pass
    with held(tmp_path, "skip", print):
        pass


def test_what_a_workspace_was_laid_out_for_is_forgotten_when_it_is_held_again(tmp_path) -> None:
    with held(tmp_path, "skip", print):
        note_layout(tmp_path, "x")
    with shared(tmp_path, print):
        assert (is_laid_out(tmp_path, "x"), is_laid_out(tmp_path, "y")) == (True, False)
    with held(tmp_path, "skip", print):
        assert not is_laid_out(tmp_path, "x")
