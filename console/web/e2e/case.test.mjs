// From a red line on the overview to signed evidence, by clicks.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { base, launch, open, read, settle } from './open.mjs';

const program = process.env.LINEWARDEN_BIN ?? 'linewarden';
const data = process.env.LINEWARDEN_DATA ?? './data';

let browser;
let folder;
before(async () => {
  browser = await launch();
  folder = await mkdtemp(join(tmpdir(), 'linewarden-e2e-'));
});
after(async () => {
  await browser?.close();
  if (folder) await rm(folder, { recursive: true });
});

/** move does one step of a case, with a note. */
async function move(page, button, note) {
  await page.getByRole('button', { name: button, exact: true }).click();
  const dialog = page.getByRole('dialog');
  await dialog.locator('textarea').fill(note);
  await dialog.getByRole('button', { name: '应用', exact: true }).click();
  await dialog.waitFor({ state: 'hidden' });
}

test('a case is confirmed and its evidence verifies', async () => {
  const { context, page, wrong } = await open(browser, { name: 'compliance' });
  await page.goto(`${base}/`);
  await settle(page);
  await page.locator('.redline a[href^="/findings/"]').first().click(); // the first click
  await settle(page);
  assert.equal(await page.locator('.claim .state').innerText(), '待核查');
  await page.getByLabel('说明', { exact: true }).first().click(); // the second
  await page.keyboard.type('核对了台账与流量');
  await page.getByRole('button', { name: '开始核查', exact: true }).click(); // the third
  await page.locator('.claim .state-reviewing').waitFor();
  await page.keyboard.type('与单位核实属实'); // the field is ready for the next reason
  await page.getByRole('button', { name: '确认', exact: true }).click(); // the fourth
  await page.locator('.claim .state-confirmed').waitFor();
  const coming = page.waitForEvent('download');
  await page.getByLabel('出具理由').fill('案件移送'); // the package is not masked
  await page.getByRole('button', { name: '下载签名证据包' }).click(); // the fifth
  const download = await coming;
  const file = join(folder, download.suggestedFilename());
  await download.saveAs(file);
  const said = execFileSync(program, ['verify', '--data', data, file], { encoding: 'utf8' });
  assert.ok(said.length > 0);
  assert.match(await page.locator('.log').innerText(), /与单位核实属实/);
  assert.deepEqual(wrong, []);
  await context.close();
});

test('who acts on what somebody else has changed is told', async () => {
  const { context, page } = await open(browser, { name: 'compliance' });
  const [{ id }] = await read(context, '/findings?state=open&severity=high&sort=-id&limit=1');
  await page.goto(`${base}/findings/${id}`);
  await settle(page);
  const me = await read(context, '/me');
  const other = await context.request.post(`${base}/api/v1/findings/${id}/moves`, { headers: { 'X-CSRF-Token': me.csrf_token }, data: { to: 'reviewing', note: 'another window', expected_state: 'open' } });
  assert.equal(other.status(), 201);
  await move(page, '排除', '不成立');
  await page.getByRole('alert').filter({ hasText: '别人刚刚改动' }).waitFor();
  await page.locator('.claim .state-reviewing').waitFor(); // what the other did stands
  const now = await read(context, `/findings/${id}`);
  assert.equal(now.state, 'reviewing');
  await context.close();
});

test('several findings are moved at once', async () => {
  const { context, page, wrong } = await open(browser, { name: 'compliance' });
  await page.goto(`${base}/findings?state=open&severity=low`);
  await settle(page);
  const rows = page.locator('.ant-table-row');
  const n = await rows.count();
  assert.ok(n >= 2, `${n} low findings`);
  for (const i of [0, 1]) await rows.nth(i).locator('input[type=checkbox]').check();
  await page.getByRole('region', { name: '批量处置' }).getByRole('button', { name: '批量处置' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.locator('.ant-select').first().click();
  await page.locator('.ant-select-item-option', { hasText: '核查中' }).click();
  await dialog.locator('textarea').fill('一并核实');
  await dialog.getByRole('button', { name: '应用', exact: true }).click();
  await dialog.getByText('已处置 2').waitFor();
  await dialog.getByRole('button', { name: '关闭', exact: true }).last().click();
  await page.waitForFunction((left) => document.querySelectorAll('.ant-table-row').length === left, n - 2);
  assert.deepEqual(wrong, []);
  await context.close();
});
