// One run of the virtual machine.

import { spawn, type ChildProcess } from 'node:child_process';
import {
  accessSync,
  closeSync,
  constants,
  openSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Alignment, Options } from './options';
import { program } from './packages';
import { say } from './report';

export interface Machine {
  readonly kernel: string;
  readonly initrd: string;
  /** A folder of this run's own, below one of `keep`. */
  readonly run: string;
  /** Folders of the host that the guest must see. */
  readonly keep: readonly string[];
  /** A script for sh. */
  readonly command: string;
}

/** Where the guest has the file system with DAX. */
export const DAX_DIR = '/mnt/pmem';

/**
 * What the machine has, and its MiB: devices of each alignment, and the file system. The first begins at a multiple of 1 GiB,
 * and has 1 GiB less than it is given here, since its own description comes first. It is larger than what Node.js 20 shares
 * in one buffer.
 */
const NVDIMMS: readonly (readonly [Alignment | 'fsdax', number])[] = [
  ['1G', 6144],
  ['2M', 256],
  ['4K', 256],
  ['fsdax', 1024],
];

type Outcome =
  | { readonly kind: 'exit'; readonly status: number }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'timeout' | 'no start' };

/** The exit status of the command, or 124 or 125. */
export async function runMachine(machine: Machine, options: Options): Promise<number> {
  const deadline = performance.now() + 1000 * options.timeoutSeconds;
  const mayUseKvm = options.accel === 'auto' && canUseKvm();
  let outcome = await boot(machine, options, mayUseKvm || options.accel === 'kvm' ? 'kvm' : 'tcg', deadline);
  // There are a /dev/kvm that can run no ordinary kernel.
  if (outcome.kind === 'no start' && options.accel === 'auto') {
    say('KVM does not work here; going on with emulation');
    outcome = await boot(machine, options, 'tcg', deadline);
  }
  const console = readIfAny(join(machine.run, 'console')).replaceAll('\r', '');
  if (options.verbose) process.stderr.write(console);
  if (outcome.kind === 'exit') return outcome.status;
  if (!options.verbose) process.stderr.write(`${console.split('\n').slice(-20).join('\n')}\n`);
  if (outcome.kind === 'timeout') {
    say(`ended after ${options.timeoutSeconds} s`);
    return 124;
  }
  say(`the machine broke down: ${outcome.kind === 'failed' ? outcome.reason : 'it did not start'}`);
  return 125;
}

function canUseKvm(): boolean {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** With KVM a kernel comes up soon, or never. */
const KVM_START_MS = 30_000;
const POLL_MS = 200;

async function boot(
  machine: Machine,
  options: Options,
  accel: 'kvm' | 'tcg',
  deadline: number,
): Promise<Outcome> {
  const { run, keep, command } = machine;
  writeFileSync(join(run, 'config'), configOf(keep));
  writeFileSync(join(run, 'command'), command);
  const control = join(run, 'control');
  const output = join(run, 'output');
  for (const file of [control, output]) writeFileSync(file, '');
  const pass = passingOn(output);
  const begun = performance.now();
  say(`starting the machine (${accel === 'kvm' ? 'KVM' : 'emulation'}) ...`);

  const errors = join(run, 'qemu');
  const errorFile = openSync(errors, 'w');
  const args = argumentsFor(machine, options, accel);
  const qemu = spawn(program('qemu-system-x86_64'), args, { stdio: ['ignore', 'ignore', errorFile] });
  closeSync(errorFile);
  const untie = endTogether(qemu);
  const ended = new Promise<void>((resolve) => {
    qemu.on('error', () => resolve());
    qemu.on('exit', () => resolve());
  });

  let isOver = false;
  let isReady = false;
  void ended.then(() => (isOver = true));
  try {
    while (!isOver) {
      await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, POLL_MS))]);
      pass();
      const told = readIfAny(control);
      if (!isReady && told.includes('ready ')) {
        isReady = true;
        say(`ready after ${((performance.now() - begun) / 1000).toFixed(1)} s`);
      }
      const now = performance.now();
      if (accel === 'kvm' && !told.includes('booted') && now - begun > KVM_START_MS)
        return { kind: 'no start' };
      if (now > deadline) return { kind: 'timeout' };
    }
  } finally {
    qemu.kill('SIGKILL');
    await ended;
    untie();
    pass();
  }
  const told = readIfAny(control);
  const status = /^exit (\d+)$/m.exec(told)?.[1];
  if (status !== undefined) {
    say(
      `${accel === 'kvm' ? 'KVM' : 'emulation'}: ${((performance.now() - begun) / 1000).toFixed(1)} s in all`,
    );
    return { kind: 'exit', status: Number(status) };
  }
  if (!told.includes('booted')) {
    return accel === 'kvm' ? { kind: 'no start' } : { kind: 'failed', reason: readIfAny(errors).trim() };
  }
  const reason = /^error (.*)/ms.exec(told)?.[1] ?? `it ended early; QEMU: ${readIfAny(errors).trim()}`;
  return { kind: 'failed', reason: reason.trim() };
}

