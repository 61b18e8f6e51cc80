// A session that ends in the middle of the work costs a login and nothing else.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { base, launch, logIn, open, read, settle } from './open.mjs';

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

test('after a session has ended a login leads back, and the draft is kept', async () => {
  const { context, page } = await open(browser, { name: 'compliance' });
  const [{ id }] = await read(context, '/findings?state=open&severity=medium&limit=1');
  await page.goto(`${base}/findings/${id}`);
  await settle(page);
  await page.getByLabel('说明', { exact: true }).first().fill('写到一半的说明');
  await context.clearCookies(); // the daemon knows the browser no more
  await page.getByRole('button', { name: '开始核查', exact: true }).click();
  await page.waitForURL(/\/login\?next=/);
  await page.getByText('会话已结束').waitFor();
  await logIn(page, 'compliance');
  await page.waitForURL(`${base}/findings/${id}`);
  await settle(page);
  assert.equal(await page.getByLabel('说明', { exact: true }).first().inputValue(), '写到一半的说明');
  assert.equal((await read(context, `/findings/${id}`)).state, 'open');
  await page.getByRole('button', { name: '开始核查', exact: true }).click();
  await page.locator('.claim .state-reviewing').waitFor();
  assert.equal(await page.getByLabel('说明', { exact: true }).first().inputValue(), '');
  await context.close();
});

test('a login leads to no other host', async () => {
  const { context, page } = await open(browser);
  await page.goto(`${base}/login?next=${encodeURIComponent('//example.org/')}`);
  await logIn(page, 'noc');
  await page.waitForURL(`${base}/`);
  await context.close();
});
