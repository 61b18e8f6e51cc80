// Plays the demo, makes an account of each role, and runs the tests against it.
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const program = resolve(process.argv[2] ?? '../../bin/linewarden');
const folder = await mkdtemp(join(tmpdir(), 'linewarden-demo-'));
const data = join(folder, 'data');
const password = randomBytes(12).toString('hex');
const demo = spawn(program, ['demo', '--data', data, '--http', '127.0.0.1:0'], { stdio: ['ignore', 'ignore', 'pipe'] });
let code = 1;
try {
  const url = await new Promise((found, failed) => {
    let said = '';
    // What the demo says goes on being read, or it would wait for a reader.
    demo.stderr.on('data', (text) => {
      said = (said + text).slice(-20_000);
      const at = /console: (http:\/\/[^\s/]+)/.exec(said);
      if (at) found(at[1]);
    });
    demo.on('exit', (n) => failed(new Error(`the demo ended with ${n} before its console was ready:\n${said}`)));
  });
  for (const role of ['noc', 'compliance', 'regulator', 'admin']) {
    execFileSync(program, ['user', 'add', role, '--role', role, '--data', data], { input: `${password}\n`, stdio: ['pipe', 'ignore', 'inherit'] });
  }
  const tests = spawn(process.execPath, ['--test', '--test-concurrency=1', '--test-reporter=spec', 'e2e/case.test.mjs', 'e2e/pages.test.mjs'], {
    stdio: 'inherit',
    env: { ...process.env, LINEWARDEN_URL: url, LINEWARDEN_PASSWORD: password, LINEWARDEN_BIN: program, LINEWARDEN_DATA: data },
  });
  code = await new Promise((done) => tests.on('exit', done));
} finally {
  demo.kill('SIGINT');
  if (demo.exitCode === null) await new Promise((done) => demo.on('exit', done));
  await rm(folder, { recursive: true });
}
process.exit(code ?? 1);
