import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Log, LogLevel } from '#src/c/log';
import { thrownBy } from '../support/thrown';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'vmem-test-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

const levelFor = (text: string): number => new Log('libx', 'X', { X_LOG_LEVEL: text }).level;
const logTo = (file: string): Log => new Log('libx', 'X', { X_LOG_FILE: join(dir, file) });
const read = (file: string): string => readFileSync(join(dir, file), 'utf8');

it.each([
  ['', 0],
  ['0', 0],
  ['1', 1],
  ['4', 4],
  ['5', 4],
  ['-3', 0],
  [' 2', 2],
  ['+2', 2],
  ['2.9', 2],
  ['3x', 3],
  ['x3', 0],
  ['99999999999999999999', 4],
])('level %j is %d', (text, level) => {
  expect(levelFor(text)).toBe(level);
});

describe('the file', () => {
  it('is made when the first text goes to it, for its owner alone', () => {
    const log = logTo('log');
    expect(readdirSync(dir)).toEqual([]);
    log.print('one\n');
    expect(statSync(join(dir, 'log')).mode & 0o777).toBe(0o600);
  });

  it('is appended to, by whichever log', () => {
    logTo('log').print('one\n');
    logTo('log').print('two\n');
    expect(read('log')).toBe('one\ntwo\n');
  });

  it('has the process id in its name if that ends in -', () => {
    logTo('log-').print('€\n');
    expect(read(`log-${process.pid}`)).toBe('€\n');
  });

  it('stays where the variable said, whatever the working directory is then', () => {
    const log = new Log('libx', 'X', { X_LOG_FILE: 'log' });
    const home = process.cwd();
    process.chdir(dir);
    try {
      const relative = new Log('libx', 'X', { X_LOG_FILE: 'here' });
      process.chdir(home);
      relative.print('text');
      expect(read('here')).toBe('text');
    } finally {
      process.chdir(home);
    }
    expect(log.level).toBe(0);
  });
});

it('a line is one line, whatever it tells', () => {
  const log = logTo('log');
  log.line(LogLevel.calls, 'x_malloc', 'a\nb');
  expect(read('log')).toBe('<libx>: <3> [thread 0, x_malloc] a\\nb\n');
});

describe('a print function', () => {
  it('gets everything until it is taken back', () => {
    const log = logTo('log');
    const texts: string[] = [];
    log.printTo((text) => texts.push(text));
    log.print('one');
    log.line(LogLevel.errors, 'x', 'two');
    log.printTo(undefined);
    log.print('three');
    expect(texts).toEqual(['one', '<libx>: <1> [thread 0, x] two\n']);
    expect(read('log')).toBe('three');
  });

  it('does not get what it gives reason to print itself', () => {
    const log = logTo('log');
    let calls = 0;
    log.printTo(() => {
      calls++;
      log.print('inner');
    });
    log.print('outer');
    log.print('outer');
    expect([calls, read('log')]).toEqual([2, 'innerinner']);
  });

  it('may throw, and is called again then', () => {
    const log = logTo('log');
    let calls = 0;
    log.printTo(() => {
      calls++;
      throw new Error('theirs');
    });
    for (let i = 0; i < 2; i++) expect(thrownBy(() => log.print('text')).message).toBe('theirs');
    expect(calls).toBe(2);
  });
});
