// Secrets that are plain fields: `basic`, `api_key`, `noauth`; each names its fields in this dialect and in the house's.
import { z } from 'zod';
import { Plain } from '../../../kernel/plain.ts';
import type { Reading } from '../../../refresh/reading.ts';
import { readPart } from '../read-input.ts';
import { extraFieldsKey, freeObject, readExtraFields, sealableFields } from './extra-fields.ts';
import { credentialsPath, type SecretInput, type SecretKind } from './secret-kind.ts';

/** `fieldKeys`: name in this dialect -> key of the connection type's field. */
function fieldKind(connectionType: string, fieldKeys: Readonly<Record<string, string>>): SecretKind {
  const names = Object.keys(fieldKeys);
  const text = z.string().max(65_536);
  const complete = z.strictObject({
    ...Object.fromEntries(names.map((name) => [name, text.min(1)])),
    fields: freeObject.optional(),
  });
  const partial = complete.partial();

  function read(credentials: unknown, current: Reading | null): SecretInput {
    const given: Readonly<Record<string, unknown>> = readPart(
      current === null ? complete : partial,
      credentials ?? {},
      credentialsPath,
    );
    const values = new Map<string, Plain>();
    for (const name of names) {
      const value = given[name];
      if (typeof value === 'string') values.set(fieldKeys[name] ?? name, Plain.fromText(value));
    }
    if (given.fields !== undefined) {
      values.set(extraFieldsKey, sealableFields(given.fields as Record<string, unknown>));
    }
    return { values, tokens: null, authorizeParams: null };
  }

  function show(reading: Reading): Readonly<Record<string, unknown>> {
    const shown: Record<string, unknown> = {};
    for (const name of names) {
      const value = reading.values.get(fieldKeys[name] ?? name);
      if (value !== undefined) shown[name] = value.revealText();
    }
    const fields = readExtraFields(reading);
    return fields === null ? shown : { ...shown, fields };
  }

  return { connectionType, schemas: { made: complete, changed: partial }, read, show };
}

export const basicKind = fieldKind('basic', { username: 'username', password: 'password' });
export const apiKeyKind = fieldKind('api_key', { headerName: 'header_name', headerValue: 'api_key' });
export const noauthKind = fieldKind('noauth', {});
