import { defineConfig } from 'vitest/config';

// Four kinds of test, told apart by name: *.test.ts needs nothing, *.db.test.ts a database
// (one server per run, one database per file), *.e2e.test.ts whole processes, *.alone.test.ts a machine on which nothing
// else runs, because times are part of what it judges. Of the others two files run at a time.
const rooms = ['src', 'providers', 'testing', 'scripts', 'components', 'demo', 'conformance'];
const named = (suffix: string) => rooms.map((room) => `${room}/**/*.${suffix}`);
const otherKinds = ['db.test.ts', 'e2e.test.ts', 'alone.test.ts'];
// Files of one process share what they import: loading it anew for each file took a quarter of the time. No module keeps state.
const pace = { maxWorkers: 2, isolate: false };

// Node takes graphql's CommonJS build, as the libraries on top of it do; the bundler's rules would add the other one, and
// the types of two builds do not know each other.
const resolve = { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] };

export default defineConfig({
  test: {
    projects: [
      {
        resolve,
        test: {
          name: 'unit',
          include: named('test.ts'),
          exclude: [...otherKinds.flatMap(named), '**/node_modules/**'],
          // Nothing here is about time; a machine that is busy with other things must not fail a test.
          testTimeout: 60_000,
          hookTimeout: 60_000,
          ...pace,
        },
      },
      {
        resolve,
        test: {
          name: 'db',
          include: named('db.test.ts'),
          exclude: ['**/node_modules/**'],
          globalSetup: ['testing/database-server.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          ...pace,
        },
      },
      {
        resolve,
        test: {
          name: 'e2e',
          include: named('e2e.test.ts'),
          exclude: ['**/node_modules/**'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          ...pace,
        },
      },
      {
        resolve,
        test: {
          name: 'alone',
          include: named('alone.test.ts'),
          exclude: ['**/node_modules/**'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
