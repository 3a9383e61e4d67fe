// Secrets whose fields a component or another dialect has declared: shown and changed under their own keys.
import { z } from 'zod';
import { Plain } from '../../../kernel/plain.ts';
import { readPart } from '../read-input.ts';
import { credentialsPath, type SecretKind } from './secret-kind.ts';

const schema = z.record(z.string().min(1).max(200), z.string().max(65_536));

export const declaredKind: SecretKind = {
  // Never made here: they come into being where their type is known.
  connectionType: 'noauth',
  schemas: { made: schema, changed: schema },
  read: (credentials) => {
    const given = readPart(schema, credentials ?? {}, credentialsPath);
    const values = new Map(Object.entries(given).map(([key, value]) => [key, Plain.fromText(value)]));
    return { values, tokens: null, authorizeParams: null };
  },
  show: (reading) => Object.fromEntries([...reading.values].map(([key, value]) => [key, value.revealText()])),
};
