"""Puts the kit's channel that encrypts nothing in place of the sealed one, in every Python process with this on PYTHONPATH."""

import protocol.channel
from tests.kit.null import NullChannel

protocol.channel.SealedChannel = NullChannel
