// SPDX-License-Identifier: Apache-2.0
// A browser of Debian's on a hub's console, for the tests and pictures here. Anything the browser complains of is kept.
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";

export const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

export function haveBrowser() {
  return existsSync(CHROMIUM);
}

export async function open(words = {}) {
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1280, height: 860 }, reducedMotion: "reduce", ...words });
  const complaints = [];

  context.on("page", (page) => {
    page.on("console", (message) => {
      if (message.type() === "error" && !/the server responded with a status of/.test(message.text())) complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("dialog", (dialog) => {
      complaints.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
  });
  return { browser, context, complaints };
}

export async function signIn(page, url, login, password) {
  await page.goto(url);
  await page.locator("input[name=username]").fill(login);
  await page.locator("input[name=password]").fill(password);
  await page.locator("button.main").click();
  await page.locator("main").waitFor();
}

/** Nothing loads any more. */
export async function settle(page) {
  await page.waitForFunction(() => !document.querySelector(".quiet[role=status], [aria-busy=true]"), undefined, { timeout: 20000 });
}
