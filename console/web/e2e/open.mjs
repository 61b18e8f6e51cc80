// A browser for the tests, and who logs in. The daemon and its accounts are told
// by the environment; see `make e2e`.
import { chromium } from 'playwright-core';

export const base = process.env.LINEWARDEN_URL ?? 'http://127.0.0.1:18080';
export const password = process.env.LINEWARDEN_PASSWORD ?? '';

/** launch starts the Chromium of this machine. */
export const launch = () => chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });

/** open returns a page of somebody who has logged in, and what it did wrong: words
 * on the console, failed loads, and requests to any other host. */
export async function open(browser, { name, lang = 'zh', shade = 'light', width = 1440, height = 900 } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, locale: lang === 'zh' ? 'zh-CN' : 'en-GB', timezoneId: 'Asia/Shanghai', acceptDownloads: true });
  await context.addInitScript(([l, d]) => {
    localStorage.setItem('linewarden.lang', JSON.stringify(l));
    localStorage.setItem('linewarden.shade', JSON.stringify(d));
  }, [lang, shade]);
  const page = await context.newPage();
  const wrong = [];
  page.on('console', (m) => (m.type() === 'error' || m.type() === 'warning') && wrong.push(`${m.type()}: ${m.text()}`));
  page.on('pageerror', (e) => wrong.push(`page: ${e.message}`));
  follow(page);
  page.on('request', (r) => {
    if (!/^(data|blob):/.test(r.url()) && new URL(r.url()).host !== new URL(base).host) wrong.push(`foreign request: ${r.url()}`);
  });
  if (name) {
    const answer = await context.request.post(`${base}/api/v1/session`, { data: { name, password } });
    if (!answer.ok()) throw new Error(`${name} cannot log in: ${answer.status()} ${await answer.text()}`);
  }
  return { context, page, wrong };
}

/** logIn fills the form of a login that a page has led to. */
export async function logIn(page, name) {
  await page.getByLabel('用户名').fill(name);
  await page.getByLabel('密码', { exact: true }).fill(password);
  await page.getByRole('button', { name: '登录', exact: true }).click();
}

/** read asks the API as the account of a page does. */
export async function read(context, path) {
  const answer = await context.request.get(`${base}/api/v1${path}`);
  if (!answer.ok()) throw new Error(`${path}: ${answer.status()} ${await answer.text()}`);
  return answer.json();
}

const asked = new WeakMap();

/** follow counts what a page has asked for and not yet been answered. */
export function follow(page) {
  asked.set(page, new Set());
  page.on('request', (r) => asked.get(page).add(r));
  for (const end of ['requestfinished', 'requestfailed']) page.on(end, (r) => asked.get(page).delete(r));
}

const looks = 5; // in a row that find a page quiet, some 30 ms apart: what follows from an answer is asked for between them

/** settle waits until a page has all that it has asked for, and shows it. */
export async function settle(page) {
  await page.locator('main').first().waitFor();
  const end = Date.now() + 30_000;
  for (let quiet = 0; quiet < looks; await page.waitForTimeout(30)) {
    const waits = await page.evaluate(() => document.querySelector('.ant-skeleton-active,.waiting') !== null);
    quiet = waits || asked.get(page).size > 0 ? 0 : quiet + 1;
    if (Date.now() > end) throw new Error(`${page.url()} does not settle: ${[...asked.get(page)].map((r) => r.url())}`);
  }
}
