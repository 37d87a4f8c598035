"""What the relay counts. Every refusal and every loss has a name, and every name stands on /metrics from the start."""

from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

CONTENT_TYPE = CONTENT_TYPE_LATEST


class Refusal(StrEnum):
    """Why something was turned away. Values are the `reason` label of `handrail_relay_refusals_total`."""

    CONNECTIONS = "connections"  # more connections at once than configured, counted from the accept on
    CONNECTIONS_PER_ADDRESS = "connections_per_address"  # the same, from one address
    DESCRIPTORS = "descriptors"  # the system gives this process no more open files: raise its limit
    HANDSHAKE = "handshake"  # a TLS handshake that failed or was broken off
    HANDSHAKE_DEADLINE = "handshake_deadline"  # no complete TLS handshake within its time
    MALFORMED = "malformed"  # not an HTTP request, or one whose header is too large
    HEADER_DEADLINE = "header_deadline"  # no complete request header within its time
    LOGIN_BYTES = "login_bytes"  # more bytes than a login needs, before logging in
    LOGIN_DEADLINE = "login_deadline"  # no login within its time
    LOGIN_FAILED = "login_failed"  # signature, chain, organisation or message was wrong
    FAILED_LOGINS = "failed_logins"  # the address had too many failed logins in the last minute
    LINKS = "links"  # more links at once than configured
    GUESTS = "guests"  # more guests at once, in all or in one organisation, than configured
    GUEST_RATE = "guest_rate"  # more logins of guests in a minute from one address than configured
    GUEST_CODES = "guest_codes"  # a guest asked for more codes than one may
    ORIGIN = "origin"  # a web page (anything with an Origin header) asked
    NOT_PROXIED = "not_proxied"  # plain HTTP from an address that is not a trusted proxy
    NOT_ALLOWED = "not_allowed"  # /metrics from elsewhere
    BODY = "body"  # request body too large, too slow or not what was asked for
    RATE = "rate"  # more requests of this kind from one address than allowed
    DRAINING = "draining"  # the relay is stopping
    LINK_MESSAGE = "link_message"  # a link sent what it must not send
    REQUEST = "request"  # a link asked for what there is not: a device that is unknown or away, a recipient, an enrolment
    CODE_WRONG = "code_wrong"  # no such code in the technician's organisation
    CODE_LOCKED_TECHNICIAN = "code_locked_technician"  # this technician guessed too often
    CODE_LOCKED_ORGANISATION = "code_locked_organisation"  # this organisation guessed too often: alert on it
    TICKET = "ticket"  # tunnel ticket unknown, used or expired
    TUNNELS = "tunnels"  # more tunnels at once than configured
    TUNNELS_OF_TECHNICIAN = "tunnels_of_technician"  # one technician had as many open or asked for as one may
    TUNNELS_OF_DEVICE = "tunnels_of_device"  # the same of one device
    TUNNEL_TEXT = "tunnel_text"  # something other than a binary message in a tunnel
    TUNNEL_MESSAGE = "tunnel_message"  # a tunnel broke the WebSocket rules or the size bound
    UPLOAD_TICKET = "upload_ticket"  # PUT without a valid upload ticket
    REPOSITORY_FULL = "repository_full"  # the organisation's repository has reached its bound
    MAILBOX_FULL = "mailbox_full"  # the recipient's or the sender's bound of waiting documents
    REGISTRATION_TOKEN = "registration_token"  # noqa: S105 - a name, not a secret
    POLL_TOKEN = "poll_token"  # noqa: S105 - a name, not a secret


class Loss(StrEnum):
    """What was dropped after it had been accepted. Values are the `reason` label of `handrail_relay_losses_total`."""

    SLOW_LINK = "slow_link"  # a link's queue was full: the link was closed
    REPLACED_LINK = "replaced_link"  # the same peer logged in anew
    TUNNEL_UNPAIRED = "tunnel_unpaired"  # the other end never came
    TUNNEL_DRAINED = "tunnel_drained"  # cut because the relay stops
    TUNNEL_BROKEN = "tunnel_broken"  # an end vanished without closing
    CODE_EXPIRED = "code_expired"
    MAIL_EXPIRED = "mail_expired"
    ENROLMENT_EXPIRED = "enrolment_expired"
    INTERNAL_ERROR = "internal_error"  # a fault of the relay's own; the log has it


class Metrics:
    """One registry per relay, so that two relays in one process do not count together."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        counter, gauge = self._counter, self._gauge
        self._refusals = counter("refusals", "Turned away, by reason", "reason")
        self._losses = counter("losses", "Dropped after it was accepted, by reason", "reason")
        self.requests = counter("http_requests", "HTTP requests answered", "route", "status")
        self.connections = gauge("connections", "Open TCP connections, those in their TLS handshake included")
        self.handshakes = gauge("handshakes", "TLS handshakes in progress")
        self.links = gauge("links", "Logged-in links", "role")
        self.slowed = counter("slowed_messages", "Messages of links that came faster than allowed, and had to wait")
        self.logins = counter("logins", "Successful logins", "role")
        self.tunnels = gauge("tunnels", "Paired tunnels")
        self.tunnels_paired = counter("tunnels_paired", "Tunnels that were paired")
        self.tunnel_bytes = counter("tunnel_bytes", "Bytes forwarded unopened")
        self.tunnel_messages = counter("tunnel_messages", "Messages forwarded unopened")
        self.codes = counter("codes", "Codes by what became of them", "event")
        self.code_locked_organisations = gauge(
            "code_locked_organisations", "Organisations locked after wrong codes: alert on > 0"
        )
        self.mail = counter("mail", "Documents in mailboxes, by event", "event")
        self.uploads = counter("repository_uploads", "Files written by signers")
        self.pruned = counter("repository_pruned", "Superseded files removed")
        self.enrolments = counter("enrolments", "Enrolment requests accepted, by kind", "kind")
        self.draining = gauge("draining", "1 while the relay is stopping")
        for refusal in Refusal:
            self._refusals.labels(refusal.value)
        for loss in Loss:
            self._losses.labels(loss.value)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"handrail_relay_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"handrail_relay_{name}", text, labels, registry=self.registry)

    def refuse(self, reason: Refusal) -> None:
        """Count one refusal."""
        self._refusals.labels(reason.value).inc()

    def lose(self, reason: Loss, amount: int = 1) -> None:
        """Count `amount` losses."""
        self._losses.labels(reason.value).inc(amount)

    def refused(self, reason: Refusal) -> float:
        """How often `reason` was counted so far."""
        return self._value("handrail_relay_refusals_total", reason.value)

    def lost(self, reason: Loss) -> float:
        """How often `reason` was counted so far."""
        return self._value("handrail_relay_losses_total", reason.value)

    def _value(self, name: str, reason: str) -> float:
        return self.registry.get_sample_value(name, {"reason": reason}) or 0.0

    def exposition(self) -> bytes:
        """The Prometheus text format."""
        return generate_latest(self.registry)
