// Every page in both languages and shades: it says nothing wrong to the browser,
// asks no other host, fits its window, and can be used by everybody.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { base, launch, logIn, open, read, settle } from './open.mjs';

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const pictures = process.env.PICTURES;

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

const places = ['/', '/wall', '/findings', '/findings/ID', '/lines', '/lines/LINE', '/resources', '/routes?prefix=33.64.0.0/16', '/ledgers', '/rules', '/reports', '/system', '/users', '/audit', '/manual'];

/** serious lists what a rule of accessibility says of a page. */
async function serious(page) {
  await page.evaluate(axe); // by the inspector, which the policy does not stop
  const found = await page.evaluate(() => globalThis.axe.run({ resultTypes: ['violations'] }));
  return found.violations.filter((v) => v.impact === 'serious' || v.impact === 'critical').flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.html.slice(0, 160)}`));
}

/** look goes through all pages in a language and a shade. */
async function look(t, lang, shade) {
  const { context, page, wrong } = await open(browser, { name: 'admin', lang, shade, width: 1280, height: 800 });
  const [found] = await read(context, '/findings?subject_kind=line&limit=1&rule=intl-third-party');
  for (const place of places) {
    await t.test(place, async () => {
      wrong.length = 0;
      await page.goto(base + place.replace('ID', found.id).replace('LINE', found.subject.id));
      await settle(page);
      assert.deepEqual(wrong, []);
      assert.equal(await page.evaluate(() => document.documentElement.lang), lang === 'zh' ? 'zh-CN' : 'en');
      assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0, 'the page is wider than its window');
      assert.equal(await page.locator('.ant-result-error').count(), 0);
      if (pictures) await page.screenshot({ path: `${pictures}/${lang}-${shade}${place.replace(/[^a-zA-Z]+/g, '-')}.png`, fullPage: true });
      assert.deepEqual(await serious(page), []);
    });
  }
  await context.close();
}

test('all pages', { concurrency: 2 }, async (t) => {
  await Promise.all([['zh', 'light'], ['en', 'dark']].map(([lang, shade]) => t.test(`${lang}, ${shade}`, (one) => look(one, lang, shade))));
});

test('who is not logged in is sent to log in, and back', async () => {
  const { context, page } = await open(browser);
  await page.goto(`${base}/lines`);
  await page.waitForURL(/\/login\?next=/);
  assert.deepEqual(await serious(page), []);
  await logIn(page, 'compliance');
  await page.waitForURL(/\/lines$/);
  await context.close();
});