/** Prints what has come to a file since the last call. A pipe to this program would be a socket, which QEMU can't open. */
function passingOn(path: string): () => void {
  let printed = 0;
  return () => {
    const bytes = readFileSync(path);
    process.stdout.write(bytes.subarray(printed));
    printed = bytes.length;
  };
}

/** Nobody is left to read what the machine says when this program is ended. */
function endTogether(child: ChildProcess): () => void {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const end = (): void => {
    child.kill('SIGKILL');
    process.exit(130);
  };
  for (const signal of signals) process.on(signal, end);
  return () => {
    for (const signal of signals) process.off(signal, end);
  };
}

const quote = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

function configOf(keep: readonly string[]): string {
  return [
    `KEEP=${quote(keep.join(' '))}`,
    `NVDIMMS=${quote(NVDIMMS.map(([kind]) => kind).join(' '))}`,
    `DAX_DIR=${quote(DAX_DIR)}\n`,
  ].join('\n');
}

function argumentsFor({ kernel, initrd, run }: Machine, options: Options, accel: 'kvm' | 'tcg'): string[] {
  const nvdimms = NVDIMMS.flatMap(([, mebibytes], n) => {
    const file = join(run, `nvdimm${n}`);
    writeFileSync(file, '');
    truncateSync(file, mebibytes * 2 ** 20);
    return [
      ...['-object', `memory-backend-file,id=memory${n},share=on,mem-path=${file},size=${mebibytes}M`],
      ...['-device', `nvdimm,id=nvdimm${n},memdev=memory${n}`],
    ];
  });
  // address space between them, for their alignment
  const most = NVDIMMS.reduce((sum, [, mebibytes]) => sum + mebibytes + 1024, options.mebibytes + 1024);
  const port = (name: string, to: string): string[] => [
    ...['-chardev', `${to},id=${name}`],
    ...['-device', `virtserialport,chardev=${name},name=${name}`],
  ];
  return [
    ...['-accel', accel, '-cpu', accel === 'kvm' ? 'host' : 'max', '-smp', String(options.cpus)],
    ...['-machine', 'pc,nvdimm=on', '-m', `${options.mebibytes}M,slots=${NVDIMMS.length},maxmem=${most}M`],
    ...['-nodefaults', '-no-user-config', '-nic', 'none', '-display', 'none', '-no-reboot'],
    ...['-kernel', kernel, '-initrd', initrd],
    ...['-append', `console=ttyS0 loglevel=4 panic=-1 mitigations=off vmem.run=${run}`],
    ...['-serial', `file:${join(run, 'console')}`],
    ...['-virtfs', 'local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap'],
    ...['-device', 'virtio-serial'],
    ...port('output', `file,path=${join(run, 'output')}`),
    ...port('control', `file,path=${join(run, 'control')}`),
    ...nvdimms,
  ];
}

function readIfAny(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
