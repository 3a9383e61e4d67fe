// The sealed values of a credential: a row per field, each bound to credential, field and its own number.
import { invalidField } from '../kernel/fault.ts';
import type { CredentialId, TenantId } from '../kernel/ids.ts';
import type { Plain } from '../kernel/plain.ts';
import type { Tx } from '../storage/doors.ts';
import { placeOf } from '../vault/sealed-columns.ts';
import type { Vault } from '../vault/vault.ts';
import type { ConnectionType } from './connection-type.ts';
import { selectValues, takeValueNo, upsertValue } from './credential-store.ts';

/** Enough for a PEM chain or a service account file; a guard, not a limit that providers reach. */
const maxValueBytes = 65_536;

export type Values = ReadonlyMap<string, Plain>;

function valuePlace(tenant: TenantId, id: CredentialId, fieldKey: string, valueNo: number) {
  return placeOf('credentialValue', {
    tenant_id: tenant,
    credential_id: id,
    field_key: fieldKey,
    value_no: valueNo,
  });
}

/** Every key must be a field of the type. Missing required ones are named when `isComplete`. */
export function checkValues(
  type: ConnectionType,
  values: Values,
  options: { readonly isComplete: boolean },
): void {
  const known = new Set(type.fields.map((field) => field.key));
  for (const [key, value] of values) {
    if (!known.has(key)) {
      const names = type.fields.filter((field) => field.shown).map((field) => field.key);
      throw invalidField(
        `values.${key.slice(0, 60)}`,
        `${type.label} has no such field.`,
        names.length === 0 ? 'It takes no fields.' : `Its fields are: ${names.join(', ')}.`,
      );
    }
    if (value.byteLength > maxValueBytes) {
      throw invalidField(`values.${key}`, `is longer than ${maxValueBytes} bytes.`, 'Shorten it.');
    }
    if (value.revealBytes().includes(0))
      throw invalidField(`values.${key}`, 'holds a NUL character.', 'Remove it.');
  }
  if (!options.isComplete) return;
  for (const field of type.fields) {
    if (!field.required || field.defaultValue !== null) continue;
    if ((values.get(field.key)?.byteLength ?? 0) === 0) {
      throw invalidField(`values.${field.key}`, `${field.label} is required.`, 'Give it a value.');
    }
  }
}

const maxParams = 50;
const maxParamLength = 2_000;

/** Free parameters that travel in a URL: few, short, and without characters that change what a person reads. */
export function checkParams(params: Readonly<Record<string, string>>, field: string): void {
  const entries = Object.entries(params);
  if (entries.length > maxParams) {
    throw invalidField(field, `holds more than ${maxParams} parameters.`, 'Remove some.');
  }
  for (const [name, value] of entries) {
    const isFit =
      /^[\x21-\x7e]{1,200}$/.test(name) && value.length <= maxParamLength && !/\p{Cc}/u.test(value);
    if (isFit) continue;
    throw invalidField(
      field,
      'holds a parameter that is too long or has control characters.',
      `Names take up to 200 printable characters, values up to ${maxParamLength}.`,
    );
  }
}

export async function storeValue(options: {
  readonly tx: Tx;
  readonly vault: Vault;
  readonly tenant: TenantId;
  readonly credentialId: CredentialId;
  readonly fieldKey: string;
  readonly value: Plain;
}): Promise<void> {
  const { tx, vault, tenant, credentialId, fieldKey } = options;
  const valueNo = await takeValueNo(tx, credentialId);
  const sealed = await vault.seal(tx, valuePlace(tenant, credentialId, fieldKey, valueNo), options.value);
  await upsertValue(tx, credentialId, { fieldKey, sealed, valueNo });
}

/** What is stored under the credential itself. For resolving connections and the OAuth rooms only. */
export async function openStoredValues(options: {
  readonly tx: Tx;
  readonly vault: Vault;
  readonly tenant: TenantId;
  readonly credentialId: CredentialId;
}): Promise<Map<string, Plain>> {
  const { tx, vault, tenant, credentialId } = options;
  const opened = new Map<string, Plain>();
  for (const row of await selectValues(tx, credentialId)) {
    opened.set(
      row.fieldKey,
      await vault.open(tx, valuePlace(tenant, credentialId, row.fieldKey, row.valueNo), row.sealed),
    );
  }
  return opened;
}
