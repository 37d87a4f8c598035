"""Every bound of the wire in one place: sizes in bytes, times in seconds. Checked before anything is read or allocated."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds both ends keep. Tests build smaller ones; the product uses `LIMITS`."""

    # sealed channel
    handshake_seconds: float = 15.0
    handshake_bytes: int = 64 * 1024
    # frames
    fragment_bytes: int = 32 * 1024
    message_bytes_input: int = 16 * 1024
    message_bytes_control: int = 4 * 1024 * 1024
    message_bytes_screen: int = 48 * 1024 * 1024
    message_bytes_bulk: int = 1024 * 1024
    credit_window_screen: int = 64 * 1024 * 1024
    credit_window_bulk: int = 4 * 1024 * 1024
    credit_window_control: int = 8 * 1024 * 1024
    # session
    hello_seconds: float = 15.0
    consent_seconds: float = 180.0
    recheck_seconds: float = 300.0
    ping_seconds: float = 10.0
    silence_seconds: float = 45.0
    reason_chars: int = 500
    text_chars: int = 4000
    label_chars: int = 100
    # link to the relay
    link_message_bytes: int = 256 * 1024
    link_login_bytes: int = 4 * 1024
    link_login_seconds: float = 10.0
    link_heartbeat_seconds: float = 20.0
    ticket_seconds: float = 60.0
    code_seconds: float = 600.0
    code_wrong_per_technician: int = 5
    code_wrong_per_organisation: int = 50
    code_window_seconds: float = 600.0
    guest_seconds: float = 3600.0
    mailbox_document_bytes: int = 128 * 1024
    mailbox_documents: int = 200
    mailbox_seconds: float = 14 * 86400.0
    # repository
    repository_file_bytes: int = 1024 * 1024
    # screen
    screen_width: int = 16384
    screen_height: int = 16384
    screen_pixels: int = 48 * 1024 * 1024
    cursor_side: int = 256

    def shows(self, width: int, height: int) -> bool:
        """Whether a picture of this size is shown: each side, and all its pixels (four bytes each at the technician's)."""
        return width <= self.screen_width and height <= self.screen_height and width * height <= self.screen_pixels


LIMITS = Limits()
