// Secrets of types that only a component and its auth client understand: an object kept and answered as it came.
import type { Reading } from '../../../refresh/reading.ts';
import { readPart } from '../read-input.ts';
import { extraFieldsKey, freeObject, readExtraFields, sealableFields } from './extra-fields.ts';
import { credentialsPath, type SecretKind } from './secret-kind.ts';

export const freeKind: SecretKind = {
  connectionType: 'noauth',
  schemas: { made: freeObject, changed: freeObject },
  read: (credentials: unknown, current: Reading | null) => {
    const given = readPart(freeObject, credentials ?? {}, credentialsPath);
    const before = current === null ? null : readExtraFields(current);
    return {
      values: new Map([[extraFieldsKey, sealableFields({ ...before, ...given })]]),
      tokens: null,
      authorizeParams: null,
    };
  },
  show: (reading) => readExtraFields(reading) ?? {},
};
