// SPDX-License-Identifier: Apache-2.0
// drive.mjs SETUP_LINK: what a new analyst does, from the one-time link to a finding that he calls false. TAP output. The hub that
// is asked for a restart gets a line "restart" on standard output and answers with its new URL on standard input.
import { createInterface } from "node:readline";
import { open, settle } from "./browser.mjs";

const link = process.argv[2];
let url = new URL(link).origin;
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const steps = [];
const step = (name, run) => steps.push({ name, run });
const HOSTILE = ["\"><img src=x onerror=alert(1)>", "<script>alert(1)</script>", "</script><script>alert(1)</script>", "javascript:alert(1)", "{{7*7}}",
  "<svg onload=alert(1)>", "\u202egnp.exe", "\x1b[2J", "=cmd|' /C calc'!A0", "/\\evil.example", "<a href=\"javascript:alert(1)\">x</a>", "&lt;b&gt;", "%3Cscript%3E", "' OR 1=1 --"];
const LOGIN = "duty", PASSWORD = "a password that only this test has";

const { browser, context, complaints } = await open();
const page = await context.newPage();
const main = page.locator("main");

function expect(good, words) {
  if (!good) throw new Error(words);
}

step("a one-time link sets the first password and signs in", async () => {
  await page.goto(link);
  await page.getByLabel("Your user name").fill(LOGIN);
  await page.getByLabel("Your name", { exact: true }).fill(HOSTILE[0]);
  await page.getByLabel("Password, at least").fill(PASSWORD);
  await page.locator("button.main").click();
  await main.waitFor();
  await settle(page);
  expect((await page.title()).startsWith("Now"), await page.title());
});
step("now says what waits, what changed and who is alive", async () => {
  for (const title of ["Waiting for a decision", "What changed most", "Sensors", "Packets, last 24 hours"]) await page.getByRole("region", { name: title }).waitFor();
});
step("events come without asking", async () => page.getByRole("status").filter({ hasText: /^live$/ }).waitFor());
step("a finding is opened and called false by the keyboard", async () => {
  await page.getByRole("link", { name: "Findings" }).first().click();
  await settle(page);
  await page.locator("tr.chosen").waitFor();
  await page.keyboard.press("j");
  await page.keyboard.press("k");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Evidence" }).waitFor();
  await page.keyboard.press("f");
  await page.locator("tr.chosen .tag.done").filter({ hasText: "false" }).waitFor();
});
step("hostile words in a comment are only words", async () => {
  for (const words of HOSTILE) {
    await page.locator("#comment").fill(words);
    await page.getByRole("button", { name: "Add" }).click();
    await page.waitForFunction(() => document.querySelector("#comment")?.value === "");
  }
  await settle(page);
  const text = await page.getByRole("region", { name: "Finding", exact: true }).innerText();
  for (const words of HOSTILE.filter((one) => !/[\x1b\u202e]/.test(one))) expect(text.includes(words), `${words} is not shown as it is`);
  expect((await page.locator("main img, main script, main svg[onload], main a[href^=javascript]").count()) === 0, "an element came of words");
});
step("a port, an address with noise around it", async () => {
  await page.getByRole("searchbox").fill("23/tcp");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "23/tcp" }).waitFor();
  await settle(page);
  await page.getByRole("searchbox").fill(" hxxp://203[.]0[.]113[.]7. ");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "203.0.113.7" }).waitFor();
  await settle(page);
});
step("the observatory keeps every choice in the URL", async () => {
  await page.getByRole("link", { name: "Observatory" }).first().click();
  await settle(page);
  await page.getByRole("button", { name: "30 days" }).click();
  await page.getByRole("button", { name: "Flows" }).click();
  await settle(page);
  expect(page.url().includes("span=30d") && page.url().includes("of=flows"), page.url());
  await page.reload();
  await settle(page);
  expect((await page.getByRole("button", { name: "30 days" }).getAttribute("aria-pressed")) === "true", "the choice is gone");
});
step("Japanese is chosen and kept", async () => {
  await page.getByRole("link", { name: "Settings" }).first().click();
  await page.getByRole("button", { name: "日本語" }).click();
  await page.getByRole("heading", { name: "設定" }).first().waitFor();
  await page.reload();
  await page.getByRole("link", { name: "検知事象" }).first().waitFor();
  await page.getByRole("button", { name: "English" }).click();
});
step("a restart of the hub is survived, and seen", async () => {
  console.log("# restart");
  process.stdout.write("restart\n");
  const told = (await lines.next()).value;
  expect(told === url, `the hub came back at ${told}`);
  await page.getByRole("status").filter({ hasText: /^live$/ }).waitFor({ timeout: 30000 });
});
step("no page is wider than a telephone", async () => {
  await page.setViewportSize({ width: 360, height: 740 });
  for (const view of ["now", "observatory", "findings", "sensors", "asks", "settings"]) {
    await page.goto(`${url}/#/${view}`);
    await settle(page);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth && [...document.querySelectorAll("main *")].filter((one) => one.getBoundingClientRect().right > innerWidth && !one.closest(".wide-table, svg, .u-wrap")).map((one) => `${one.tagName}.${one.className}`).slice(0, 5).join(" "));
    expect(wide === false, `${view} is wider: ${wide}`);
  }
});
step("signing out ends it", async () => {
  await page.setViewportSize({ width: 1280, height: 860 });
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.locator("input[name=password]").waitFor();
});
step("the browser complained of nothing", async () => {
  const real = complaints.filter((one) => !/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|ERR_NETWORK|ERR_EMPTY_RESPONSE/.test(one)); // the restart
  expect(real.length === 0, real.join("; "));
});

console.log(`1..${steps.length}`);
let failed = 0;
for (const [at, one] of steps.entries()) {
  try {
    await one.run();
    console.log(`ok ${at + 1} - ${one.name}`);
  } catch (why) {
    failed++;
    console.log(`not ok ${at + 1} - ${one.name}\n# ${String(why).replace(/\n/g, "\n# ")}\n# ${page.url()}`);
  }
}
await browser.close();
process.exit(failed > 0 ? 1 : 0);
