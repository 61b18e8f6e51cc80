// Takes the pictures of the manual anew, in both languages, from the demo.
import { spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

if (!process.env.LINEWARDEN_URL) {
  const run = spawnSync(process.execPath, [fileURLToPath(new URL('run.mjs', import.meta.url)), process.argv[2] ?? '../../bin/linewarden', fileURLToPath(import.meta.url)], { stdio: 'inherit' });
  process.exit(run.status ?? 1);
}

const { base, launch, open, read, settle } = await import('./open.mjs');
const most = 100_000; // bytes of a picture
const folder = fileURLToPath(new URL('../../manual/images/', import.meta.url));
await mkdir(folder, { recursive: true });

const browser = await launch();

/** webp makes of a PNG picture a smaller one; the browser knows how. */
async function webp(png) {
  const page = await browser.newPage();
  const url = await page.evaluate(async (source) => {
    const bitmap = await createImageBitmap(await (await fetch(source)).blob());
    const canvas = Object.assign(document.createElement('canvas'), { width: bitmap.width, height: bitmap.height });
    canvas.getContext('2d').drawImage(bitmap, 0, 0);
    return canvas.toDataURL('image/webp', 0.82);
  }, `data:image/png;base64,${png.toString('base64')}`);
  await page.close();
  return Buffer.from(url.split(',')[1], 'base64');
}

for (const lang of ['zh', 'en']) {
  const { context, page } = await open(browser, { name: 'compliance', lang, width: 1280, height: 860 });
  const [found] = await read(context, '/findings?subject_kind=line&limit=1&rule=intl-third-party');
  for (const [name, place] of [['overview', '/'], ['finding', `/findings/${found.id}`], ['line', `/lines/${found.subject.id}`]]) {
    await page.goto(base + place);
    await settle(page);
    if (name === 'line') await page.locator('.heat').first().scrollIntoViewIfNeeded();
    await page.locator('canvas').first().waitFor();
    const small = await webp(await page.screenshot());
    if (small.length > most) throw new Error(`${name}-${lang}.webp has ${small.length} bytes, ${most} at most`);
    await writeFile(`${folder}${name}-${lang}.webp`, small);
    console.log(`${name}-${lang}.webp: ${small.length} bytes`);
  }
  await context.close();
}
await browser.close();
