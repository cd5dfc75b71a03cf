// SPDX-License-Identifier: Apache-2.0
// shots.mjs URL LOGIN PASSWORD DIR: every view, in both languages and both appearances, as DIR/VIEW-LANG-THEME.png. Fails on an
// error in a page, on a word that is missing, and on a page that is wider than its window.
import { mkdirSync } from "node:fs";
import { open, settle, signIn } from "./browser.mjs";

const [url, login, password, dir] = process.argv.slice(2);
const views = ["now", "observatory", "findings", "thing/23%2Ftcp", "sensors", "asks", "settings"];
const faults = [];

mkdirSync(dir, { recursive: true });
for (const language of ["en", "ja"])
  for (const theme of ["light", "dark"]) {
    const { browser, context, complaints } = await open({ locale: language === "ja" ? "ja-JP" : "en-GB", colorScheme: theme });
    const page = await context.newPage();

    await signIn(page, url, login, password);
    for (const view of views) {
      const name = `${view.split("/")[0]}-${language}-${theme}`;

      await page.goto(`${url}/#/${view}`);
      await settle(page).catch(() => faults.push(`${name}: still loading`));
      await page.waitForTimeout(400);
      for (const alert of await page.locator("[role=alert]").allTextContents()) faults.push(`${name}: ${alert}`);
      if (/undefined|\[object Object\]|NaN/.test(await page.locator("main").innerText())) faults.push(`${name}: a text is missing`);
      if (await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)) faults.push(`${name}: wider than its window`);
      await page.screenshot({ path: `${dir}/${name}.png`, fullPage: true });
    }
    for (const complaint of complaints) faults.push(`${language} ${theme}: ${complaint}`);
    await browser.close();
  }
for (const fault of faults) console.error(`shots: ${fault}`);
console.log(`${4 * views.length} pictures in ${dir}, ${faults.length} faults`);
process.exit(faults.length > 0 ? 1 : 0);
