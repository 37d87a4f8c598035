// A second, independent reading of the golden vectors: MessagePack, frames, fingerprints, commitments and signatures
// as SPEC.md describes them, with nothing of the Python side between.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { X509Certificate, createHash, createHmac, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";

/** @param {string} name @returns {any} */
const load = (name) => JSON.parse(readFileSync(new URL(`../vectors/${name}`, import.meta.url), "utf-8"));
/** @param {string} hex */
const bytes = (hex) => Buffer.from(hex, "hex");
/** @param {...Uint8Array} parts */
const sha256 = (...parts) => createHash("sha256").update(Buffer.concat(parts)).digest();

/** Reads one MessagePack value; byte strings become {hex}, as in the vectors. */
class Reader {
  /** @param {Buffer} data */
  constructor(data) {
    this.data = data;
    this.at = 0;
  }

  /** @param {number} size */
  take(size) {
    assert.ok(this.at + size <= this.data.length, "cut short");
    this.at += size;
    return this.data.subarray(this.at - size, this.at);
  }

  /** @param {number} size */
  number(size) {
    return this.take(size).readUIntBE(0, size);
  }

  /** @param {number} count @returns {any[]} */
  list(count) {
    return Array.from({ length: count }, () => this.value());
  }

  /** @param {number} count @returns {Record<string, any>} */
  map(count) {
    return Object.fromEntries(Array.from({ length: count }, () => [this.value(), this.value()]));
  }

  /** @returns {any} */
  value() {
    const head = this.number(1);
    if (head < 0x80) return head;
    if (head < 0x90) return this.map(head & 15);
    if (head < 0xa0) return this.list(head & 15);
    if (head < 0xc0) return this.take(head & 31).toString("utf-8");
    if (head >= 0xe0) return head - 256;
    switch (head) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
        return { hex: this.take(this.number(1)).toString("hex") };
      case 0xc5:
        return { hex: this.take(this.number(2)).toString("hex") };
      case 0xcb:
        return this.take(8).readDoubleBE(0);
      case 0xcc:
        return this.number(1);
      case 0xcd:
        return this.number(2);
      case 0xce:
        return this.number(4);
      case 0xcf:
        return Number(this.take(8).readBigUInt64BE(0));
      case 0xd0:
        return this.take(1).readInt8(0);
      case 0xd1:
        return this.take(2).readInt16BE(0);
      case 0xd9:
        return this.take(this.number(1)).toString("utf-8");
      case 0xdc:
        return this.list(this.number(2));
      case 0xde:
        return this.map(this.number(2));
      default:
        throw new Error(`unexpected byte ${head}`);
    }
  }
}

for (const file of ["messages.json", "link_messages.json"]) {
  for (const entry of load(file)) {
    test(`${file}: ${entry.tag ?? entry.type}`, () => {
      const reader = new Reader(bytes(entry.hex));
      const value = reader.value();
      assert.deepEqual(value, entry.value);
      assert.equal(reader.at, reader.data.length);
      assert.equal(Array.isArray(value) ? value[0] : value.type, entry.tag ?? entry.type);
    });
  }
}

for (const entry of load("frames.json")) {
  test(`frame: ${entry.name}`, () => {
    const data = bytes(entry.hex);
    const length = data.readUIntBE(1, 3);
    const padding = data.readUInt16BE(4);
    assert.equal(data[0] >> 4, entry.kind);
    assert.equal(data[0] & 15, entry.lane);
    assert.equal(padding, entry.padding);
    assert.equal(data.length, 6 + length + padding);
    assert.equal(data.subarray(6, 6 + length).toString("hex"), entry.payload);
    assert.ok(data.subarray(6 + length).every((byte) => byte === 0));
    assert.ok(data.length >= 1024 || [64, 256].includes(data.length));
  });
}

for (const entry of load("pairing.json")) {
  test(`pairing: ${entry.sas}`, () => {
    const nonce = bytes(entry.technician_nonce);
    assert.equal(sha256(Buffer.from("handrail commit v1\0"), nonce).toString("hex"), entry.commit);
    const said = [nonce, bytes(entry.agent_nonce), bytes(entry.technician_key), bytes(entry.agent_key)];
    const tag = createHmac("sha256", bytes(entry.exporter))
      .update(Buffer.concat([Buffer.from("handrail sas v1\0"), ...said]))
      .digest();
    assert.equal(String(tag.readBigUInt64BE(0) % 1000000n).padStart(6, "0"), entry.sas);
  });
}

test("certificates: chains, names and the organisation's id", () => {
  const golden = load("certificates.json");
  const root = new X509Certificate(bytes(golden.root));
  const spki = root.publicKey.export({ type: "spki", format: "der" });
  assert.equal(sha256(spki).subarray(0, 8).toString("hex"), golden.organisation);
  assert.ok(root.verify(root.publicKey));
  assert.equal(root.subject, `CN=${golden.organisation_name}`);
  const labels = { device: "dev1.device", technician: "ana1.tech", signer: "signer" };
  for (const entry of golden.chains) {
    /** @type {X509Certificate[]} */
    const chain = entry.chain.map((/** @type {string} */ der) => new X509Certificate(bytes(der)));
    const path = [...chain, root];
    chain.forEach((certificate, index) => assert.ok(certificate.verify(path[index + 1].publicKey)));
    const role = /** @type {keyof typeof labels} */ (entry.role);
    assert.equal(chain[0].subjectAltName, `DNS:${labels[role]}.${golden.organisation}.handrail.invalid`);
  }
});

test("login: the signature covers origin, nonce and role", () => {
  const { login } = load("certificates.json");
  const parts = [Buffer.from("handrail login v1"), Buffer.from(login.origin), bytes(login.nonce), Buffer.from(login.role)];
  const payload = Buffer.concat(parts.flatMap((part, index) => (index ? [Buffer.of(0), part] : [part])));
  assert.equal(payload.toString("hex"), login.payload);
  const key = new X509Certificate(bytes(login.leaf)).publicKey;
  assert.ok(verify("sha256", payload, key, bytes(login.signature)));
  payload[20] ^= 1;
  assert.ok(!verify("sha256", payload, key, bytes(login.signature)));
});
