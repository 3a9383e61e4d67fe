// Texts that stand in links: they carry their tenant, so that no look-up over all tenants is needed. Secret ones end in
// 256 random bits and are known here only by their hash; record keys only name a record and give no right.
import { createHash } from 'node:crypto';
import { type Id, isUuid, type TenantId } from '../kernel/ids.ts';

const tenantLength = 22;
const secretLength = 43;
const urlSafe = /^[A-Za-z0-9_-]+$/;

/** 65 characters: the tenant, then the secret. Used for `state` and for invitations. */
export function secretLink(tenant: TenantId, secret: Buffer): string {
  return `${bytesOf(tenant).toString('base64url')}${secret.toString('base64url')}`;
}

/** Null for anything that was not made by `secretLink`. */
export function tenantOfSecretLink(text: string): TenantId | null {
  if (text.length !== tenantLength + secretLength || !urlSafe.test(text)) return null;
  return uuidOf<TenantId>(Buffer.from(text.slice(0, tenantLength), 'base64url'));
}

/** What is stored of a secret link. Random input of 256 bits needs no slow hash. */
export function hashLink(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** 43 characters that name a record of a tenant; no right comes with them. */
export function recordKey(tenant: TenantId, id: string): string {
  return Buffer.concat([bytesOf(tenant), bytesOf(id)]).toString('base64url');
}

export function parseRecordKey<T extends Id<string>>(
  text: string,
): { readonly tenant: TenantId; readonly id: T } | null {
  if (text.length !== secretLength || !urlSafe.test(text)) return null;
  const bytes = Buffer.from(text, 'base64url');
  const tenant = uuidOf<TenantId>(bytes.subarray(0, 16));
  const id = uuidOf<T>(bytes.subarray(16, 32));
  return tenant === null || id === null ? null : { tenant, id };
}

function bytesOf(uuid: string): Buffer {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex');
}

function uuidOf<T extends Id<string>>(bytes: Buffer): T | null {
  const hex = bytes.toString('hex');
  const text = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return isUuid(text) ? (text as T) : null;
}
