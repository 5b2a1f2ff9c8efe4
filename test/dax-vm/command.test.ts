// The command `npm run test:dax` where it can't or shall not start a machine.

import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { UsageError, readOptions } from './options';

function run(args: readonly string[], PATH = process.env['PATH']): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [resolve(__dirname, 'main.js'), ...args], {
    encoding: 'utf8',
    env: { ...process.env, PATH },
  });
  return { status, output: stdout + stderr };
}

test('without QEMU it is skipped: status 0, and the packages that it takes', () => {
  const { status, output } = run([], '/no/such/folder');
  expect(status).toBe(0);
  expect(output).toMatch(/^test:dax: skipped: (packages are missing: .*qemu-system-x86.*--install|this is )/);
});

test('--help tells all options', () => {
  const { status, output } = run(['--help']);
  expect(status).toBe(0);
  for (const flag of ['install', 'node', 'align', 'accel', 'cpus', 'memory', 'timeout', 'verbose']) {
    expect(output).toContain(`--${flag}`);
  }
});

test.each([['--align', '8M'], ['--accel', 'xen'], ['--timeout', '0'], ['--cpus', 'all'], ['--colour']])(
  'a wrong command line (%s %s) is status 2',
  (...args) => {
    const { status, output } = run(args.filter((arg) => arg !== undefined));
    expect(status).toBe(2);
    expect(output).toMatch(/^test:dax: .*; see --help\n$/);
    expect(output).toContain(args[0]);
  },
);

test('options are read with their defaults, and whatever is left filters tests', () => {
  expect(readOptions(['--align', '1g', '--node', '26', 'a', 'b'])).toMatchObject({
    install: false,
    node: '26',
    align: '1G',
    accel: 'auto',
    timeoutSeconds: 900,
    filters: ['a', 'b'],
  });
  expect(readOptions([])).toMatchObject({ align: '2M', filters: [] });
  expect(() => readOptions(['--memory', '-1'])).toThrow(UsageError);
});
