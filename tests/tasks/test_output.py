from tasks.output import LineStream


def lines(*chunks: bytes, every: float = 5.0, step: float = 0.0) -> list[str]:
    stream = LineStream(every=every)
    out = []
    for at, chunk in enumerate(chunks):
        out += stream.feed(chunk, at * step)
    return out + list(stream.close(len(chunks) * step))


def test_plain_lines_pass_unchanged():
    assert lines(b"one\ntwo\n") == ["one", "two"]


def test_a_line_cut_across_reads_is_joined():
    assert lines(b"lo", b"ss 0.5\nne", b"xt") == ["loss 0.5", "next"]


def test_a_character_cut_across_reads_is_decoded():
    whole = "coverage ≥ 0.8\n".encode()
    assert lines(whole[:10], whole[10:]) == ["coverage ≥ 0.8"]


def test_bytes_that_are_no_text_do_not_stop_the_stream():
    assert lines(b"\xff\xfe broken\nfine\n") == ["\ufffd\ufffd broken", "fine"]


def test_windows_line_ends_are_no_progress_bars():
    assert lines(b"a\r", b"\nb\r\n") == ["a", "b"]


def test_a_progress_bar_is_thinned_out_and_its_last_form_is_kept():
    steps = [b"\r%d/100" % n for n in range(101)] + [b"\n"]
    assert lines(*steps, every=50.0, step=1.0) == ["0/100", "50/100", "100/100"]


def test_a_bar_that_never_ends_its_line_shows_its_last_form():
    assert lines(b"\r1/3", b"\r2/3", b"\r3/3") == ["1/3", "3/3"]


def test_colours_and_cursor_moves_are_removed():
    assert lines(b"\x1b[32mok\x1b[0m\x1b[K\n\x1b[A\x1b[2K\n") == ["ok"]


def test_one_endless_line_is_cut():
    assert [len(line) for line in lines(b"x" * 100_000)] == [4_000]
