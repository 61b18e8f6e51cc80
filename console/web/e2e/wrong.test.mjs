// What is asked for wrongly, or by who may not: it is told, and nothing breaks.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { base, launch, open, read, settle } from './open.mjs';

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

test('a filter that is wrong is told and can be cleared', async () => {
  const { context, page, wrong } = await open(browser, { name: 'compliance' });
  for (const [place, words] of [
    ['/findings?state=nonsense', /筛选条件或地址不对/],
    ['/findings?since=not-a-day', /筛选条件或地址不对/],
    ['/findings/nothing-of-this-name', /没有找到/],
    ['/lines/NO-SUCH-LINE', /没有找到/],
    ['/routes?prefix=not-a-prefix', /筛选条件或地址不对/],
    ['/rules/no-such-rule', /没有找到/],
    ['/ledgers?ledger=nothing', /没有找到/],
    ['/resources?q=%F0%9F%9A%A8%E2%80%AE', /台账里没有/],
    ['/no/such/page', /没有这个页面/],
  ]) {
    await page.goto(base + place);
    await page.locator('main').getByText(words).first().waitFor({ timeout: 8000 });
  }
  await page.goto(`${base}/findings?state=nonsense`);
  await page.getByRole('alert').first().waitFor();
  await page.locator('main').getByRole('button', { name: '清除', exact: true }).click();
  await page.locator('.ant-table-row').first().waitFor();
  assert.equal(new URL(page.url()).search, '');
  assert.deepEqual(wrong.filter((w) => !/status of 4\d\d/.test(w)), []);
  await context.close();
});

test('a regulator does not see what is not confirmed, nor buttons to act', async () => {
  const { context, page } = await open(browser, { name: 'regulator' });
  await page.goto(`${base}/findings`);
  await settle(page);
  assert.equal(await page.locator('.ant-table-row .state-open').count(), 0);
  assert.equal(await page.locator('.ant-table-row input[type=checkbox]').count(), 0);
  await page.goto(`${base}/users`);
  await page.getByText('当前账号无权查看').waitFor();
  await context.close();
});

test('who is confined to a province sees no other', async () => {
  const whole = await open(browser, { name: 'admin' });
  const [elsewhere] = await read(whole.context, '/findings?province=31&limit=1');
  assert.ok(elsewhere, 'the demo has findings in Shanghai');
  await whole.context.close();
  const { context, page } = await open(browser, { name: 'beijing' });
  await page.goto(`${base}/findings`);
  await settle(page);
  const places = await page.locator('.ant-table-row td:nth-child(5)').allInnerTexts();
  assert.ok(places.length > 0 && places.every((p) => p === '北京'), places.join(' '));
  await page.goto(`${base}/findings/${elsewhere.id}`);
  await page.getByText('没有找到，或当前账号无权查看').waitFor();
  await context.close();
});

test('who runs the network is shown no cases, users or audit log', async () => {
  const { context, page } = await open(browser, { name: 'noc' });
  await page.goto(`${base}/`);
  await settle(page);
  const menu = await page.locator('nav.side').innerText();
  assert.match(menu, /国际专线/);
  assert.doesNotMatch(menu, /用户|审计日志/);
  await page.goto(`${base}/audit`);
  await page.getByText('当前账号无权查看').waitFor();
  await context.close();
});
