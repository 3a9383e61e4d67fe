import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { arrowFindings } from './arrows.ts';
import { habitFindings } from './habits.ts';
import { readPlan, refusal } from './plan.ts';
import { readSource } from './source.ts';

const architecture = readFileSync(new URL('../../ARCHITECTURE.md', import.meta.url), 'utf8');
const plan = readPlan(architecture);

function findingsOf(files: Readonly<Record<string, string>>): string[] {
  const sources = Object.entries(files).map(([path, text]) => readSource(path, text));
  return [...arrowFindings(sources, plan), ...sources.flatMap((source) => habitFindings(source, plan))];
}

const importOf = (path: string) => `import { a } from '${path}';\nexport const b = a;\n`;
const long = (lines: number) => `export function long() {\n${'  step();\n'.repeat(lines - 2)}}\n`;

// Every rule with what breaks it and, beside it, the nearest thing that does not.
const rules: readonly {
  readonly rule: string;
  readonly path: string;
  readonly bad: string;
  readonly says: RegExp;
  readonly fine?: string;
  readonly finePath?: string;
}[] = [
  {
    rule: 'no upward import',
    path: 'src/vault/seal.ts',
    bad: importOf('../tenancy/unit.ts'),
    says: /^src\/vault\/seal\.ts:1 upward/,
    fine: importOf('../storage/doors.ts'),
  },
  {
    rule: 'no upward import of types alone',
    path: 'src/vault/seal.ts',
    bad: "import type { Unit } from '../tenancy/unit.ts';\nexport type A = Unit;\n",
    says: /upward/,
  },
  {
    rule: 'no upward import hidden in a dynamic import',
    path: 'src/vault/seal.ts',
    bad: "export const load = () => import('../tenancy/unit.ts');\n",
    says: /upward/,
  },
  {
    rule: 'siblings do not know each other: authorize and refresh',
    path: 'src/refresh/refresh-one.ts',
    bad: importOf('../authorize/begin.ts'),
    says: /one floor/,
    fine: importOf('../credentials/grant.ts'),
  },
  {
    rule: 'hosts imports only kernel',
    path: 'src/hosts/pool.ts',
    bad: importOf('../oauth/egress.ts'),
    says: /one floor/,
    fine: importOf('../kernel/log.ts'),
  },
  {
    rule: 'mail imports only kernel',
    path: 'src/mail/transport.ts',
    bad: importOf('../storage/job.ts'),
    says: /one floor/,
    fine: importOf('../kernel/log.ts'),
  },
  {
    rule: 'oauth never sees a domain room',
    path: 'src/oauth/pkce.ts',
    bad: importOf('../vault/sealed.ts'),
    says: /upward/,
    fine: importOf('../kernel/ids.ts'),
  },
  {
    rule: 'only the doors import faces',
    path: 'src/runner/step.ts',
    bad: importOf('../faces/http/server.ts'),
    says: /upward/,
    fine: importOf('./faces/http/server.ts'),
    finePath: 'src/compose.ts',
  },
  {
    rule: 'the product never imports what tests stand on',
    path: 'src/compose.ts',
    bad: importOf('../testing/database.ts'),
    says: /upward/,
    fine: importOf('../testing/database.ts'),
    finePath: 'src/compose.test.ts',
  },
  {
    rule: 'only the command line imports the provider emulator',
    path: 'src/runner/step.ts',
    bad: importOf('../../providers/ledger.ts'),
    says: /may import below nothing/,
    fine: importOf('../../providers/ledger.ts'),
    finePath: 'src/cli/provider.ts',
  },
  {
    rule: 'a test obeys the row of its room',
    path: 'src/vault/seal.test.ts',
    bad: importOf('../compose.ts'),
    says: /upward/,
    fine: importOf('../compose.ts'),
    finePath: 'src/vault/seal.e2e.test.ts',
  },
  {
    rule: 'a room without a row',
    path: 'src/garage/car.ts',
    bad: 'export const a = 1;\n',
    says: /no row/,
    fine: 'export const a = 1;\n',
    finePath: 'src/vault/car.ts',
  },
  {
    rule: 'ciphers only in the vault',
    path: 'src/tenancy/api-token.ts',
    bad: "import { createCipheriv } from 'node:crypto';\nexport const a = createCipheriv;\n",
    says: /createCipheriv of node:crypto belongs to vault/,
    fine: "import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';\nexport const a = [createHash, randomBytes, timingSafeEqual];\n",
  },
  {
    rule: 'keyed hashes only in the vault',
    path: 'src/tenancy/api-token.ts',
    bad: "import { createHmac } from 'crypto';\nexport const a = createHmac;\n",
    says: /createHmac/,
    fine: "import { createHmac } from 'crypto';\nexport const a = createHmac;\n",
    finePath: 'src/vault/aead.ts',
  },
  {
    rule: 'ciphers behind a namespace',
    path: 'src/tenancy/api-token.ts',
    bad: "import * as crypto from 'node:crypto';\nexport const a = crypto;\n",
    says: /\* of node:crypto/,
    fine: "import type { KeyObject } from 'node:crypto';\nexport type A = KeyObject;\n",
  },
  {
    rule: 'ciphers behind the web API',
    path: 'src/tenancy/api-token.ts',
    bad: 'export const a = () => crypto.subtle.generateKey;\n',
    says: /web crypto/,
  },
  {
    rule: 'sql only in stores',
    path: 'src/tenancy/unit.ts',
    bad: "import { sql } from 'kysely';\nexport const a = sql;\n",
    says: /sql of kysely/,
    fine: "import { sql } from 'kysely';\nexport const a = sql;\n",
    finePath: 'src/tenancy/unit-store.ts',
  },
  {
    rule: 'query builders only in stores',
    path: 'src/tenancy/unit.ts',
    bad: "export const a = (tx: Tx) => tx\n  .selectFrom('unit');\n",
    says: /\.selectFrom\(\)/,
    fine: "import type { Transaction } from 'kysely';\nexport type A = Transaction<unknown>;\n",
  },
  {
    rule: 'SQL text only in stores',
    path: 'src/tenancy/unit.ts',
    bad: 'export const a = `select name\nfrom unit where id = 1`;\n',
    says: /SQL text/,
    fine: "export const a = 'select a file';\n",
  },
  {
    rule: 'pg only in storage',
    path: 'src/tenancy/unit-store.ts',
    bad: "import pg from 'pg';\nexport const a = pg;\n",
    says: /of pg belongs to storage/,
    fine: "import pg from 'pg';\nexport const a = pg;\n",
    finePath: 'src/storage/database.ts',
  },
  {
    rule: 'undici only at the door to strangers',
    path: 'src/oauth/revocation.ts',
    bad: "import { request } from 'undici';\nexport const a = request;\n",
    says: /undici belongs to oauth\/egress\.ts/,
    fine: "import { request } from 'undici';\nexport const a = request;\n",
    finePath: 'src/oauth/egress.ts',
  },
  {
    rule: 'global fetch only at the door to strangers',
    path: 'src/oauth/revocation.ts',
    bad: "export const a = () => fetch('https://example.com');\n",
    says: /global fetch/,
    fine: "type Deps = { fetch: (url: string) => void };\nexport const a = ({ fetch }: Deps) => fetch('x');\nexport const b = (deps: Deps) => deps.fetch('x');\n",
  },
  {
    rule: 'global fetch handed on',
    path: 'src/oauth/revocation.ts',
    bad: 'export const a = { send: globalThis.fetch };\n',
    says: /global fetch/,
    fine: 'export type A = { send: typeof globalThis.fetch };\n',
  },
  {
    rule: 'http requests only at the door to strangers',
    path: 'src/faces/http/server.ts',
    bad: "import { get } from 'node:https';\nexport const a = get;\n",
    says: /get of node:https/,
    fine: "import { createServer } from 'node:https';\nexport const a = createServer;\n",
  },
  {
    rule: 'the clock comes in',
    path: 'src/refresh/due.ts',
    bad: 'export const a = () => Date.now();\n',
    says: /Date\.now only in kernel\/clock\.ts/,
    fine: 'export const a = () => new Date();\n',
    finePath: 'src/kernel/clock.ts',
  },
  {
    rule: 'the clock comes in, however it is asked',
    path: 'src/refresh/due.ts',
    bad: 'export const a = new Date();\n',
    says: /new Date\(\)/,
    fine: 'export const a = new Date(0);\n',
  },
  {
    rule: 'the clock comes in, even as a reference',
    path: 'src/refresh/due.ts',
    bad: 'export const a = { now: Date.now };\n',
    says: /Date\.now/,
    fine: '// Date.now() is not asked here\nexport const a = "Date.now()";\n',
  },
  {
    rule: 'chance comes in',
    path: 'src/refresh/due.ts',
    bad: 'export const a = Math.random();\n',
    says: /Math\.random/,
    fine: 'export const a = Math.random;\n',
    finePath: 'src/compose.ts',
  },
  {
    rule: 'no re-exports',
    path: 'src/vault/vault.ts',
    bad: "export * from './seal.ts';\n",
    says: /re-exports/,
    fine: 'export const a = 1;\n',
  },
  {
    rule: 'no re-exports of single names',
    path: 'src/vault/vault.ts',
    bad: "export { seal } from './seal.ts';\n",
    says: /re-exports/,
    fine: "export type { Sealed } from './seal.ts';\n",
  },
  {
    rule: 'no folder that says nothing',
    path: 'src/vault/utils/bytes.ts',
    bad: 'export const a = 1;\n',
    says: /"utils" says nothing/,
  },
  {
    rule: 'no file that says nothing',
    path: 'testing/helpers.test.ts',
    bad: 'export const a = 1;\n',
    says: /"helpers\.test\.ts" says nothing/,
    fine: 'export const a = 1;\n',
    finePath: 'testing/clock.ts',
  },
  {
    rule: 'file names are kebab-case',
    path: 'src/vault/rootKey.ts',
    bad: 'export const a = 1;\n',
    says: /kebab-case/,
    fine: 'export const a = 1;\n',
    finePath: 'src/vault/root-key.db.test.ts',
  },
  {
    rule: 'at most 400 lines a file',
    path: 'src/vault/seal.ts',
    bad: 'step();\n'.repeat(401),
    says: /401 lines/,
    fine: 'step();\n'.repeat(400),
  },
  {
    rule: 'at most 80 lines a function',
    path: 'src/vault/seal.ts',
    bad: long(81),
    says: /long has 81 lines/,
    fine: long(80),
  },
  {
    rule: 'at most 80 lines a method',
    path: 'src/vault/seal.ts',
    bad: `export class A {\n  open() {\n${'    step();\n'.repeat(79)}  }\n}\n`,
    says: /open has 81 lines/,
  },
  {
    rule: 'vendor words only in faces',
    path: 'src/connections/resolve.ts',
    bad: '// as Prismatic does\nexport const a = 1;\n',
    says: /"Prismatic" is a vendor's word/,
    fine: '// as Prismatic does\nexport const a = 1;\n',
    finePath: 'src/faces/graphql/credential.ts',
  },
  {
    rule: 'vendor words in names',
    path: 'src/connections/resolve.ts',
    bad: 'export const a = { authSecret: 1 };\n',
    says: /authSecret/,
    fine: "import '@prismatic-io/spectral';\nexport const a = { authorizationMethod: 1, spectral: 2 };\n",
    finePath: 'src/hosts/spectral-host.ts',
  },
  {
    rule: 'a host knows component libraries, not their platforms',
    path: 'src/hosts/pool.ts',
    bad: "export const a = 'elastic.io';\n",
    says: /elastic\.io/,
  },
  {
    rule: 'a file that does not parse is not a file without faults',
    path: 'src/vault/seal.ts',
    bad: 'export const = 1;\n',
    says: /:1 /,
  },
];

