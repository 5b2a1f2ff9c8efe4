/** @jest-config-loader-options {"transpileOnly": true} */
import type { Config } from 'jest';

// Tests are TypeScript, compiled by `tsc -b` into the dist folder beside them; jest runs what was compiled and reads
// its source maps. Workers that a test starts are files of the same dist folders.
// `module.exports` and not `export default`: Node versions that read TypeScript themselves take the file as CommonJS.
module.exports = {
  testEnvironment: 'node',
  testMatch: [
    '<rootDir>/packages/*/test/dist/**/*.test.js',
    '<rootDir>/test/dist/**/*.test.js',
    '<rootDir>/bench/dist/test/**/*.test.js',
  ],
  modulePathIgnorePatterns: ['<rootDir>/.setup/', '<rootDir>/.ci/', '/target/'],
  transform: {},
  // A stress test on a loaded two-core machine takes tens of seconds; a test that hangs must still end by itself.
  testTimeout: 120_000,
  maxWorkers: 2,
} satisfies Config;
