import {
  DEFAULT_MIN_SIZE,
  VMMALLOC_MIN_POOL,
  logsStatistics,
  readEnvironment,
} from '#src/vmmalloc/environment';

const GOOD = { VMMALLOC_POOL_DIR: '/tmp', VMMALLOC_POOL_SIZE: String(VMMALLOC_MIN_POOL) };

test('what is not set has its default', () => {
  expect(readEnvironment(GOOD)).toEqual({
    dir: '/tmp',
    size: VMMALLOC_MIN_POOL,
    fork: 1,
    minSize: DEFAULT_MIN_SIZE,
    fallsBack: false,
  });
});

test('all of it is read', () => {
  const variables = {
    VMMALLOC_POOL_DIR: '/mnt/pmem',
    VMMALLOC_POOL_SIZE: '8589934592',
    VMMALLOC_FORK: '3',
    VMMALLOC_MIN_SIZE: '0',
    VMMALLOC_FALLBACK: '1',
  };
  expect(readEnvironment(variables)).toEqual({
    dir: '/mnt/pmem',
    size: 8 * 2 ** 30,
    fork: 3,
    minSize: 0,
    fallsBack: true,
  });
});

describe('VMMALLOC_POOL_DIR, VMMALLOC_POOL_SIZE', () => {
  it.each(['VMMALLOC_POOL_DIR', 'VMMALLOC_POOL_SIZE'])('without %s there is no pool', (name) => {
    expect(readEnvironment({ ...GOOD, [name]: undefined })).toBe(
      `Error (libvmmalloc): environment variable ${name} not specified`,
    );
  });

  it.each([
    ['1048576', 1048576],
    ['14680063', 14680063],
    ['0', 0],
    ['-0', 0],
    ['', 0],
    ['much', 0],
    ['16M', 16],
    ['1e9', 1],
    ['0x1000000', 0],
  ])('a size of %j is less than the minimum', (text, bytes) => {
    expect(readEnvironment({ ...GOOD, VMMALLOC_POOL_SIZE: text })).toBe(
      `Error (libvmmalloc): VMMALLOC_POOL_SIZE value is less than minimum (${bytes} < 14680064)`,
    );
  });

  it('a size below 0 is told apart', () => {
    expect(readEnvironment({ ...GOOD, VMMALLOC_POOL_SIZE: '-16777216' })).toBe(
      'Error (libvmmalloc): negative VMMALLOC_POOL_SIZE',
    );
  });

  it.each([
    ['16777216', 16777216],
    [' +16777216 bytes', 16777216],
    ['9223372036854775807', Number.MAX_SAFE_INTEGER],
  ])('a size of %j is read as C reads it', (text, size) => {
    expect(readEnvironment({ ...GOOD, VMMALLOC_POOL_SIZE: text })).toMatchObject({ size });
  });
});

describe('numbers that may be left out', () => {
  it.each([
    ['VMMALLOC_FORK', '4', '4'],
    ['VMMALLOC_FORK', '-1', '-1'],
    ['VMMALLOC_FORK', 'on', 'on'],
    ['VMMALLOC_FORK', '', ''],
    ['VMMALLOC_FORK', 'two\nlines', 'two\\nlines'],
    ['VMMALLOC_MIN_SIZE', '-1', '-1'],
    ['VMMALLOC_MIN_SIZE', 'small', 'small'],
    ['VMMALLOC_FALLBACK', '2', '2'],
    ['VMMALLOC_FALLBACK', 'yes', 'yes'],
  ])('%s=%j is refused', (name, text, told) => {
    expect(readEnvironment({ ...GOOD, [name]: text })).toBe(
      `Error (libvmmalloc): incorrect ${name} value (${told})`,
    );
  });

  it.each([0, 1, 2, 3])('VMMALLOC_FORK=%i is taken', (fork) => {
    expect(readEnvironment({ ...GOOD, VMMALLOC_FORK: String(fork) })).toMatchObject({ fork });
  });
});

it.each([undefined, '0', '2', 'yes', '', '1 '])('VMMALLOC_LOG_STATS=%j prints none', (text) => {
  expect(logsStatistics({ VMMALLOC_LOG_STATS: text })).toBe(false);
  expect(logsStatistics({ VMMALLOC_LOG_STATS: '1' })).toBe(true);
});

test('what comes first in C is told first', () => {
  const variables = { VMMALLOC_POOL_SIZE: '1', VMMALLOC_FORK: '4' };
  expect(readEnvironment(variables)).toMatch(/VMMALLOC_POOL_DIR not specified/);
  expect(readEnvironment({ ...GOOD, ...variables })).toMatch(/less than minimum \(1 </);
});