describe('each rule of the house catches what breaks it', () => {
  test.each(rules)('$rule', ({ path, bad, says, fine, finePath }) => {
    expect(findingsOf({ [path]: bad }).filter((finding) => says.test(finding))).toHaveLength(1);
    if (fine !== undefined) expect(findingsOf({ [finePath ?? path]: fine })).toEqual([]);
  });
});

test('a circle is found, also one of types alone, and also inside one room', () => {
  const circle = findingsOf({
    'src/vault/a.ts': "import { b } from './b.ts';\nexport const a = b;\n",
    'src/vault/b.ts': "import { c } from './c.ts';\nexport const b = c;\n",
    'src/vault/c.ts': "import type { A } from './a.ts';\nexport type C = A;\n",
  });
  expect(circle).toEqual([
    'src/vault/a.ts:1 circle: src/vault/a.ts -> src/vault/b.ts -> src/vault/c.ts -> src/vault/a.ts',
  ]);
  expect(
    findingsOf({
      'src/vault/a.ts':
        "import { c } from './c.ts';\nimport { b } from './b.ts';\nexport const a = [b, c];\n",
      'src/vault/b.ts': "import { c } from './c.ts';\nexport const b = c;\n",
      'src/vault/c.ts': 'export const c = 1;\n',
    }),
  ).toEqual([]);
});

test('the check reads the page: a row that moves changes the verdict', () => {
  expect(refusal(plan, 'vault', 'tenancy')).toMatch(/upward/);
  const moved = readPlan(architecture.replace('| `vault` | 4 |', '| `vault` | 6 |'));
  expect(refusal(moved, 'vault', 'tenancy')).toBeNull();
  expect(() => readPlan(architecture.replace('| `vault` | 4 |', '| `vault` | ? |'))).toThrow(/vault/);
  expect(() => readPlan('# Architecture\n')).toThrow(/missing/);
});

test('lines are named exactly, so that a finding can be clicked', () => {
  const text = `${'// one\n'.repeat(6)}export const a = () => Date.now();\n`;
  expect(findingsOf({ 'src/refresh/due.ts': text })[0]).toMatch(/^src\/refresh\/due\.ts:7 /);
});
