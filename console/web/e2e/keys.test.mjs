// The console is used without a mouse, what was done is undone, and pages print.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { base, launch, open, read, settle } from './open.mjs';

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

test('rows are walked, ticked and opened by keys, also after the help was closed', async () => {
  const { context, page, wrong } = await open(browser, { name: 'compliance' });
  await page.goto(`${base}/findings`);
  await settle(page);
  await page.keyboard.press('?');
  await page.waitForFunction(() => document.activeElement?.closest('[role=dialog]')); // who opens it waits until it is there
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  await page.locator('.ant-table-row.here').waitFor();
  await page.keyboard.press('x');
  assert.equal(await page.locator('.ant-table-row.here input:checked').count(), 1);
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/findings\/.+/);
  await page.keyboard.press('3');
  await page.waitForURL(/\/lines$/);
  await page.keyboard.press('/');
  assert.equal(await page.evaluate(() => document.activeElement?.tagName), 'INPUT');
  assert.deepEqual(wrong, []);
  await context.close();
});

test('a dismissal is undone, with its reason, and both stay in the history', async () => {
  const { context, page, wrong } = await open(browser, { name: 'compliance' });
  const [{ id }] = await read(context, '/findings?state=open&severity=medium&sort=-id&limit=1');
  await page.goto(`${base}/findings/${id}`);
  await settle(page);
  for (const [note, button, state] of [['误看', '排除', 'dismissed'], ['看错了对象', '撤销', 'open']]) {
    await page.getByLabel('说明', { exact: true }).first().fill(note);
    await page.getByRole('button', { name: button, exact: true }).click();
    await page.locator(`.claim .state-${state}`).waitFor();
  }
  await page.locator('.log').getByText('误看').first().waitFor();
  await page.locator('.log').getByText('看错了对象').first().waitFor();
  assert.deepEqual(wrong, []);
  await context.close();
});

test('what is printed has no menu and no buttons', async () => {
  const { context, page } = await open(browser, { name: 'compliance' });
  for (const place of ['/', '/findings', '/lines', '/rules', '/system']) {
    await page.goto(base + place);
    await settle(page);
    await page.emulateMedia({ media: 'print' });
    assert.equal(await page.locator('.side, .head, .ant-btn').evaluateAll((all) => all.filter((e) => e.getClientRects().length > 0).length), 0, place);
    assert.match(await page.locator('main').innerText(), /Asia\/Shanghai \(UTC\+8\)/, `${place} says no zone on paper`);
    await page.emulateMedia({ media: null });
  }
  await context.close();
});
