import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

test('an allocation that the log makes itself is not logged', () => {
  const script = join(__dirname, '..', 'workers', 'logging-allocator.js');
  const { status, stderr } = spawnSync(process.execPath, [script], {
    encoding: 'utf8',
    env: { ...process.env, VMMALLOC_LOG_LEVEL: '4', VMMALLOC_LOG_FILE: '' },
  });
  expect(status).toBe(0);
  const [, ...lines] = stderr.trimEnd().split('\n'); // the first one names the process
  expect(lines).toEqual(['<libvmmalloc>: <4> [thread 0, malloc] size 4']);
});
