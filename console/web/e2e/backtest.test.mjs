// A rule is tried on days that are over, and what it would raise is told in words.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { base, launch, open, read, settle } from './open.mjs';

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

test('a backtest with another parameter says what it would raise, and can be removed', async () => {
  const { context, page, wrong } = await open(browser, { name: 'compliance' });
  const { total } = await read(context, '/findings/summary');
  await page.goto(`${base}/rules/intl-user-file`);
  await settle(page);
  await page.getByText('换用参数').click();
  await page.locator('details input').first().fill('30');
  await page.getByRole('button', { name: '开始回测' }).click();
  await page.getByText(/判了 [\d,]+ 个对象，会提出 [\d,]+ 条疑似问题/).waitFor();
  const id = new URL(page.url()).searchParams.get('backtest');
  const made = await read(context, `/backtests/${id}`);
  assert.equal(made.state, 'done');
  assert.ok(made.subjects > 0 && Object.values(made.params).includes(30), JSON.stringify(made.params));
  await page.reload(); // the address leads to it
  await page.getByText(/判了 [\d,]+ 个对象/).waitFor();
  await page.getByRole('button', { name: '删除' }).click();
  await page.getByRole('tooltip').getByRole('button', { name: '是', exact: true }).click();
  await page.getByText('此规则还没有回测过').waitFor();
  assert.equal((await read(context, '/findings/summary')).total, total);
  assert.deepEqual(wrong, []);
  await context.close();
});

test('who may not backtest is told how it is done', async () => {
  const { context, page, wrong } = await open(browser, { name: 'beijing' });
  await page.goto(`${base}/rules/intl-user-file`);
  await settle(page);
  await page.getByText('回测由全国范围的合规或管理员账号进行').waitFor();
  assert.equal(await page.getByRole('button', { name: '开始回测' }).count(), 0);
  assert.deepEqual(wrong, []);
  await context.close();
});
