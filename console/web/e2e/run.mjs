// Plays the demo, makes an account of each role, and runs the tests against it;
// with a script named, that script is run in place of the tests.
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const program = resolve(process.argv[2] ?? '../../bin/linewarden');
// Two files at a time: each looks at findings that no other one moves.
const tests = ['backtest', 'case', 'keys', 'ledgers', 'pages', 'reports', 'sessions', 'wrong'].map((name) => `e2e/${name}.test.mjs`);
const run = process.argv[3] ? process.argv.slice(3) : ['--test', '--test-concurrency=2', '--test-reporter=spec', ...tests];
const accounts = [['noc'], ['compliance'], ['regulator'], ['admin'], ['beijing', 'compliance', '--provinces', '11']];

const folder = await mkdtemp(join(tmpdir(), 'linewarden-demo-'));
const data = join(folder, 'data');
const password = randomBytes(12).toString('hex');
const demo = spawn(program, ['demo', '--data', data, '--http', '127.0.0.1:0'], { stdio: ['ignore', 'ignore', 'pipe'] });
// Who is interrupted stops the demo first and then goes the way of all failures.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => demo.kill('SIGINT'));
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
  for (const [name, role = name, ...more] of accounts) {
    execFileSync(program, ['user', 'add', name, '--role', role, ...more, '--data', data], { input: `${password}\n`, stdio: ['pipe', 'ignore', 'inherit'] });
  }
  const child = spawn(process.execPath, run, {
    stdio: 'inherit',
    env: { ...process.env, LINEWARDEN_URL: url, LINEWARDEN_PASSWORD: password, LINEWARDEN_BIN: program, LINEWARDEN_DATA: data },
  });
  demo.on('exit', () => child.kill());
  code = await new Promise((done) => child.on('exit', done));
} finally {
  demo.kill('SIGINT');
  if (demo.exitCode === null) await new Promise((done) => demo.on('exit', done));
  await rm(folder, { recursive: true });
}
process.exit(code ?? 1);
