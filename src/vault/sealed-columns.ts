// Every column that holds sealed values, and how a row of it becomes a place. Rooms build their places with
// `placeOf`, the re-encryption after a key rotation builds the same ones from the rows: one definition, so that the
// two cannot drift apart. A database test compares the list with the catalogue.
import { Fault } from '../kernel/fault.ts';
import type { TenantId } from '../kernel/ids.ts';
import type { Place, RecordType } from './place.ts';

export type SealedColumn = {
  readonly table: string;
  readonly column: string;
  /** Primary key besides tenant_id: how a row is found again. */
  readonly key: readonly string[];
  readonly record: RecordType;
  readonly recordId: string;
  /** A column that names the field, or a constant name. */
  readonly field: { readonly column: string } | { readonly name: string };
  /** The record's own counter; null = written once, 0. */
  readonly counter: string | null;
};

export const sealedColumns = {
  authClientValues: {
    table: 'auth_client',
    column: 'values_sealed',
    key: ['id'],
    record: 'auth_client',
    recordId: 'id',
    field: { name: 'values' },
    counter: 'value_no',
  },
  authClientSecret: {
    table: 'auth_client_secret',
    column: 'sealed',
    key: ['id'],
    record: 'auth_client_secret',
    recordId: 'id',
    field: { name: 'secret' },
    counter: 'no',
  },
  templateValue: {
    table: 'template_value',
    column: 'sealed',
    key: ['template_id', 'field_key'],
    record: 'template_value',
    recordId: 'template_id',
    field: { column: 'field_key' },
    counter: 'value_no',
  },
  credentialValue: {
    table: 'credential_value',
    column: 'sealed',
    key: ['credential_id', 'field_key'],
    record: 'credential_value',
    recordId: 'credential_id',
    field: { column: 'field_key' },
    counter: 'value_no',
  },
  grantTokens: {
    table: 'oauth_grant',
    column: 'ct',
    key: ['credential_id'],
    record: 'grant',
    recordId: 'credential_id',
    field: { name: 'tokens' },
    counter: 'token_no',
  },
  revocationTokens: {
    table: 'revocation',
    column: 'sealed',
    key: ['id'],
    record: 'revocation',
    recordId: 'id',
    field: { name: 'tokens' },
    counter: null,
  },
  revocationClientSecrets: {
    table: 'revocation',
    column: 'client_secrets_sealed',
    key: ['id'],
    record: 'revocation',
    recordId: 'id',
    field: { name: 'client_secrets' },
    counter: null,
  },
  authorizationVerifier: {
    table: 'oauth_authorization',
    column: 'verifier_sealed',
    key: ['id'],
    record: 'authorization',
    recordId: 'id',
    field: { name: 'verifier' },
    counter: null,
  },
  authorizationResult: {
    table: 'oauth_authorization',
    column: 'result_sealed',
    key: ['id'],
    record: 'authorization',
    recordId: 'id',
    field: { name: 'result' },
    counter: null,
  },
  configDefault: {
    table: 'config_variable_field',
    column: 'default_sealed',
    key: ['config_variable_id', 'field_key'],
    record: 'config_default',
    recordId: 'config_variable_id',
    field: { column: 'field_key' },
    counter: 'default_no',
  },
  instanceState: {
    table: 'instance',
    column: 'state_sealed',
    key: ['id'],
    record: 'instance',
    recordId: 'id',
    field: { name: 'state' },
    counter: 'state_no',
  },
  flowState: {
    table: 'instance_flow',
    column: 'state_sealed',
    key: ['id'],
    record: 'instance_flow',
    recordId: 'id',
    field: { name: 'state' },
    counter: 'state_no',
  },
  executionPayload: {
    table: 'execution',
    column: 'payload_sealed',
    key: ['id'],
    record: 'execution',
    recordId: 'id',
    field: { name: 'payload' },
    counter: null,
  },
  stepResult: {
    table: 'step_result',
    column: 'result_sealed',
    key: ['execution_id', 'position'],
    record: 'step',
    recordId: 'execution_id',
    field: { name: 'result' },
    counter: 'position',
  },
  flowDocument: {
    table: 'outside_flow',
    column: 'document_sealed',
    key: ['id'],
    record: 'outside_flow',
    recordId: 'id',
    field: { name: 'document' },
    counter: 'document_no',
  },
  flowStartup: {
    table: 'outside_flow',
    column: 'startup_sealed',
    key: ['id'],
    record: 'outside_flow',
    recordId: 'id',
    field: { name: 'startup' },
    counter: null,
  },
} as const satisfies Record<string, SealedColumn>;

export type SealedColumnName = keyof typeof sealedColumns;

type Named<T> = T extends string ? T : never;
type FieldColumn<C> = C extends { readonly field: { readonly column: infer F } } ? Named<F> : never;
type RowOf<C extends SealedColumn> = { readonly tenant_id: string } & {
  readonly [K in Named<C['recordId']> | FieldColumn<C>]: string;
} & { readonly [K in Named<C['counter']>]: number | string | bigint };

/**
 * The place of one row's value: `placeOf('credentialValue', { tenant_id, credential_id, field_key, value_no })`.
 * The members are the columns that the place is made of; a wider row may be passed as it is.
 */
export function placeOf<Name extends SealedColumnName>(
  name: Name,
  row: RowOf<(typeof sealedColumns)[Name]>,
): Place {
  return placeOfRow(sealedColumns[name], row);
}

/** For the re-encryption, which only knows rows by column name. */
export function placeOfRow(column: SealedColumn, row: Readonly<Record<string, unknown>>): Place {
  const text = (name: string): string => {
    const value = row[name];
    if (typeof value !== 'string') throw new Fault('internal', `The place of ${column.table} lacks ${name}.`);
    return value;
  };
  return {
    tenant: text('tenant_id') as TenantId,
    record: column.record,
    recordId: text(column.recordId),
    field: 'column' in column.field ? text(column.field.column) : column.field.name,
    // bigint columns arrive as text.
    counter: column.counter === null ? 0 : Number(row[column.counter]),
  };
}
