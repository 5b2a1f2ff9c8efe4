// npm run test:dax: tests on persistent memory, in a virtual machine.

import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { writeInitrd } from './initrd';
import { prepareKernel } from './kernel';
import { DAX_DIR, runMachine } from './machine';
import { nodeBinary, versionOf } from './node-binary';
import { ALIGNMENTS, HELP, UsageError, readOptions, type Options } from './options';
import { program, requirePackages } from './packages';
import { Skip, say } from './report';

/** This file runs from test/dist/dax-vm. */
const ROOT = realpathSync(resolve(__dirname, '../../..'));
const SETUP = join(ROOT, '.setup');

/** What is about DAX, and the conformance tests of what a pool as a whole does. */
const FILTERS = [
  ...['test/dist/dax', 'pools/dax-device', 'mmap-helper/test/dist/dax-device', 'memkind/dax'],
  ...['conformance/libvmem/create', 'conformance/libvmem/pools', 'conformance/libvmem/statistics'],
];

const TESTS = [
  'test/dist',
  ...['allocator', 'mmap-helper', 'vmem-api'].map((name) => `packages/${name}/test/dist`),
];

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') {
    process.stdout.write(HELP);
    return 0;
  }
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Skip(
      `this is ${process.platform} on ${process.arch}; the machine is made with Debian's packages for amd64`,
    );
  }
  if (/[\s,']/.test(ROOT)) throw new Skip(`QEMU's options take no path like ${ROOT}`);
  await requirePackages(options.install);
  const cache = join(SETUP, 'dax-vm');
  mkdirSync(cache, { recursive: true });
  const kernel = await prepareKernel(cache);
  const node = await nodeBinary(options.node, join(SETUP, 'ci/node'));

  const run = mkdtempSync(join(cache, 'run-'));
  process.on('exit', () => rmSync(run, { recursive: true, force: true }));
  const initrd = join(run, 'initrd');
  writeInitrd(initrd, program('busybox'), join(ROOT, 'test/dax-vm/init.sh'), kernel.modules);
  say(`Node.js ${versionOf(node)}, device aligned to ${options.align}`);
  const keep = [ROOT, dirname(node)];
  return runMachine({ kernel: kernel.image, initrd, run, keep, command: commandFor(node, options) }, options);
}

/** What the guest's first program has set. */
const deviceOf = (alignment: string): string => `$DAX_DEVICE_${alignment}`;

/** jest looks for tests in the folders that have some only: to look through all takes minutes in an emulated machine. */
function commandFor(node: string, { align, filters }: Options): string {
  const environment = {
    PATH: `${dirname(node)}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin`,
    CI: 'true',
    VMEM_TEST_DIR: DAX_DIR,
    VMEM_TEST_DAX_DIR: DAX_DIR,
    VMEM_TEST_DAX_BLOCK_DEVICE: '$DAX_BLOCK_DEVICE',
    VMEM_TEST_DAX_DEVICE: deviceOf(align),
    VMEM_TEST_DAX_DEVICES: ALIGNMENTS.map(deviceOf).join(':'),
  };
  const jest = [node, 'node_modules/jest/bin/jest.js', '--runInBand', '--verbose', '--roots', ...TESTS, '--'];
  const words = [...jest, ...(filters.length > 0 ? filters : FILTERS)];
  return [
    ...Object.entries(environment).map(([name, value]) => `export ${name}=${value}`),
    `cd ${ROOT} || exit 125`,
    `exec ${words.map((word) => `'${word}'`).join(' ')}\n`,
  ].join('\n');
}

main().then(
  (status) => {
    process.exitCode = status;
  },
  (error: unknown) => {
    if (error instanceof Skip) {
      say(`skipped: ${error.message}`);
      return;
    }
    if (error instanceof UsageError) {
      process.stderr.write(`test:dax: ${error.message}; see --help\n`);
      process.exitCode = 2;
      return;
    }
    throw error;
  },
);
