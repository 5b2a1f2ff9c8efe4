// The machine that figures are from.

import { statfsSync } from 'node:fs';
import { availableParallelism, cpus, hostname, loadavg, release, totalmem, type, arch } from 'node:os';

export interface Machine {
  readonly host: string;
  readonly system: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly node: string;
  readonly v8: string;
  /** Of one minute, before the first round: above the number of cores, figures are worth little. */
  readonly load: number;
  readonly fileSystem: string;
}

const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  0xef53: 'ext4',
  0x01021994: 'tmpfs',
  0x794c7630: 'overlayfs',
  0x58465342: 'xfs',
  0x9123683e: 'btrfs',
};

export function describeMachine(dir: string): Machine {
  const { type: magic } = statfsSync(dir);
  return {
    host: hostname(),
    system: `${type()} ${release()} ${arch()}`,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    v8: process.versions.v8,
    load: Math.round((loadavg()[0] ?? 0) * 10) / 10,
    fileSystem: FILE_SYSTEMS[magic] ?? `0x${magic.toString(16)}`,
  };
}

export function machineText(machine: Machine): string {
  const { system, cpu, cores, memoryGiB, node, v8, load, fileSystem } = machine;
  const busy = load > cores / 2 ? ' - busy: compare ratios only, and with care' : '';
  return (
    `${cpu}, ${cores} cores, ${memoryGiB} GiB; ${system}; pools on ${fileSystem}; ` +
    `Node ${node}, V8 ${v8}; load ${load}${busy}`
  );
}
