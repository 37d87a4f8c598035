"""Where each waiting device stands in its organisation's queue: told to it whenever that changes."""

from protocol.link_messages import HelpPlace
from relay.codes import CodeBook
from relay.links import Link, LinkHub


class Places:
    """Tells devices their place. Guests are in nobody's list and are told nothing; who is offline stands before nobody."""

    def __init__(self, hub: LinkHub, codes: CodeBook) -> None:
        self._hub = hub
        self._codes = codes
        self._told: dict[tuple[str, str], tuple[Link, HelpPlace]] = {}

    def tell(self) -> None:
        """Every device whose place is another than it was told last."""
        counted: dict[str, list[tuple[str, int, Link]]] = {}
        for code in self._codes.standing():
            link = self._hub.device(code.organisation, code.device)
            if link is not None:
                counted.setdefault(code.organisation, []).append((code.device, code.request, link))
        told: dict[tuple[str, str], tuple[Link, HelpPlace]] = {}
        for organisation, queue in counted.items():
            for ahead, (device, request, link) in enumerate(queue):
                place = HelpPlace(request, ahead, len(queue))
                if self._told.get((organisation, device)) != (link, place):
                    link.post(place)
                told[organisation, device] = (link, place)
        self._told = told
