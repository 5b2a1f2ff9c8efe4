// Allocators in C: the same workloads, compiled against each library that is installed. A program says by itself whether
// its blocks really come from that library.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { BenchError, messageOf } from '../failure';

export interface NativePeer {
  readonly id: string;
  readonly title: string;
  readonly define: string;
  readonly header: string | undefined;
  readonly libraries: readonly string[];
  /** Debian's packages; none where Debian has it no more. */
  readonly packages: readonly string[];
  /** Memory comes from a pool of a fixed size, in a file. */
  readonly hasPool: boolean;
}

export const NATIVE_PEERS: readonly NativePeer[] = [
  {
    id: 'libvmem',
    title: 'C: libvmem',
    define: 'LIBVMEM',
    header: 'libvmem.h',
    libraries: ['vmem'],
    packages: [],
    hasPool: true,
  },
  {
    id: 'memkind',
    title: 'C: memkind pmem',
    define: 'MEMKIND',
    header: 'memkind.h',
    libraries: ['memkind'],
    packages: ['libmemkind-dev'],
    hasPool: true,
  },
  {
    id: 'glibc',
    title: 'C: glibc',
    define: 'GLIBC',
    header: undefined,
    libraries: [],
    packages: ['gcc', 'libc6-dev'],
    hasPool: false,
  },
  {
    id: 'jemalloc',
    title: 'C: jemalloc',
    define: 'JEMALLOC',
    header: 'jemalloc/jemalloc.h',
    libraries: ['jemalloc'],
    packages: ['libjemalloc-dev'],
    hasPool: false,
  },
  {
    id: 'mimalloc',
    title: 'C: mimalloc',
    define: 'MIMALLOC',
    header: 'mimalloc.h',
    libraries: ['mimalloc'],
    packages: ['libmimalloc-dev'],
    hasPool: false,
  },
  {
    id: 'tcmalloc',
    title: 'C: tcmalloc',
    define: 'TCMALLOC',
    header: 'gperftools/tcmalloc.h',
    libraries: ['tcmalloc_minimal'],
    packages: ['libgoogle-perftools-dev'],
    hasPool: false,
  },
  {
    id: 'control-c',
    title: '(no allocator, C)',
    define: 'CONTROL',
    header: undefined,
    libraries: [],
    packages: ['gcc', 'libc6-dev'],
    hasPool: false,
  },
];

const SOURCES = resolve(__dirname, '../../native');
const PROGRAMS = resolve(__dirname, '../native');
const FLAGS = ['-std=gnu11', '-O2', '-pthread', '-fno-builtin-malloc', '-fno-builtin-free'];

/** Native programs that have no allocator: rows of the control. */
export const NATIVE_CONTROL = 'control-c';

function gcc(args: readonly string[], input = ''): void {
  execFileSync('gcc', args, { input, stdio: ['pipe', 'ignore', 'pipe'] });
}

function isInstalled({ header }: NativePeer): boolean {
  if (header === undefined) return true;
  try {
    gcc(['-E', '-x', 'c', '-'], `#include <${header}>\n`);
    return true;
  } catch {
    return false;
  }
}

function hasCompiler(): boolean {
  try {
    gcc(['--version']);
    return true;
  } catch {
    return false;
  }
}

/** Compiles the peer's program if it is not there or older than a source. */
export function compilePeer(peer: NativePeer): string {
  const { id, define, libraries, packages } = peer;
  if (process.platform !== 'linux') throw new BenchError('native peers are for Linux');
  if (!hasCompiler()) throw new BenchError('there is no gcc');
  if (!isInstalled(peer)) {
    throw new BenchError(
      packages.length === 0
        ? `there is no ${peer.header}, and Debian has no package of it`
        : `${packages.join(', ')} is not installed; --install does it`,
    );
  }
  const program = join(PROGRAMS, id);
  const sources = readdirSync(SOURCES).map((name) => join(SOURCES, name));
  const youngest = Math.max(...sources.map((path) => statSync(path).mtimeMs));
  if (existsSync(program) && statSync(program).mtimeMs > youngest) return program;
  mkdirSync(PROGRAMS, { recursive: true });
  const linked = ['-Wl,--no-as-needed', ...libraries.map((name) => `-l${name}`), '-lm', '-ldl'];
  const units = sources.filter((path) => path.endsWith('.c'));
  try {
    gcc([...FLAGS, '-D', `ALLOCATOR_${define}`, ...units, '-o', program, ...linked]);
  } catch (error) {
    const { stderr } = error as { stderr?: Buffer };
    const line = (stderr?.toString() ?? messageOf(error)).split('\n').find((text) => /error/.test(text));
    throw new BenchError(`it does not compile: ${line ?? messageOf(error)}`);
  }
  return program;
}

/** Installs what Debian has of the peers. */
export function installPeers(): void {
  if (process.getuid?.() !== 0) throw new BenchError('--install needs root: it runs apt-get');
  const packages = [...new Set(NATIVE_PEERS.flatMap((peer) => peer.packages))];
  try {
    execFileSync('apt-get', ['update'], { stdio: ['ignore', 'ignore', 'pipe'] });
    execFileSync('apt-get', ['install', '-y', '--no-install-recommends', ...packages], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
  } catch (error) {
    throw new BenchError(`--install: ${messageOf(error).split('\n').slice(0, 2).join(' ')}`);
  }
}
