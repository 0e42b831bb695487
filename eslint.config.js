import eslint from '@eslint/js';
import tseslint from 'typescript-eslint';

// Imports run one way: gateway -> rollout -> { firmware, printer } -> audit -> { database, common, config }. docs/ARCHITECTURE.md has
// the picture.
const FOLDERS = [
  'fleet',
  'access',
  'metrics',
  'console',
  'http',
  'gateway',
  'rollout',
  'firmware',
  'signing',
  'printer',
  'audit',
  'backup',
  'database',
  'common',
  'config',
  'health',
  'simulator',
  'simulator-control',
];
// What each folder may import; itself goes without saying.
const ALLOWED = {
  gateway: ['rollout', 'printer', 'database', 'common', 'config'],
  rollout: ['firmware', 'printer', 'audit', 'database', 'common', 'config'],
  signing: ['audit', 'database', 'common', 'config'],
  firmware: ['signing', 'audit', 'database', 'common', 'config'],
  printer: ['audit', 'database', 'common', 'config'],
  audit: ['database', 'common', 'config'],
  backup: ['database', 'common', 'config'],
  health: ['firmware', 'database', 'common', 'config'],
  database: ['common', 'config'],
  config: [],
  common: ['config'],
  simulator: [],
  'simulator-control': ['simulator', 'common', 'config'],
  console: ['common', 'config'],
  access: ['console', 'firmware', 'audit', 'database', 'common', 'config'],
  fleet: ['rollout', 'printer', 'firmware', 'database', 'common', 'config'],
  metrics: ['gateway', 'rollout', 'printer', 'firmware', 'database', 'common', 'config'],
  http: ['metrics', 'console', 'common', 'config'],
};
const FRAMEWORKS = ['@nestjs/*', 'typeorm', 'typeorm/*', 'express', 'class-validator', 'class-transformer'];

const direction = Object.entries(ALLOWED).map(([folder, allowed]) => ({
  files: [`src/${folder}/**/*.ts`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          {
            group: FOLDERS.filter((other) => other !== folder && !allowed.includes(other)).map(
              (other) => `**/${other}/**`,
            ),
            message: `${folder} does not import these folders.`,
          },
        ],
      },
    ],
  },
}));

export default tseslint.config(
  { ignores: ['dist', 'node_modules', 'uploads', 'coverage', 'console/src/api/schema.ts'] },
  eslint.configs.recommended,
  {
    files: ['**/*.ts', '**/*.tsx'],
    extends: [...tseslint.configs.strictTypeChecked, ...tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/array-type': ['error', { default: 'array-simple' }],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'separate-type-imports' }],
      // Modules of Nest are empty classes with a decorator.
      '@typescript-eslint/no-extraneous-class': [
        'error',
        { allowWithDecorator: true, allowStaticOnly: true },
      ],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      // Null and undefined are told apart on the wire, and treated alike where both mean "absent".
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      // Entities and DTOs are classes only for their decorators: what goes in and out are plain objects.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      '@typescript-eslint/no-misused-spread': 'off',
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      'no-console': 'error',
    },
  },
  {
    files: [
      'src/main.ts',
      'src/access/cli.ts',
      'src/backup/cli.ts',
      'src/signing/cli.ts',
      'src/simulator/cli.ts',
    ],
    rules: { 'no-console': 'off' },
  },
  ...direction,
  {
    // The rules of the domain are pure functions: no framework, no database, no clock.
    files: ['src/rollout/domain/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            { group: FRAMEWORKS, message: 'The domain imports no framework.' },
            {
              regex: '^\\.\\./(?!\\.\\./common/(?:bucket|channel|version)\\.js$)',
              message: 'The domain imports nothing but itself, buckets, channels and versions.',
            },
          ],
        },
      ],
      'no-restricted-syntax': [
        'error',
        {
          selector: 'NewExpression[callee.name="Date"][arguments.length=0]',
          message: 'Time is an argument.',
        },
      ],
    },
  },
  {
    // The console knows the server by its REST API alone.
    files: ['console/**/*.ts', 'console/**/*.tsx'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            { group: ['**/../src/**', '@nestjs/*'], message: 'The console imports no server code.' },
          ],
        },
      ],
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/require-await': 'off',
    },
  },
  {
    files: ['**/*.js'],
    languageOptions: { globals: { process: 'readonly' } },
  },
);
