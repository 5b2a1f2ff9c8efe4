// libvmem's names cost nothing besides the class Vmem, and its log nothing while it is off, since V8 puts all of vmem_malloc
// and vmem_free into their callers: it finds them as plain properties of the module, they are short enough, and it drops what
// the log would do.

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import * as libvmem from '@vmem-ts/vmem-api/libvmem';

/** V8's report on what it did with the functions that a hot caller calls. */
function inlining(variables: Record<string, string> = {}): string {
  const script = join(__dirname, '..', 'workers', 'hot-caller.js');
  const flags = ['--trace-turbo-inlining', '--no-concurrent-recompilation', script];
  const env = { ...process.env, VMEM_LOG_LEVEL: '0', VMEM_LOG_FILE: '/dev/null', ...variables };
  return execFileSync(process.execPath, flags, { encoding: 'utf8', maxBuffer: 1 << 28, env });
}

const inlined = (name: string): RegExp =>
  new RegExp(`^Inlining .*<SharedFunctionInfo ${name}>.* into .*<SharedFunctionInfo hotCaller>`, 'm');
const considered = (name: string): RegExp => new RegExp(`<SharedFunctionInfo ${name}>.* for inlining`);

test('vmem_malloc, vmem_free and the heap’s own malloc and free are inlined, and no log is in the way', () => {
  const report = inlining();
  for (const name of ['vmem_malloc', 'vmem_free', 'malloc', 'free']) expect(report).toMatch(inlined(name));
  for (const name of ['traceMalloc', 'traceFree', 'mallocReturns'])
    expect(report).not.toMatch(considered(name));
});

test('a log that is on is in the way', () => {
  const report = inlining({ VMEM_LOG_LEVEL: '4' });
  for (const name of ['traceMalloc', 'traceFree', 'mallocReturns']) expect(report).toMatch(considered(name));
});

test('all names are plain properties', () => {
  const accessors = Object.entries(Object.getOwnPropertyDescriptors(libvmem)).filter(([, { get }]) => get);
  expect(accessors).toEqual([]);
});
