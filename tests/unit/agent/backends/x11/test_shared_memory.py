import pytest
import xcffib.shm
import xcffib.xproto

from agent.backends.x11.connection import X11Connection
from agent.backends.x11.shared_memory import SharedPixels
from protocol.errors import Unavailable

pytestmark = pytest.mark.display


def test_the_server_writes_and_this_process_reads(connection: X11Connection) -> None:
    extension = connection.extension(xcffib.shm.key, "MIT-SHM")
    shared = SharedPixels(connection, extension, 64)
    shared.pixels[:] = 0x11111111
    z_pixmap = xcffib.xproto.ImageFormat.ZPixmap
    extension.GetImage(connection.root, 0, 0, 8, 8, 0xFFFFFFFF, z_pixmap, shared.identifier, 0).reply()
    assert (shared.pixels != 0x11111111).all()
    shared.close()
    shared.close()
    assert shared.pixels.size == 0


def test_more_memory_than_there_is_is_unavailable(connection: X11Connection) -> None:
    with pytest.raises(Unavailable, match="shared memory"):
        SharedPixels(connection, connection.extension(xcffib.shm.key, "MIT-SHM"), 2**58)
