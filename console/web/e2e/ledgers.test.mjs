// Ledgers are imported: what is wrong is shown in its place, what would change
// before it does, and whatever the rows hold is text and nothing more.
import assert from 'node:assert/strict';
import { mkdtemp, open as openFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { base, follow, launch, open, read, settle } from './open.mjs';

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

const quoted = (cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
const csv = (rows) => Buffer.from(rows.map((r) => r.map(quoted).join(',')).join('\n') + '\n');

/** upload hands a file to the page of imports. */
async function upload(page, name, text) {
  await page.locator('input[type=file]').setInputFiles({ name, mimeType: 'text/csv', buffer: text });
}

/** enterprises are the rows of that ledger with its columns first, as a file has them. */
async function enterprises(context) {
  const { columns, rows } = await read(context, '/ledgers/kinds/enterprises/rows?limit=10000');
  return [columns, ...rows.map((r) => r.fields)];
}

test('errors of an import are shown in their place, and nothing is imported', async () => {
  const { context, page, wrong } = await open(browser, { name: 'admin' });
  const before = await read(context, '/ledgers/kinds/enterprises/rows?limit=1');
  await page.goto(`${base}/ledgers?tab=import`);
  await settle(page);
  await upload(page, 'enterprises.csv', csv([['enterprise_id', 'name', 'nature', 'place'], ['E1', '甲公司', 'enterprise', '110000'], ['E2', '乙公司', 'no-such-nature', '999999']]));
  await page.getByText(/有 \d+ 处错误/).waitFor();
  await page.locator('mark', { hasText: 'no-such-nature' }).waitFor();
  await page.locator('mark', { hasText: '999999' }).waitFor();
  assert.equal(await page.getByRole('button', { name: '确认导入' }).isDisabled(), true);
  const after = await read(context, '/ledgers/kinds/enterprises/rows?limit=1');
  assert.equal(after.total, before.total);
  assert.deepEqual(wrong, []);
  await context.close();
});

test('files that are too large are refused before they are sent', async () => {
  const { context, page, wrong } = await open(browser, { name: 'admin' });
  const folder = await mkdtemp(join(tmpdir(), 'linewarden-e2e-'));
  const large = join(folder, 'lines.csv');
  const file = await openFile(large, 'w');
  await file.truncate(65 * 1024 * 1024);
  await file.close();
  await page.goto(`${base}/ledgers?tab=import`);
  await settle(page);
  await page.locator('input[type=file]').setInputFiles(large);
  await page.getByRole('alert').filter({ hasText: '超过 64 MiB' }).waitFor();
  assert.deepEqual(wrong, []);
  await context.close();
  await rm(folder, { recursive: true });
});

const hostile = [
  ['HOSTILE1', '<script>document.title="owned"</script><img src=x onerror="document.title=1">'],
  ['HOSTILE2', '=HYPERLINK("http://example.org/","点我")'],
  ['HOSTILE3', '甲\u202Egpj.exe\u202C公司'],
  ['HOSTILE4', '𠮷野家🍜"有限, 公司'],
];

test('hostile rows are shown as the text they are, everywhere', async () => {
  const { context, page, wrong } = await open(browser, { name: 'admin' });
  const [columns, ...rows] = await enterprises(context);
  const of = (id, name) => columns.map((c) => ({ enterprise_id: id, name, nature: 'enterprise', place: '110000', credit: 'normal' })[c] ?? '');
  await page.goto(`${base}/ledgers?tab=import`);
  await settle(page);
  await upload(page, 'enterprises.csv', csv([columns, ...rows, ...hostile.map(([id, name]) => of(id, name))]));
  await page.getByText(/将有 4 处变化/).waitFor();
  for (const [, name] of hostile) await page.locator('.diff-added', { hasText: name }).waitFor();
  await page.getByRole('button', { name: '确认导入' }).click();
  await page.getByText('已导入').waitFor();
  for (const [id, name] of hostile) {
    for (const place of [`/ledgers?ledger=enterprises`, `/resources?q=${id}`, `/resources?q=${encodeURIComponent(name)}`]) {
      await page.goto(base + place);
      await settle(page);
      if (place.startsWith('/ledgers')) {
        await page.locator('main').getByRole('searchbox').last().fill(id);
        await page.keyboard.press('Enter');
      }
      const cell = page.locator('bdi', { hasText: name }).first();
      await cell.waitFor();
      // Each stands in an element that keeps its direction to itself.
      assert.equal(await cell.evaluate((e) => getComputedStyle(e).unicodeBidi), 'isolate');
      assert.equal(await page.locator('main img[src="x"], main script').count(), 0);
      assert.doesNotMatch(await page.title(), /owned|^1$/);
    }
  }
  assert.deepEqual(wrong, []);
  await context.close();
});

test('an import that somebody else has overtaken is told', async () => {
  const { context, page } = await open(browser, { name: 'admin' });
  const [columns, ...rows] = await enterprises(context);
  const renamed = (name) => csv([columns, ...rows.map((r) => (r[0] === 'HOSTILE4' ? r.map((c, i) => (columns[i] === 'name' ? name : c)) : r))]);
  await page.goto(`${base}/ledgers?tab=import`);
  await settle(page);
  await upload(page, 'enterprises.csv', renamed('先检查的'));
  await page.getByText(/将有 1 处变化/).waitFor();
  const second = await context.newPage();
  follow(second);
  await second.goto(`${base}/ledgers?tab=import`);
  await settle(second);
  await upload(second, 'enterprises.csv', renamed('后检查先导入的'));
  await second.getByText(/将有 1 处变化/).waitFor();
  await second.getByRole('button', { name: '确认导入' }).click();
  await second.getByText('已导入').waitFor();
  await page.getByRole('button', { name: '确认导入' }).click();
  await page.getByRole('alert').filter({ hasText: '已被别人更新' }).waitFor();
  const left = await read(context, '/ledgers/kinds/enterprises/rows?q=HOSTILE4');
  assert.ok(left.rows[0].fields.includes('后检查先导入的'));
  await context.close();
});
