"""Enrolment: a request to the signer, an answer to whoever holds the poll token."""

from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from protocol.errors import RefusalReason
from protocol.limits import LIMITS
from protocol.link_messages import Done, MailAck, MailDeliver, MailSend
from relay.config import Bounds
from relay.metrics import Loss, Refusal
from tests.kit.organisation import Organisation
from tests.kit.relays import serving

DOCUMENT = b"\x93tagged document \x00\xff"


def post(org: Organisation, **changes: Any) -> dict[str, Any]:
    return {"organisation": org.id, "token_id": "0" * 16, "kind": "device", "request": b64encode(DOCUMENT).decode(), **changes}


async def status(http: ClientSession, body: dict[str, Any]) -> int:
    async with http.post("/api/v1/enrolments", json=body) as answer:
        return answer.status


async def enrol(http: ClientSession, org: Organisation) -> dict[str, str]:
    async with http.post("/api/v1/enrolments", json=post(org)) as answer:
        assert answer.status == 202
        taken: dict[str, str] = await answer.json()
        return taken


async def poll(http: ClientSession, taken: dict[str, str], token: str = "") -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {token or taken['poll_token']}"}
    async with http.get(f"/api/v1/enrolments/{taken['enrolment']}", headers=headers) as answer:
        return answer.status, await answer.json(content_type=None)


async def test_from_request_to_answer(tmp_path: Path) -> None:
    org = Organisation()
    async with serving(tmp_path) as client, client.http() as http:
        await client.register(org)
        taken = await enrol(http, org)
        assert await poll(http, taken) == (200, {"status": "waiting"})
        signer = await client.login(org.signer())
        mail = await signer.receive(MailDeliver)
        assert (mail.kind, mail.sender, mail.body) == ("enrolment", "enrolment" + taken["enrolment"], DOCUMENT)
        await signer.request(MailSend(7, mail.sender, "enrolment.answer", b"\x00chain"), Done)
        await signer.send(MailAck(mail.mail))
        code, answer = await poll(http, taken)
        assert (code, answer["status"], b64decode(answer["answer"])) == (200, "answered", b"\x00chain")
        await signer.request(MailSend(8, mail.sender, "enrolment.answer", b"again"), Done)
        assert b64decode((await poll(http, taken))[1]["answer"]) == b"again"


async def test_only_the_poll_token_reads_the_answer(tmp_path: Path) -> None:
    org = Organisation()
    async with serving(tmp_path) as client, client.http() as http:
        await client.register(org)
        one, two = await enrol(http, org), await enrol(http, org)
        assert (await poll(http, one, two["poll_token"]))[0] == 404
        assert (await poll(http, one, "guess"))[0] == 404
        assert (await poll(http, {"enrolment": "0" * 24, "poll_token": "x"}))[0] == 404
        assert client.relay.metrics.refused(Refusal.POLL_TOKEN) == 3
        assert (await poll(http, one))[0] == 200


async def test_only_the_organisations_own_signer_answers(tmp_path: Path) -> None:
    org, other = Organisation(), Organisation()
    async with serving(tmp_path) as client, client.http() as http:
        await client.register(org)
        await client.register(other)
        taken = await enrol(http, org)
        to = "enrolment" + taken["enrolment"]
        stranger, device = await client.login(other.signer()), await client.login(org.device())
        assert (await stranger.refused(MailSend(1, to, "enrolment.answer", b"x"))).reason is RefusalReason.NOT_FOUND
        assert (await device.refused(MailSend(1, to, "enrolment.answer", b"x"))).reason is RefusalReason.NOT_FOUND
        assert (await poll(http, taken))[1] == {"status": "waiting"}


async def test_what_is_no_enrolment_is_refused(tmp_path: Path) -> None:
    org = Organisation()
    async with serving(tmp_path, bounds=Bounds(enrolments_per_minute=100)) as client, client.http() as http:
        await client.register(org)
        assert await status(http, post(org, kind="administrator")) == 400
        assert await status(http, post(org, organisation="../etc")) == 400
        assert await status(http, post(org, request="")) == 400
        assert await status(http, post(org, request="!!!")) == 400
        assert await status(http, post(org, request=b64encode(b"x" * 20_000).decode())) == 413
        assert await status(http, post(org, organisation="f" * 16)) == 404
        assert await status(http, post(org, kind="renewal", token_id="")) == 202


async def test_floods_are_bounded(tmp_path: Path) -> None:
    org = Organisation()
    async with serving(tmp_path, bounds=Bounds(waiting_enrolments=2, enrolments_per_minute=4)) as client, client.http() as http:
        await client.register(org)
        assert [await status(http, post(org)) for _ in range(5)] == [202, 202, 503, 503, 429]
        assert client.relay.metrics.refused(Refusal.MAILBOX_FULL) == 2
        assert client.relay.metrics.refused(Refusal.RATE) == 1


async def test_a_full_mailbox_takes_no_enrolment_and_leaves_no_trace(tmp_path: Path) -> None:
    org = Organisation()
    async with serving(tmp_path, bounds=Bounds(mailbox_documents_signer=1)) as client, client.http() as http:
        await client.register(org)
        assert [await status(http, post(org)) for _ in range(2)] == [202, 503]
        signer = await client.login(org.signer())
        await signer.send(MailAck((await signer.receive(MailDeliver)).mail))
        assert (await signer.refused(MailSend(3, "d", "job", b""))).reason is RefusalReason.NOT_FOUND
        assert await status(http, post(org)) == 202


async def test_old_requests_are_forgotten(tmp_path: Path) -> None:
    org = Organisation()
    async with serving(tmp_path) as client, client.http() as http:
        await client.register(org)
        taken = await enrol(http, org)
        client.clock.ahead += LIMITS.mailbox_seconds + 1
        await client.relay.announcer.tidy()
        assert (await poll(http, taken))[0] == 404
        assert client.relay.metrics.lost(Loss.ENROLMENT_EXPIRED) == 1
        assert client.relay.metrics.lost(Loss.MAIL_EXPIRED) == 1
