// Every page has an address, and no other address has a page.
import assert from "node:assert/strict";
import { test } from "node:test";

import { SETTINGS_PARTS, routeOf } from "../../technician_client/console/web/js/router.js";

test("addresses lead to pages", () => {
  assert.deepEqual(["", "#", "#/", "/"].map((hash) => routeOf(hash).page), ["home", "home", "home", "home"]);
  assert.deepEqual(routeOf("#/session/aB-9_x"), { page: "session", name: "aB-9_x" });
  assert.deepEqual(routeOf("#/library"), { page: "library" });
  assert.deepEqual(routeOf("#/library/empty-trash"), { page: "fix", id: "empty-trash" });
  assert.deepEqual(routeOf("#/library/runs/x1"), { page: "run", name: "x1" });
  assert.deepEqual(routeOf("#/settings"), { page: "settings", part: SETTINGS_PARTS[0] });
  assert.deepEqual(routeOf("#/settings/about"), { page: "settings", part: "about" });
});

test("what is no address of ours leads nowhere", () => {
  for (const hash of ["#/x", "#/session/", "#/session/<b>", "#/library/../x", "#/library/UPPER", "#/settings/x", "#/library/runs/", "#//"]) {
    assert.equal(routeOf(hash).page, hash === "#//" ? "home" : "nowhere", hash);
  }
});
