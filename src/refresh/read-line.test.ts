import { expect, test } from 'vitest';
import { type CredentialId, newId, type TenantId } from '../kernel/ids.ts';
import { createReadLine } from './read-line.ts';

type Found = { readonly id: CredentialId; readonly text: string };

type Statement = {
  readonly tenant: TenantId;
  readonly ids: readonly CredentialId[];
  readonly answer: (found: readonly Found[]) => void;
  readonly fail: (error: Error) => void;
};

/** A line whose statements wait until the test answers them. */
function openLine() {
  const statements: Statement[] = [];
  const read = createReadLine<Found>(
    (tenant, ids) =>
      new Promise((answer, fail) => {
        statements.push({ tenant, ids, answer, fail });
      }),
  );
  const answer = async (index: number): Promise<void> => {
    const statement = statements[index];
    statement?.answer(statement.ids.toReversed().map((id) => ({ id, text: `found ${id}` })));
    await new Promise(setImmediate);
  };
  return { statements, read, answer };
}

const ids = (count: number) => Array.from({ length: count }, () => newId<CredentialId>());
const tenant = newId<TenantId>();

test('reads that wait go together in the next statement, each once, and each gets its own answer', async () => {
  const { statements, read, answer } = openLine();
  const [a, b, c, d] = ids(4) as [CredentialId, CredentialId, CredentialId, CredentialId];
  const reads = [a, b, c, d, c].map((id) => read(tenant, id));
  expect(statements.map((statement) => statement.ids)).toEqual([[a], [b]]);
  await answer(0);
  expect(statements[2]?.ids).toEqual([c, d]);
  await answer(1);
  await answer(2);
  expect(await Promise.all(reads)).toEqual([a, b, c, d, c].map((id) => ({ id, text: `found ${id}` })));
});

test('a read never joins a statement that has begun: it would see what was true before it was asked for', async () => {
  const { statements, read, answer } = openLine();
  const [id] = ids(1) as [CredentialId];
  const first = read(tenant, id);
  const second = read(tenant, id);
  expect(statements).toHaveLength(2);
  await answer(0);
  await answer(1);
  await Promise.all([first, second]);
  const third = read(tenant, id);
  expect(statements).toHaveLength(3);
  await answer(2);
  await third;
});

test('what the tenant does not have is null, beside what it has', async () => {
  const { statements, read } = openLine();
  const [known, unknown] = ids(2) as [CredentialId, CredentialId];
  const reads = [read(tenant, known), read(tenant, unknown)];
  const found = { id: known, text: 'here' };
  statements[0]?.answer([found]);
  statements[1]?.answer([]);
  expect(await Promise.all(reads)).toEqual([found, null]);
});

test('a failed statement fails its own reads and no others', async () => {
  const { statements, read, answer } = openLine();
  const reads = ids(3).map((id) =>
    read(tenant, id).then(
      (found) => found?.text,
      (error: Error) => error.message,
    ),
  );
  statements[0]?.fail(new Error('gone'));
  await new Promise(setImmediate);
  await answer(1);
  await answer(2);
  expect((await Promise.all(reads)).map((text) => text?.slice(0, 5))).toEqual(['gone', 'found', 'found']);
});

test('tenants do not wait for each other, and no statement is without bound', async () => {
  const { statements, read, answer } = openLine();
  const reads = ids(200).map((id) => read(tenant, id));
  const other = newId<TenantId>();
  reads.push(...ids(1).map((id) => read(other, id)));
  expect(statements.map((statement) => statement.tenant)).toEqual([tenant, tenant, other]);
  for (let index = 0; index < statements.length; index += 1) await answer(index);
  await Promise.all(reads);
  const sizes = statements.map((statement) => statement.ids.length);
  expect(Math.max(...sizes)).toBe(64);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(201);
});
