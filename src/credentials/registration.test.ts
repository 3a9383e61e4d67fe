import { expect, test } from 'vitest';
import { newId, platformTenantId, type TenantId } from '../kernel/ids.ts';
import { providerKeyOf } from './registration.ts';

const [one, other] = [newId<TenantId>(), newId<TenantId>()];
const app = { tokenUrl: 'https://provider.example/token', clientId: 'app-1' };

test('whoever types the client id of somebody else’s app gets rates and a breaker of his own', () => {
  expect(providerKeyOf({ ...app, tenantId: one })).not.toBe(providerKeyOf({ ...app, tenantId: other }));
  expect(providerKeyOf({ ...app, tenantId: platformTenantId })).toBe(
    providerKeyOf({ ...app, tenantId: platformTenantId }),
  );
});

test('endpoints of one host share a key, and it does not show the client id', () => {
  const key = providerKeyOf({ ...app, tenantId: one });
  expect(providerKeyOf({ ...app, tenantId: one, tokenUrl: 'https://provider.example/v2/token' })).toBe(key);
  expect(providerKeyOf({ ...app, tenantId: one, tokenUrl: 'https://other.example/token' })).not.toBe(key);
  expect(providerKeyOf({ ...app, tenantId: one, clientId: 'app-2' })).not.toBe(key);
  expect(key).toMatch(/^provider\.example [0-9a-f]{16}$/);
});
