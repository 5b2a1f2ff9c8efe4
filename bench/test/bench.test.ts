// The whole of it, as short as can be: its figures mean nothing here.

import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readReport } from '../report/report';

interface Ending {
  code: number;
  stdout: string;
  stderr: string;
}

let out = '';
beforeEach(() => (out = mkdtempSync(join(tmpdir(), 'bench-'))));
afterEach(() => rmSync(out, { recursive: true }));

function bench(...words: string[]): Promise<Ending> {
  return new Promise((resolve) => {
    const args = [join(__dirname, '../main.js'), '--out', out, ...words];
    const child = execFile(process.execPath, args, (_, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

const reportFiles = (): string[] =>
  readdirSync(out)
    .filter((name) => name.endsWith('.json'))
    .map((name) => join(out, name));

test('measures, prints a table, writes JSON and pictures, compares', async () => {
  const rows = ['pair', '1p1c', 'first-use', 'capacity'];
  const words = ['--smoke', '--only', rows.join(','), '--subjects', 'heap,Uint8Array'];
  const first = await bench(...words);
  expect(first).toMatchObject({ code: 0 });
  expect(first.stdout).toMatch(/class Heap alone +│ +[\d.]+/);
  expect(first.stderr).toMatch(/bench: 4\/4 first-use/);
  const [file = ''] = reportFiles();
  const report = readReport(file);
  expect(report.machine.node).toBe(process.version);
  const heap = report.results.filter(({ subject }) => subject === 'heap');
  expect(new Set(heap.map(({ row }) => row))).toEqual(new Set(rows));
  expect(heap.every(({ median }) => median > 0)).toBe(true);
  expect(report.results.some(({ subject, row }) => subject === 'control' && row === '1p1c')).toBe(true);
  expect(report.skipped).toContainEqual({
    subject: 'Uint8Array',
    row: 'capacity',
    reason: 'it has no pools of a fixed size',
  });
  expect(readFileSync(join(out, 'core.svg'), 'utf8')).toMatch(/^<svg .*class Heap alone/s);

  const second = await bench(...words, '--against', file);
  expect(second.stdout).toMatch(/Against the run of .*geometric mean x/s);
}, 120_000);

test('a process for one subject can be started by hand', async () => {
  const { code, stdout } = await bench(
    '--commands',
    '--only',
    'churn',
    '--subjects',
    'heap',
    '--node-flags',
    '--prof',
  );
  expect(code).toBe(0);
  expect(stdout).toMatch(
    /^# churn, vmem-ts, class Heap alone\nprintf .* --prof .*cell\.js heap churn micro .*slots=10000/,
  );
});

test('what is not there is said in one line', async () => {
  const { code, stderr } = await bench('--only', 'nothing');
  expect(code).toBe(1);
  expect(stderr).toBe("bench: --only: there is no 'nothing'; --list names what there is\n");
});
