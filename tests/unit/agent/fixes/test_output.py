"""What a script prints arrives harmless, in pieces that fit, and never more than it may."""

from agent.fixes.output import FLOOD_LEAST, PIECE_CHARACTERS, OutputStream, StepOutput, Stream


def collect(max_bytes: int) -> tuple[StepOutput, list[tuple[Stream, str]]]:
    said: list[tuple[Stream, str]] = []
    return StepOutput(max_bytes, lambda stream, text: said.append((stream, text))), said


def test_controls_are_escaped_and_layout_is_kept() -> None:
    output, said = collect(1000)
    output.feed("stdout", b"one\n\ttwo\x1b[2J\x07\n")
    assert said == [("stdout", "one\n\ttwo\\x1b[2J\\x07\n")]


def test_a_character_cut_in_two_is_put_together() -> None:
    stream = OutputStream()
    data = "né日".encode()
    assert "".join([*(stream.feed(data[i : i + 1]) for i in range(len(data))), stream.feed(b"", last=True)]) == "né日"


def test_what_is_not_utf8_is_replaced() -> None:
    stream = OutputStream()
    assert stream.feed(b"a\xff\xfeb") + stream.feed(b"\xe6", last=True) == "a\ufffd\ufffdb\ufffd"


def test_line_ends_of_windows_become_newlines_also_when_cut() -> None:
    stream = OutputStream()
    assert stream.feed(b"a\r") + stream.feed(b"\nb\rc\r", last=False) + stream.feed(b"", last=True) == "a\nb\\x0dc\\x0d"


def test_both_streams_share_one_limit() -> None:
    output, said = collect(10)
    output.feed("stdout", b"123456")
    output.feed("stderr", b"abcdef")
    output.feed("stdout", b"more")
    assert said == [("stdout", "123456"), ("stderr", "abcd")]
    assert output.truncated and not output.flooding


def test_pieces_fit_a_message_even_when_every_byte_is_escaped() -> None:
    output, said = collect(100_000)
    output.feed("stdout", b"\x01" * 100_000)
    output.finish()
    assert max(len(text) for _, text in said) <= PIECE_CHARACTERS
    assert sum(len(text) for _, text in said) == 400_000
    assert not output.truncated


def test_a_flood_is_noticed() -> None:
    output, said = collect(1024)
    for _ in range(FLOOD_LEAST // 65536 + 1):
        output.feed("stdout", b"y\n" * 32768)
    assert output.flooding and output.truncated
    assert sum(len(text) for _, text in said) == 1024
