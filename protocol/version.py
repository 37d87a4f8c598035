"""Version of the shared language.

`PROTOCOL` is one integer, raised whenever a peer must know that the other side understands something new. Both sides send
theirs in the first message and use the lower one; a side that cannot go as low as the other's refuses by name.

What a side says in a form that the lower one does not know is said in the older form (`protocol.messages.older`).

History:
    1  2026-11  first public wire: TLS 1.3 channel, lanes, capabilities one by one, screen, input, diagnostics, fixes, chat.
    2  2026-11  `input.key` of mode "auto"; capabilities in `hello` that the agent does not know are not asked for.
"""

from typing import Final

PROTOCOL: Final = 2
OLDEST_PROTOCOL: Final = 1
ALPN: Final = b"handrail/1"
PRODUCT: Final = "0.2.0"
