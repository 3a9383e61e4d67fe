// What a caller sent to a trigger: kept sealed from its arrival until the first step reads it.
import { Fault, invalidField } from '../kernel/fault.ts';
import type { ExecutionId, TenantId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';
import { type Sealed, sealedFromColumn } from '../vault/sealed.ts';
import { placeOf } from '../vault/sealed-columns.ts';
import type { Vault } from '../vault/vault.ts';
import { pack, unpack } from './packed.ts';

export type Payload = {
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly contentType: string | null;
  /** What stood behind the trigger's address. */
  readonly path: string;
};

export const emptyPayload: Payload = {
  headers: {},
  query: {},
  body: Buffer.alloc(0),
  contentType: null,
  path: '',
};

const maxBodyBytes = 10 * 1024 * 1024;
const maxHeadBytes = 64 * 1024;

// What authenticates the caller to us is not the flow's business, and its results are shown to people.
const ownHeaders = new Set(['authorization', 'cookie', 'api-key', 'proxy-authorization']);

export function checkPayload(payload: Payload): Payload {
  if (payload.body.length > maxBodyBytes) {
    throw new Fault('too_large', `The body has ${payload.body.length} bytes.`, {
      cure: `At most ${maxBodyBytes} are taken.`,
    });
  }
  const headers = Object.fromEntries(
    Object.entries(payload.headers).filter(([name]) => !ownHeaders.has(name.toLowerCase())),
  );
  if (JSON.stringify([headers, payload.query, payload.path]).length > maxHeadBytes) {
    throw invalidField('headers', 'and query are too long.', 'Send large data in the body.');
  }
  return { ...payload, headers };
}

export async function sealPayload(
  tx: Tx,
  vault: Vault,
  key: { readonly tenant: TenantId; readonly id: ExecutionId },
  payload: Payload,
): Promise<Sealed> {
  return await vault.seal(
    tx,
    placeOf('executionPayload', { tenant_id: key.tenant, id: key.id }),
    pack(payload),
  );
}

export async function openPayload(
  tx: Tx,
  vault: Vault,
  key: { readonly tenant: TenantId; readonly id: ExecutionId },
  column: Buffer | null,
): Promise<Payload> {
  if (column === null) return emptyPayload;
  const place = placeOf('executionPayload', { tenant_id: key.tenant, id: key.id });
  const opened = unpack(await vault.open(tx, place, sealedFromColumn(column))) as Payload;
  return { ...opened, body: Buffer.from(opened.body) };
}

/** JSON as data, text as text, anything else as bytes. */
export function bodyData({ body, contentType }: Payload): unknown {
  const type = (contentType ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  if (body.length === 0) return '';
  if (type === 'application/json' || type.endsWith('+json')) return jsonOrText(body.toString('utf8'));
  const isText =
    type === '' ? isReadable(body) : type.startsWith('text/') || textTypes.has(type) || type.endsWith('+xml');
  return isText ? body.toString('utf8') : body;
}

const textTypes = new Set(['application/xml', 'application/x-www-form-urlencoded', 'application/javascript']);

function jsonOrText(text: string): unknown {
  try {
    // Anybody may call a trigger: a name that would change what an object is must not reach a component.
    const mayHoldName = text.includes('__proto__') || text.includes('\\u');
    return mayHoldName
      ? JSON.parse(text, (key, value: unknown) => (key === '__proto__' ? undefined : value))
      : JSON.parse(text);
  } catch {
    return text;
  }
}

function isReadable(body: Buffer): boolean {
  return !body.includes(0) && Buffer.from(body.toString('utf8'), 'utf8').equals(body);
}
