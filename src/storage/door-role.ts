// The database roles behind the doors, and why each exists. None may bypass row-level security; the owner owns the
// tables and yet sees no tenant's rows, because security is forced on owners too.

/** Owns the tables. Migrations and operator commands work as this role. */
export const ownerRole = 'latchkey_owner';

export const doorRoles = {
  /** Requests on behalf of one tenant: sees the rows of the tenant set for the transaction. */
  app: 'latchkey_app',
  /** Background loops over all tenants: scheduling columns only, never values. */
  scheduler: 'latchkey_scheduler',
  /** Finds the tenant that something belongs to. Read only. */
  locator: 'latchkey_locator',
  /** People's sign-in, which is outside of tenants. */
  accounts: 'latchkey_accounts',
} as const;

export type Door = keyof typeof doorRoles;
export const doors = Object.keys(doorRoles) as readonly Door[];
