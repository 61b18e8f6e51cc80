// A report is made, watched, downloaded, and verifies.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { inflateRawSync } from 'node:zlib';
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

/** unpack writes the files of a ZIP archive, as its central directory lists them. */
async function unpack(zip, into) {
  const end = zip.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  let at = zip.readUInt32LE(end + 16);
  for (let n = zip.readUInt16LE(end + 10); n > 0; n--) {
    const [method, size, name, extra, comment, local] = [zip.readUInt16LE(at + 10), zip.readUInt32LE(at + 20), zip.readUInt16LE(at + 28), zip.readUInt16LE(at + 30), zip.readUInt16LE(at + 32), zip.readUInt32LE(at + 42)];
    const file = join(into, zip.toString('utf8', at + 46, at + 46 + name));
    const from = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    const packed = zip.subarray(from, from + size);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, method === 0 ? packed : inflateRawSync(packed));
    at += 46 + name + extra + comment;
  }
}

test('a quarterly report is made, downloaded and verifies', async () => {
  const { context, page, wrong } = await open(browser, { name: 'compliance' });
  await page.goto(`${base}/reports`);
  await settle(page);
  // The quarter in which the demo has data, which need not be the last one.
  const [{ window: span }] = await read(context, '/findings?limit=1');
  const day = new Date(span.from);
  const quarter = `${day.getFullYear()}Q${Math.floor(day.getMonth() / 3) + 1}`;
  await page.getByLabel('季度').click({ force: true }); // what is chosen lies over the field
  await page.locator('.ant-select-item-option', { hasText: quarter }).click();
  await page.getByLabel('接收单位').fill('示例管理局');
  await page.getByRole('button', { name: '生成季度报告' }).click();
  const row = page.locator('.ant-table-row').first();
  await row.getByText('完成', { exact: true }).waitFor({ timeout: 30_000 });
  const coming = page.waitForEvent('download');
  await row.getByRole('link', { name: /下载/ }).click();
  const file = join(folder, 'report.zip');
  await (await coming).saveAs(file);
  await unpack(await readFile(file), join(folder, 'report'));
  const said = execFileSync(program, ['verify', '--data', data, join(folder, 'report')], { encoding: 'utf8' });
  assert.ok(said.length > 0);
  // A byte that was altered is found.
  const manifest = JSON.parse(await readFile(join(folder, 'report', 'manifest.json'), 'utf8'));
  assert.ok(manifest, 'the report has a manifest');
  await writeFile(join(folder, 'report', 'manifest.json'), `${JSON.stringify(manifest)} `);
  assert.throws(() => execFileSync(program, ['verify', '--data', data, join(folder, 'report')], { stdio: 'pipe' }));
  assert.deepEqual(wrong, []);
  await context.close();
});
