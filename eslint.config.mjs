// What prettier decides (layout) is not linted. Which folder may import which is a test: test/rules/imports.test.ts.
import js from '@eslint/js';
import prettier from 'eslint-config-prettier';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

const NODE_GLOBALS = [
  'Buffer',
  'console',
  'fetch',
  'performance',
  'process',
  'setInterval',
  'clearInterval',
  'setTimeout',
];

const RESTRICTED = [
  { selector: 'ExportDefaultDeclaration', message: 'Name what you export.' },
  {
    selector: 'MemberExpression[property.name="only"][object.name=/^(test|it|describe)$/]',
    message: 'This would leave all other tests of the file out.',
  },
];

export default defineConfig(
  globalIgnores(['**/dist/', '**/target/', '.setup/', '.ci/', 'coverage/', 'docs/api/']),
  js.configs.recommended,
  {
    rules: {
      eqeqeq: 'error',
      'object-shorthand': 'error',
      'prefer-const': 'error',
      'no-restricted-syntax': ['error', ...RESTRICTED],
    },
  },
  {
    files: ['**/*.mjs', '**/*.cjs', '**/*.js'],
    languageOptions: { globals: Object.fromEntries(NODE_GLOBALS.map((name) => [name, 'readonly'])) },
  },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['jest.config.ts'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/consistent-type-exports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],

      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      // `import x = require()` is the module itself, whose properties the preload exchanges.
      '@typescript-eslint/no-require-imports': ['error', { allowAsImport: true }],
      // Const enums here are tables of word positions and bits: members are computed from the one before, two fields
      // may share a word, and what is read from shared memory is a plain number.
      '@typescript-eslint/prefer-literal-enum-member': 'off',
      '@typescript-eslint/no-duplicate-enum-values': 'off',
      '@typescript-eslint/no-unsafe-enum-assignment': 'off',
      '@typescript-eslint/no-unsafe-enum-comparison': 'off',
      // Loops that end by return, and checks of what plain JavaScript may pass in against its type.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      // `T extends TypedArray` used once still says what a caller gets.
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  {
    files: ['packages/allocator/src/**/*.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        ...RESTRICTED,
        {
          selector: 'NewExpression[callee.name=/Array(Buffer)?$/][arguments.length=1]',
          message:
            'A program may have exchanged it for one that calls this heap: take that of base/built-in.',
        },
      ],
    },
  },
  {
    files: ['**/test/**/*.ts'],
    rules: {
      // Tests hand wrong values in on purpose.
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-explicit-any': 'off',
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/unbound-method': 'off',
      // `buffer = undefined` is how a test lets go of memory.
      'no-useless-assignment': 'off',
    },
  },
  {
    files: ['*.config.*'],
    extends: [tseslint.configs.disableTypeChecked],
    rules: { 'no-restricted-syntax': 'off', 'no-undef': 'off' },
  },
  prettier,
);
