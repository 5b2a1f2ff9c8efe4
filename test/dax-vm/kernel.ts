// Debian's kernel with the modules that the guest needs, out of its package, which is fetched but not installed: that
// would rebuild the host's own images for booting.

import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { program } from './packages';
import { Skip, outputOf, step } from './report';

export interface Kernel {
  readonly image: string;
  /** Files of modules, in an order in which they can be loaded. */
  readonly modules: readonly string[];
}

const PACKAGE = 'linux-image-amd64';

/** What the guest loads, besides what these need. */
const MODULES = [
  ...['virtio_pci', 'virtio_console', '9p', '9pnet_virtio', 'overlay'],
  ...['nfit', 'nd_pmem', 'dax_pmem', 'device_dax', 'crc32c_generic', 'ext4'],
];

/** @throws Skip where there is no package to be had */
export async function prepareKernel(cache: string): Promise<Kernel> {
  const folder = join(cache, 'kernel');
  if (!existsSync(folder)) {
    const work = join(cache, `kernel-${process.pid}`);
    try {
      await step('fetching a kernel', () => fetchKernel(work));
      renameSync(join(work, 'done'), folder);
    } catch (error) {
      if (error instanceof Skip) throw error;
      throw new Skip(`no kernel is to be had: ${(error as Error).message}`);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  }
  const modules = readdirSync(join(folder, 'modules')).sort();
  return { image: join(folder, 'vmlinuz'), modules: modules.map((name) => join(folder, 'modules', name)) };
}

async function fetchKernel(work: string): Promise<void> {
  const packed = join(work, 'packed');
  const files = join(work, 'files');
  const done = join(work, 'done');
  for (const folder of [packed, files, join(done, 'modules')]) mkdirSync(folder, { recursive: true });

  const name = await packageName();
  // apt would otherwise read and write as a user who may not be let into the checkout
  await outputOf('apt-get', ['-q', '-o', 'APT::Sandbox::User=root', 'download', name], packed);
  const [archive] = readdirSync(packed);
  if (archive === undefined) throw new Skip(`apt-get download ${name} has brought nothing`);
  await outputOf(program('dpkg-deb'), ['-x', join(packed, archive), files]);
  // where depmod and modprobe look, on systems that have one /usr for all
  if (!existsSync(join(files, 'lib'))) symlinkSync('usr/lib', join(files, 'lib'));

  const release = readdirSync(join(files, 'lib/modules'))[0] ?? '';
  cpSync(join(files, 'boot', `vmlinuz-${release}`), join(done, 'vmlinuz'));
  await outputOf(program('depmod'), ['-b', files, release]);
  const paths = new Set<string>();
  for (const module of MODULES) for (const path of await insertions(files, release, module)) paths.add(path);
  let number = 100;
  for (const path of paths) await copyModule(path, join(done, 'modules', `${number++}-${basename(path)}`));
}

/** The newest kernel that apt knows, by the package that depends on it. */
async function packageName(): Promise<string> {
  const lookUp = async (): Promise<string | undefined> => {
    const text = (await outputOf('apt-cache', ['depends', PACKAGE]).catch(() => '')).toString();
    return /Depends: (linux-image-\d\S*)/.exec(text)?.[1];
  };
  const known = await lookUp();
  if (known !== undefined) return known;
  if (process.getuid?.() === 0) await outputOf('apt-get', ['update', '-q']);
  const found = await lookUp();
  if (found === undefined) throw new Skip(`apt knows no ${PACKAGE}; apt-get update may help`);
  return found;
}

/** Without the host's own configuration, in which ndctl's package replaces a module by a command. */
async function insertions(files: string, release: string, module: string): Promise<string[]> {
  const args = ['-C', '/dev/null', '-d', files, '-S', release, '--show-depends', module];
  const text = (await outputOf(program('modprobe'), args)).toString();
  return [...text.matchAll(/^insmod (\S+)/gm)].map(([, path = '']) => path);
}

async function copyModule(path: string, target: string): Promise<void> {
  const [, compression = ''] = /\.(xz|zst|gz)$/.exec(path) ?? [];
  if (compression === '') {
    cpSync(path, target);
    return;
  }
  const unpack = { xz: 'xz', zst: 'zstd', gz: 'gzip' }[compression as 'xz' | 'zst' | 'gz'];
  writeFileSync(target.slice(0, -1 - compression.length), await outputOf(program(unpack), ['-dc', path]));
}
