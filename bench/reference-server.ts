// The two references that the token read is measured against. `bare`: the least that any service must do which keeps
// sealed tokens in PostgreSQL: one prepared SELECT by primary key and one AES-256-GCM open with a key in memory,
// answered by fastify; no authentication, no tenants, no audit. `hello`: fastify alone.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import Fastify, { type FastifyInstance } from 'fastify';
import pg from 'pg';
import { silentLog } from '../src/kernel/log.ts';
import { openEmbedded } from '../src/storage/database.ts';
import { benchTokens } from './bench-token.ts';

/** As many connections as the product's door for requests has. */
const poolSize = 20;
const rowsPerInsert = 5_000;
const cipher = 'aes-256-gcm';
const nonceLength = 12;
const tagLength = 16;

type Row = { readonly name: string; readonly sealed: Buffer };

const [kind, directory = '', idsFile = ''] = process.argv.slice(2);
const app = kind === 'bare' ? await bareServer(directory, idsFile) : helloServer();
const address = await app.listen({ host: '127.0.0.1', port: 0 });
console.log(`ready at ${address}`);
process.once('SIGTERM', () => void app.close());

function helloServer(): FastifyInstance {
  const hello = Fastify();
  hello.get('/', async () => ({ message: 'hello' }));
  return hello;
}

async function bareServer(directory: string, idsFile: string): Promise<FastifyInstance> {
  const database = await openEmbedded({ directory, log: silentLog });
  const key = randomBytes(32);
  await database.ownerSession((client) => fill(client, key, JSON.parse(readFileSync(idsFile, 'utf8'))));
  const pool = new pg.Pool({ ...database.server.login('owner'), max: poolSize });
  const bare = Fastify();
  bare.addHook('onClose', async () => {
    await pool.end();
    await database.close();
  });
  bare.get<{ Params: { id: string } }>('/v2/workspaces/bench/secrets/:id', async ({ params: { id } }) => {
    const { rows } = await pool.query<Row>({
      name: 'read_secret',
      text: 'select name, sealed from bench_secret where id = $1',
      values: [id],
    });
    const row = rows[0];
    if (row === undefined) throw new Error('no such secret');
    return answer(id, row.name, JSON.parse(open(key, row.sealed).toString('utf8')));
  });
  return bare;
}

/** As large as the product's own answer, and as nested. */
function answer(id: string, name: string, tokens: ReturnType<typeof benchTokens>) {
  return {
    data: {
      id,
      type: 'auth-secret',
      links: { self: `/v2/workspaces/00000000-0000-4000-8000-000000000002/secrets/${id}` },
      attributes: {
        name,
        state: 'ready',
        type: 'oauth2',
        credentials: {
          access_token: tokens.access,
          refresh_token: 'not handed out',
          token_type: tokens.type,
          expires_in: 3600,
          expires_at: '2030-01-01T00:00:00.000Z',
          scope: tokens.scope,
          undefined_params: tokens.extra,
        },
      },
      relationships: {
        workspace: {
          data: { id: '00000000-0000-4000-8000-000000000002', type: 'workspace' },
          links: { self: '/v2/workspaces/00000000-0000-4000-8000-000000000002' },
        },
        auth_client: {
          data: { id: '00000000-0000-4000-8000-000000000003', type: 'auth-client' },
          links: { self: '/v2/auth-clients/00000000-0000-4000-8000-000000000003' },
        },
      },
    },
    meta: {},
  };
}

function open(key: Buffer, sealed: Buffer): Buffer {
  const decryption = createDecipheriv(cipher, key, sealed.subarray(0, nonceLength), {
    authTagLength: tagLength,
  });
  decryption.setAuthTag(sealed.subarray(sealed.length - tagLength));
  const bytes = decryption.update(sealed.subarray(nonceLength, sealed.length - tagLength));
  return Buffer.concat([bytes, decryption.final()]);
}

function seal(key: Buffer, plain: string): Buffer {
  const nonce = randomBytes(nonceLength);
  const encryption = createCipheriv(cipher, key, nonce, { authTagLength: tagLength });
  return Buffer.concat([
    nonce,
    encryption.update(plain, 'utf8'),
    encryption.final(),
    encryption.getAuthTag(),
  ]);
}

async function fill(client: pg.Client, key: Buffer, ids: readonly string[]): Promise<void> {
  await client.query(
    'create table bench_secret (id uuid primary key, name text not null, sealed bytea not null)',
  );
  for (let at = 0; at < ids.length; at += rowsPerInsert) {
    const some = ids.slice(at, at + rowsPerInsert);
    await client.query('insert into bench_secret select * from unnest($1::uuid[], $2::text[], $3::bytea[])', [
      some,
      some.map((id) => `Secret ${id}`),
      some.map((id) => seal(key, JSON.stringify(benchTokens(id)))),
    ]);
  }
  await client.query('vacuum analyze bench_secret');
}
